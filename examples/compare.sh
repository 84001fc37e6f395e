#!/usr/bin/env bash
# compare.sh EXPECTED PROGRAM...: the program must succeed and print what the file says.
set -uo pipefail
expected=$1
shift
[[ -e $expected ]] || { echo "$expected is missing; read the output, then record it:  $* > $expected"; exit 1; }
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$@" >"$output" || { status=$?; cat "$output"; echo "it failed with status $status"; exit 1; }
diff -u --label expected --label printed "$expected" "$output"

#!/usr/bin/env bash
# smoke.sh PROGRAM PYTHON: every short row of the prefill program runs once and is right, and the scripts can read what
# it writes.  Nothing is measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GLINT_BENCH_SECONDS=0 PYTHONDONTWRITEBYTECODE=1

"$1" --benchmark_filter=/P4/ --benchmark_out="$folder/rows.json" --benchmark_out_format=json
"$2" "$here/report.py" --matrix "smoke=$folder/rows.json"  # fails if a row did not run or was wrong
"$2" "$here/plot.py" "$folder/plot.svg" "$folder/rows.json"
grep -q 'glint f32' "$folder/plot.svg"

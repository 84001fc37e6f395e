#!/usr/bin/env bash
# no_shared_symbols.sh NM OBJECT...: fails if two objects define the same mergeable symbol of namespace glint.
set -euo pipefail
nm=$1
shift
mergeable() { "$nm" --defined-only "$1" | awk '$2 ~ /^[WVwvu]$/ && $3 ~ /5glint/ { print $3 }' | sort -u; }
all=$(for object in "$@"; do mergeable "$object"; done)
shared=$(sort <<<"$all" | uniq -d)
if [[ -n $shared ]]; then
  echo "defined by units with different -m flags or tuning tables, so the linker may keep the wrong one:"
  { command -v c++filt >/dev/null && c++filt || cat; } <<<"$shared"
  exit 1
fi
echo "$(grep -c . <<<"$all") mergeable symbols in $# objects, none shared"

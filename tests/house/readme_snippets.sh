#!/usr/bin/env bash
# README code is not typed twice: each block behind a comment <!-- FILE --> must be that file, letter for letter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
files=$(sed -n 's/^<!-- \(.*\) -->$/\1/p' README.md)
[[ -n $files ]] || { echo "README.md names no file for its code"; exit 1; }
for file in $files; do
  awk -v mark="<!-- $file -->" '$0 == mark { found = 1; next } found && /^```/ { if (++fence == 2) exit; next } found && fence == 1' \
    README.md | diff -u --label README.md --label "$file" - "$file"
done

#!/usr/bin/env bash
# must_fail.sh REGEX COMPILER...: passes if the compiler refuses, and for the reason that REGEX names.
set -u
regex=$1
shift
if messages=$(LC_ALL=C "$@" 2>&1); then
  echo "it compiled, but should have failed with: $regex"
  exit 1
fi
if ! grep -qE -- "$regex" <<<"$messages"; then
  printf 'it failed, but no message matches: %s\n%s\n' "$regex" "$messages"
  exit 1
fi
grep -m1 -E -- "$regex" <<<"$messages"

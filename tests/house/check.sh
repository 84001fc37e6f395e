#!/usr/bin/env bash
# The house rules that a machine can read.  check.sh [ROOT] prints the graph of the floors and every breach.
#   climb    a header includes its own folder and lower floors; reference/ sees core/; nobody sees reference/
#   sibling  files of policy/ do not know each other, but recipe.hpp and any.hpp know all, and executor_x.hpp varies
#            executor.hpp
#   include  headers of glint are included as "glint/folder/name.hpp"
#   word     no printing, abort, exception or allocation in include/
#   letter   no identifier is a single capital: somebody's macro is (tests/link/hostile_macros.cpp)
#   length   at most 300 lines
#   text     ASCII, no tabs, no trailing blanks
# exceptions.txt excuses single files, with a reason; an exception that nothing needs any more is a breach too.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"

files=$(find include tests examples bench cmake CMakeLists.txt -type f \
  \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cmake' -o -name '*.sh' -o -name CMakeLists.txt \) | sort)

# shellcheck disable=SC2086  # no name in this repository has a blank
awk -v exceptions="$here/exceptions.txt" -f "$here/check.awk" $files

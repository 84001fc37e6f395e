#!/usr/bin/env bash
# pkg_config.sh PKG_CONFIG DIRECTORY_OF_PC COMPILER SOURCE PROGRAM
set -euo pipefail
export PKG_CONFIG_PATH=$2
flags=$("$1" --cflags glint)
echo "flags: $flags"
# shellcheck disable=SC2086  # the flags are several words
"$3" -std=c++20 $flags "$4" -o "$5"
"$5"

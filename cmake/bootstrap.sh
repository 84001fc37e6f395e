# Sourced by ./examples/run and ./tests/run: makes sure that what the build needs is there, or says what to type.
#   glint_bootstrap [PACKAGE...]    the PACKAGEs come on top of the usual ones
# Installs on Debian and Ubuntu only, and only where it may: as root, or with a sudo that asks no password.

glint_packages=(g++ cmake ninja-build libeigen3-dev libgtest-dev libbenchmark-dev)
# Of the reference kit.
# shellcheck disable=SC2034  # for those who source this
glint_kit_packages=(nlohmann-json3-dev libssl-dev libzip-dev)

# A tool counts wherever it comes from (a newer compiler in $CXX, cmake from pip); a library where find_package looks.
glint_has() {
  case $1 in
    g++) command -v "${CXX:-c++}" >/dev/null ;;
    cmake) command -v cmake >/dev/null ;;
    ninja-build) command -v ninja >/dev/null || command -v ninja-build >/dev/null ;;
    clang) command -v clang++ >/dev/null ;;
    python3) command -v python3 >/dev/null ;;
    qemu-user) command -v qemu-x86_64 >/dev/null && command -v qemu-aarch64 >/dev/null ;;
    g++-aarch64-linux-gnu) command -v aarch64-linux-gnu-g++ >/dev/null ;;
    *) [[ ${GLINT_FETCH_DEPS:-OFF} == ON ]] ||
      [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]] ;;
  esac
}

glint_missing() {
  local package
  for package in "$@"; do glint_has "$package" || echo "$package"; done
}

glint_apt() {  # runs apt-get as root, with its chatter in a log that is shown only if it fails
  local -a as_root=()
  [[ $(id -u) == 0 ]] || as_root=(sudo -n)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" >"$glint_log" 2>&1
}

glint_bootstrap() {
  local -a missing
  mapfile -t missing < <(glint_missing "${glint_packages[@]}" "$@")
  if ! command -v apt-get >/dev/null; then
    # Not Debian: libraries are find_package's business, but without tools there is nothing to ask it.
    mapfile -t missing < <(glint_missing g++ cmake ninja-build)
    if ((${#missing[@]})); then
      echo "glint needs a C++20 compiler (g++ 12, clang++ 14 or newer), CMake 3.25 and Ninja; not found: ${missing[*]}" >&2
      echo "Libraries can be downloaded: GLINT_FETCH_DEPS=ON $0" >&2
      exit 1
    fi
  elif ((${#missing[@]})); then
    local line="apt-get install -y --no-install-recommends ${missing[*]}"
    if [[ $(id -u) != 0 ]] && ! sudo -n true 2>/dev/null; then
      echo "glint needs packages that are not installed, and may not install them itself. Please run:" >&2
      echo "  sudo apt-get update && sudo $line" >&2
      exit 1
    fi
    echo "glint: installing ${missing[*]} (once)"
    glint_log=$(mktemp)
    # A failed update need not matter: the lists may be good enough.
    glint_apt update || true
    if ! glint_apt install -y --no-install-recommends "${missing[@]}"; then
      tail -n 20 "$glint_log" >&2
      rm -f "$glint_log"
      echo "glint: the installation failed. By hand:  sudo apt-get update && sudo $line" >&2
      exit 1
    fi
    rm -f "$glint_log"
  fi

  local version
  version=$(cmake --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
  if [[ $(printf '%s\n' 3.25 "$version" | sort -V | head -n 1) != 3.25 ]]; then
    echo "glint needs CMake 3.25 or newer; this is $version. A newer one:  pip install cmake" >&2
    exit 1
  fi
}

# glint_build PRESET [TARGET...]: configures if need be and builds, showing progress.
glint_build() {
  local preset=$1
  shift
  export NINJA_STATUS='[%f/%t, %es] '
  cmake --preset "$preset" -DGLINT_FETCH_DEPS="${GLINT_FETCH_DEPS:-OFF}" --log-level=WARNING &&
    cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}

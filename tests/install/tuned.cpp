// A program with a tuning table that glint brings along: it compiles on any machine, and is used on its own.
#include <cstdio>
#include <cstring>

#include "glint/glint.hpp"

int main() {
  const glint::tuned::Use use = glint::tuned::in_use();
  std::printf("%s: %s\n", use.table, use.note);
  return std::strcmp(use.table, "amd_zen4") == 0 ? 0 : 1;
}

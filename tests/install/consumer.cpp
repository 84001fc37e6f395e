// The smallest program that uses glint as a stranger would.
#include <cstdio>

#include "glint/core/config.hpp"

#if __has_include("glint/glint.hpp")  // the umbrella
#include "glint/glint.hpp"
#endif

int main() {
  std::printf("glint %d\n", GLINT_VERSION);
  return GLINT_VERSION > 0 ? 0 : 1;
}

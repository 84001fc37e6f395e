/* It writes through a null pointer. */
#include "right.h"

int glint_provider_run(const glint_problem* p) {
  *(volatile int*)0 = 1;
  return right_run(p);
}

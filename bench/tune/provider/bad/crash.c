/* Writes through a null pointer. */
#include "textbook.h"

const char* glint_provider_name(void) { return "crash"; }
int glint_provider_run(const glint_problem* p) {
  *(volatile int*)0 = 1;
  return textbook_run(p);
}

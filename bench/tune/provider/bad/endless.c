/* Never returns. */
#include "textbook.h"

const char* glint_provider_name(void) { return "endless"; }
int glint_provider_run(const glint_problem* p) {
  static volatile int stop = 0;
  while (!stop) continue;
  return textbook_run(p);
}

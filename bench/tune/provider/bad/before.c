/* Writes one number before the output. */
#include "textbook.h"

const char* glint_provider_name(void) { return "before"; }
int glint_provider_run(const glint_problem* p) {
  first_number(p)[-1] = 0;
  return textbook_run(p);
}

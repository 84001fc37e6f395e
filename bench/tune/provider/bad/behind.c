/* Writes one number behind the output. */
#include "textbook.h"

const char* glint_provider_name(void) { return "behind"; }
int glint_provider_run(const glint_problem* p) {
  *end_of_numbers(p) = 0;
  return textbook_run(p);
}

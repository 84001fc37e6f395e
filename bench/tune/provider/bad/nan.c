/* Writes no numbers. */
#include "textbook.h"

const char* glint_provider_name(void) { return "nan"; }
int glint_provider_run(const glint_problem* p) {
  for (float* out = first_number(p); out < end_of_numbers(p); ++out) *out = NAN;
  return 0;
}

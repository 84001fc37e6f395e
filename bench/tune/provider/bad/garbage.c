/* Writes numbers that mean nothing. */
#include "textbook.h"

const char* glint_provider_name(void) { return "garbage"; }
int glint_provider_run(const glint_problem* p) {
  uint32_t state = 1;
  for (float* out = first_number(p); out < end_of_numbers(p); ++out) {
    state = state * 1664525u + 1013904223u;
    *out = (float)state / 4294967296.0f - 0.5f;
  }
  return 0;
}

/* Says that it does everything, and takes all numbers for floats. */
#define glint_provider_supports textbook_supports
#include "textbook.h"
#undef glint_provider_supports

const char* glint_provider_name(void) { return "greedy"; }
int glint_provider_supports(const glint_problem* p) {
  (void)p;
  return 1;
}
int glint_provider_run(const glint_problem* p) { return textbook_run(p); }

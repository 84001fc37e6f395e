/* Does not do what it said it would, and says why in two lines. */
#include "textbook.h"

const char* glint_provider_name(void) { return "code"; }
const char* glint_provider_error(void) { return "the \"moon\" is\nin the wrong phase"; }
int glint_provider_run(const glint_problem* p) {
  (void)p;
  return 7;
}

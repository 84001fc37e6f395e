/* Gives the right result and spoils a number of q. */
#include "textbook.h"

const char* glint_provider_name(void) { return "input"; }
int glint_provider_run(const glint_problem* p) {
  float* q = glint_row(&p->q, 0, 0, 0);
  const int code = textbook_run(p);
  q[0] += 1;
  return code;
}

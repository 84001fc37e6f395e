/* Leaves the last row of each head as it was. */
#include "textbook.h"

const char* glint_provider_name(void) { return "unwritten"; }
int glint_provider_run(const glint_problem* p) {
  for (int64_t b = 0; b < p->batch; ++b)
    for (int64_t head = 0; head < p->heads; ++head)
      for (int64_t row = 0; row + 1 < p->q_len; ++row) attend(p, b, head, row);
  return 0;
}

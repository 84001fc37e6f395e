/* It clears the whole output first, rows of no entry too. */
#include "right.h"

int glint_provider_run(const glint_problem* p) {
  if (p->needs & GLINT_NEEDS_RAGGED)
    for (int64_t row = 0; row <= p->q_first[p->batch - 1] + p->q_rows[p->batch - 1]; ++row)
      ((float*)p->out.data)[row * p->out.row_stride] = 0;
  return right_run(p);
}

/* It writes one number behind its output. */
#include "right.h"

int glint_provider_run(const glint_problem* p) {
  const int64_t last = (p->batch - 1) * p->out.batch_stride + (p->heads - 1) * p->out.head_stride +
                       (p->q_len - 1) * p->out.row_stride + p->value_dim;
  ((float*)p->out.data)[last] = 1;
  return right_run(p);
}

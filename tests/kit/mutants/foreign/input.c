/* It scales the queries where they lie. */
#include "right.h"

int glint_provider_run(const glint_problem* p) {
  ((float*)p->q.data)[0] *= 0.5F;
  return right_run(p);
}

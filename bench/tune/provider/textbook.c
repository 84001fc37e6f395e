/* The shortest complete provider: the page to copy from.  Forward in f32, a row at a time, as the formula has it. */
#include <float.h>
#include <math.h>

#include "provider.h"

/* What it honors; any other need, known or to come, makes `supports` refuse. */
static const uint64_t kHonored = GLINT_NEEDS_GROUPS | GLINT_NEEDS_VALUE_DIM | GLINT_NEEDS_WINDOW | GLINT_NEEDS_MASK |
                                 GLINT_NEEDS_LENGTHS | GLINT_NEEDS_PAGES | GLINT_NEEDS_STATISTICS;

uint32_t glint_provider_abi(void) { return GLINT_PROVIDER_ABI; }
const char* glint_provider_name(void) { return "textbook"; }

int glint_provider_supports(const glint_problem* p) {
  return (p->op == GLINT_FORWARD || p->op == GLINT_DECODE) && p->q.dtype == GLINT_F32 && (p->needs & ~kHonored) == 0;
}

int64_t glint_provider_workspace(const glint_problem* p) { return p->kv_len * (int64_t)sizeof(float); }

/* One row of the output. */
static void attend(const glint_problem* p, int64_t b, int64_t head, int64_t row) {
  const int64_t kv_head = head / (p->heads / p->kv_heads), statistic = (b * p->heads + head) * p->q_len + row;
  const int64_t first = glint_first_key(p, b, row), end = glint_end_key(p, b, row);
  const float* q = glint_row(&p->q, b, head, row);
  const uint8_t* drop = glint_mask_row(p, b, head, row);
  float* out = glint_row(&p->out, b, head, row);
  float* scores = p->workspace;
  float max = -FLT_MAX, sum = 0;

  for (int64_t t = first; t < end; ++t) {
    const float* k = glint_key_row(p, &p->k, b, kv_head, t);
    float dot = 0;
    for (int64_t d = 0; d < p->head_dim; ++d) dot += q[d] * k[d];
    scores[t] = drop && drop[t] ? -INFINITY : p->scale * dot;
    if (scores[t] > max) max = scores[t];
  }
  for (int64_t d = 0; d < p->value_dim; ++d) out[d] = 0;
  for (int64_t t = first; t < end; ++t) {
    const float* v = glint_key_row(p, &p->v, b, kv_head, t);
    const float weight = expf(scores[t] - max);
    if (weight == 0) continue; /* not seen: nothing of v is touched */
    sum += weight;
    for (int64_t d = 0; d < p->value_dim; ++d) out[d] += weight * v[d];
  }
  for (int64_t d = 0; d < p->value_dim; ++d) out[d] = sum > 0 ? out[d] / sum : 0;
  if (p->softmax_max) p->softmax_max[statistic] = max;
  if (p->softmax_sum) p->softmax_sum[statistic] = sum > 0 ? sum : FLT_MAX;
}

int glint_provider_run(const glint_problem* p) {
  for (int64_t b = 0; b < p->batch; ++b)
    for (int64_t head = 0; head < p->heads; ++head)
      for (int64_t row = 0; row < p->q_len; ++row) attend(p, b, head, row);
  return 0;
}

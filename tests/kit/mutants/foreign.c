/* A second textbook: a forward kernel that honors all that provider.h can ask of one, in f32 with sums in double. */
#include <float.h>
#include <math.h>

#include "tune/provider/provider.h"

static const uint64_t kHonored = GLINT_NEEDS_GROUPS | GLINT_NEEDS_VALUE_DIM | GLINT_NEEDS_WINDOW | GLINT_NEEDS_MASK |
                                 GLINT_NEEDS_LENGTHS | GLINT_NEEDS_PAGES | GLINT_NEEDS_STATISTICS | GLINT_NEEDS_BIAS |
                                 GLINT_NEEDS_SOFTCAP | GLINT_NEEDS_SINK | GLINT_NEEDS_DROPOUT | GLINT_NEEDS_RAGGED |
                                 GLINT_NEEDS_LSE;

uint32_t glint_provider_abi(void) { return GLINT_PROVIDER_ABI; }
const char* glint_provider_name(void) { return "second-textbook"; }

int glint_provider_supports(const glint_problem* p) {
  return (p->op == GLINT_FORWARD || p->op == GLINT_DECODE) && p->q.dtype == GLINT_F32 && (p->needs & ~kHonored) == 0;
}

/* The scores of a row and the sums of its output. */
int64_t glint_provider_workspace(const glint_problem* p) {
  return (p->kv_len + p->value_dim) * (int64_t)sizeof(double);
}

static double capped(const glint_problem* p, double x) {
  return p->needs & GLINT_NEEDS_SOFTCAP ? p->softcap * tanh(x / p->softcap) : x;
}

static double score(const glint_problem* p, double dot, const float* bias, int64_t key) {
  if (!bias) return capped(p, p->scale * dot);
  if (p->bias_place == GLINT_BIAS_SCALED) return capped(p, p->scale * (dot + bias[key]));
  if (p->bias_place == GLINT_BIAS_CAPPED) return capped(p, p->scale * dot + bias[key]);
  return capped(p, p->scale * dot) + bias[key];
}

/* A row's scores, minus infinity for keys that it does not see.  Nothing of those is read. */
static void score_row(const glint_problem* p, int64_t b, int64_t head, int64_t row, double* scores) {
  const int64_t kv_head = head / (p->heads / p->kv_heads);
  const float* q = glint_query_row(p, &p->q, b, head, row);
  const float* bias = glint_bias_row(p, b, head, row);
  const uint8_t* drop = glint_mask_row(p, b, head, row);
  for (int64_t t = glint_first_key(p, b, row); t < glint_end_key(p, b, row); ++t) {
    scores[t] = -INFINITY;
    if (drop && drop[t]) continue;
    const float* k = glint_key_row(p, &p->k, b, kv_head, t);
    double dot = 0;
    for (int64_t d = 0; d < p->head_dim; ++d) dot += (double)q[d] * k[d];
    scores[t] = score(p, dot, bias, t);
  }
}

/* Writes a row of the output; the sum of its weights, 0 if it sees nothing. */
static double weigh_row(const glint_problem* p, int64_t b, int64_t head, int64_t row, double max,
                        const double* scores) {
  const int64_t kv_head = head / (p->heads / p->kv_heads);
  double* sums = (double*)p->workspace + p->kv_len;
  float* out = glint_query_row(p, &p->out, b, head, row);
  double sum = p->needs & GLINT_NEEDS_SINK ? exp(p->sink[head] - max) : 0;
  for (int64_t d = 0; d < p->value_dim; ++d) sums[d] = 0;
  for (int64_t t = glint_first_key(p, b, row); t < glint_end_key(p, b, row); ++t) {
    if (scores[t] == -INFINITY) continue;
    const float* v = glint_key_row(p, &p->v, b, kv_head, t);
    const double weight = exp(scores[t] - max);
    sum += weight;
    if (!glint_keeps(p, b, head, row, t)) continue;
    const double kept = p->needs & GLINT_NEEDS_DROPOUT ? weight / p->keep_prob : weight;
    for (int64_t d = 0; d < p->value_dim; ++d) sums[d] += kept * v[d];
  }
  for (int64_t d = 0; d < p->value_dim; ++d) out[d] = sum > 0 || sum != sum ? (float)(sums[d] / sum) : 0;
  return sum;
}

static void attend(const glint_problem* p, int64_t b, int64_t head, int64_t row) {
  const int64_t statistic = (b * p->heads + head) * p->q_len + row;
  double* scores = p->workspace;
  double max = p->needs & GLINT_NEEDS_SINK ? p->sink[head] : -INFINITY;
  score_row(p, b, head, row, scores);
  for (int64_t t = glint_first_key(p, b, row); t < glint_end_key(p, b, row); ++t)
    if (scores[t] > max || scores[t] != scores[t]) max = scores[t];
  const double sum = weigh_row(p, b, head, row, max, scores);
  if (p->softmax_max) p->softmax_max[statistic] = sum != 0 ? (float)max : -FLT_MAX;
  if (p->softmax_sum) p->softmax_sum[statistic] = sum != 0 ? (float)sum : FLT_MAX;
  if (p->needs & GLINT_NEEDS_LSE) p->lse[statistic] = sum != 0 ? (float)(log(sum) + max) : INFINITY;
}

int glint_provider_run(const glint_problem* p) {
  for (int64_t b = 0; b < p->batch; ++b)
    for (int64_t head = 0; head < p->heads; ++head)
      for (int64_t row = 0; row < glint_rows(p, b); ++row) attend(p, b, head, row);
  return 0;
}

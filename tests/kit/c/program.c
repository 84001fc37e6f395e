/* glint.h as a C99 program uses it: a step of decoding against hand numbers and the oracle, a gradient, a broken rule,
 * and a caller that knows less of a struct than the library. */
#include "glint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int right, const char* what) {
  if (right) return;
  ++failures;
  printf("wrong: %s\n", what);
}

static glint_array tensor(void* data, int32_t type, int32_t rank, const int64_t* shape) {
  glint_array array;
  memset(&array, 0, sizeof array);
  array.data = data;
  array.dtype = type;
  array.rank = rank;
  memcpy(array.shape, shape, (size_t)rank * sizeof *shape);
  return array;
}

static glint_array bsh(float* data, int64_t batch, int64_t rows, int64_t hidden) {
  const int64_t shape[3] = {batch, rows, hidden};
  return tensor(data, GLINT_TYPE_F32, 3, shape);
}

/* One query that scores 0 and ln 3 against two keys: weights 1/4 and 3/4. */
static void decode(void) {
  float query[2] = {1, 0}, key[4] = {0, 5, 1.0986122886681098f, 7}, value[4] = {8, 0, 4, 100}, out[2] = {-1, -1};
  glint_incre_flash_attention_call call;
  glint_reference_answer answer;
  glint_status status;
  glint_incre_flash_attention_init(&call, sizeof call);
  call.query = bsh(query, 1, 1, 2);
  call.key = bsh(key, 1, 2, 2);
  call.value = bsh(value, 1, 2, 2);
  call.attention_out = bsh(out, 1, 1, 2);
  call.num_heads = 1;
  expect(glint_incre_flash_attention(&call, 1, NULL, 0, &status) == GLINT_OK, "decode runs");
  expect(fabs(out[0] - 5.0) < 1e-6 && fabs(out[1] - 75.0) < 1e-5, "decode by hand");

  memset(&answer, 0, sizeof answer);
  answer.size = sizeof answer;
  answer.keep_probabilities = 1;
  expect(glint_reference_incre_flash_attention(&call, &answer, &status) == GLINT_OK, "the oracle answers");
  expect(fabs(((double*)answer.attention_out.data)[0] - 5) < 1e-6, "the oracle by hand");
  expect(fabs(((double*)answer.probabilities.data)[1] - 0.75) < 1e-7, "probabilities by hand");
  expect(fabs(((double*)answer.softmax_lse.data)[0] - log(4.0)) < 1e-7, "lse by hand");
  glint_reference_release(&answer);

  call.sparse_mode = 7;
  out[0] = 3;
  expect(glint_incre_flash_attention(&call, 1, NULL, 0, &status) > 0, "a broken rule has a code");
  expect(strlen(status.rule) > 0 && status.got == 7 && out[0] == 3, "a broken rule is told and nothing written");
}

/* One key: the weight is 1 whatever the score, so dv is dy and dq and dk are 0. */
static void gradient(void) {
  float q[2] = {1, 2}, k[2] = {3, 4}, v[2] = {5, 6}, out[2], dy[2] = {7, 8}, dq[2], dk[2], dv[2], max[1], sum[1];
  const int64_t rows[3] = {1, 1, 1};
  glint_flash_attention_score_call forward;
  glint_flash_attention_score_grad_call call;
  glint_flash_attention_score_init(&forward, sizeof forward);
  forward.query = bsh(q, 1, 1, 2);
  forward.key = bsh(k, 1, 1, 2);
  forward.value = bsh(v, 1, 1, 2);
  forward.attention_out = bsh(out, 1, 1, 2);
  forward.head_num = 1;
  forward.softmax_max = tensor(max, GLINT_TYPE_F32, 3, rows);
  forward.softmax_sum = tensor(sum, GLINT_TYPE_F32, 3, rows);
  expect(glint_flash_attention_score(&forward, 0, NULL, 0, NULL) == GLINT_OK, "the forward runs");
  expect(out[0] == 5 && out[1] == 6 && max[0] == 11 && sum[0] == 1, "the forward by hand");
  glint_flash_attention_score_grad_init(&call, sizeof call);
  call.forward = &forward;
  call.dy = bsh(dy, 1, 1, 2);
  call.dq = bsh(dq, 1, 1, 2);
  call.dk = bsh(dk, 1, 1, 2);
  call.dv = bsh(dv, 1, 1, 2);
  expect(glint_flash_attention_score_grad(&call, 2, NULL, 0, NULL) == GLINT_OK, "the gradient runs");
  expect(dv[0] == 7 && dv[1] == 8 && dq[0] == 0 && dk[1] == 0, "the gradient by hand");
  call.forward = NULL;
  expect(glint_flash_attention_score_grad(&call, 1, NULL, 0, NULL) == GLINT_NULL_CALL, "no forward");
}

/* What lies behind the caller's size is neither read nor written. */
static void sizes(void) {
  struct {
    glint_prompt_flash_attention_call call;
    uint64_t fence;
  } held;
  glint_status status;
  const size_t old = offsetof(glint_prompt_flash_attention_call, softmax_lse);
  memset(&held, 0x5a, sizeof held);
  glint_prompt_flash_attention_init(&held.call, old);
  expect(held.call.size == old && held.call.next_tokens == 0 && held.call.inner_precise == 1, "defaults");
  expect(*(unsigned char*)&held.call.softmax_lse == 0x5a, "init writes no more than the caller knows");
  expect(glint_prompt_flash_attention_check(&held.call, &status) > 0, "an old caller is understood");
  held.call.size = sizeof held.call + 8;
  expect(glint_prompt_flash_attention_check(&held.call, &status) == GLINT_CALL_SIZE, "a newer caller is refused");
  held.call.size = 12;
  expect(glint_prompt_flash_attention_check(&held.call, &status) == GLINT_CALL_SIZE, "half a field");
  expect(glint_prompt_flash_attention_check(NULL, &status) == GLINT_NULL_CALL, "no call");
}

int main(void) {
  decode();
  gradient();
  sizes();
  printf("glint %d on %s: %d failures\n", (int)glint_version(), glint_isa(), failures);
  return failures != 0;
}

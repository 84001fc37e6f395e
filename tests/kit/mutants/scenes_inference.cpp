// Scenes of the inference operators.  Lengths are no multiples of the tests' tile of 16.
#include "kit/mutants/scenes_inference.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "kit/case/drawn.hpp"

namespace kit {

namespace {

using glint_test::InferenceCase;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

InferenceCase prompt_case(std::uint64_t seed) {
  InferenceCase c;
  c.seed = seed;
  c.op = glint_test::kPrompt;
  c.layout = seed % 2 == 0 ? glint_test::kBnsd : glint_test::kBsnd;
  c.batch = 3, c.kv_heads = 2, c.group = 2;
  c.q_len = 19, c.kv_len = 53, c.dim = c.value_dim = 24;
  c.scale = 1300;
  return c;
}

InferenceCase incre_case(std::uint64_t seed) {
  InferenceCase c = prompt_case(seed);
  c.op = glint_test::kIncre;
  c.q_len = 1;
  return c;
}

// What nobody owns holds NaN in the tests' cases.  In a user's cache it holds something.
void fill_unowned(Array& tensor) {
  glint_test::Random random(1, 1);
  for (double& number : tensor.data)
    if (std::isnan(number)) number = static_cast<double>(random.between(-32, 32)) / 16;
}

}  // namespace

namespace scene {

Question lengths(std::uint64_t seed) {
  InferenceCase c = prompt_case(seed);
  c.lens = glint_test::kLengthsEach;
  Question question = question_of(c);
  question.spec.actual_seq_kvlen = {31 + static_cast<index_t>(seed % 5), 39, 50};
  fill_unowned(question.spec.key), fill_unowned(question.spec.value), fill_unowned(question.spec.query);
  return question;
}

// Rows of the cache behind the keys hold NaN.
Question poisoned_tail(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.lens = glint_test::kLengthsOne, c.layout = glint_test::kBnsd;
  Question question = question_of(c);
  const index_t keys = 34 + static_cast<index_t>(seed % 9);
  question.spec.actual_seq_kvlen = {keys};
  fill_unowned(question.spec.key), fill_unowned(question.spec.value), fill_unowned(question.spec.query);
  Array& value = question.spec.value;
  for (index_t at = 0; at < value.size(); ++at)
    if (at / c.value_dim % c.kv_len >= keys) value.flat(at) = kNaN;
  return question;
}

// Keys that no row sees hold NaN.
Question poisoned_mask(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.mask = glint_test::kMaskB1, c.mask_fill = 1;
  return question_of(c);
}

Question integer_cache(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.cache = glint_test::kInt8;
  c.k_offset = c.v_offset = 1;
  c.joint = seed % 2 == 0 ? 1 : 0;
  return question_of(c);
}

Question paged(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.form = glint_test::kPaged;
  c.lens = glint_test::kLengthsEach;
  c.head_major = static_cast<index_t>(seed % 2);
  Question question = question_of(c);
  fill_unowned(question.spec.key), fill_unowned(question.spec.value);
  return question;
}

Question left_padded(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.form = glint_test::kLeftPadded;
  c.lens = glint_test::kLengthsEach;
  c.padding = 3;
  Question question = question_of(c);
  question.spec.actual_seq_kvlen = {29, 41, 47 - static_cast<index_t>(seed % 5)};
  fill_unowned(question.spec.key), fill_unowned(question.spec.value), fill_unowned(question.spec.query);
  return question;
}

Question shared_prefix(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.prefix = 16;
  return question_of(c);
}

Question int8_output(std::uint64_t seed) {
  InferenceCase c = incre_case(seed);
  c.post = seed % 2 == 0 ? glint_test::kPostTensor : glint_test::kPostChannel;
  c.post_offset = 1;
  Question question = question_of(c);
  for (double& offset : question.spec.int8.quant_offset2.data) offset = 11;
  return question;
}

}  // namespace scene
}  // namespace kit

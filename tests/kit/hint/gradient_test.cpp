// Gradients: what only a backward kernel gets wrong, and conventions that it shares with the forward.
#include "kit/hint/foreign.hpp"

namespace kit::foreign {
namespace {

Results gradients_of(const Question& question, const Answer& result) {
  Results results = results_of(question, result);
  for (const char* name : {"out", "lse", "softmax_max", "softmax_sum"}) results.erase(name);
  return results;
}

void expect_of_gradient(const std::string& id, const Question& question, const Answer& result) {
  const std::vector<Hint> found = hints_of(question, gradients_of(question, result));
  EXPECT_EQ(first(found), id) << "all: " << ids(found);
}

TEST(HintGradient, FactorsAndGroups) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Question question = asked(usual(38), dtype, true);
    const Answer exact = answer(question);
    Answer result = exact;
    for (double& element : result.gradient.d_query.data) element /= question.spec.scale;
    expect_of_gradient("gradient.scale_dq", question, result);
    result = exact;
    for (double& element : result.gradient.d_key.data) element /= question.spec.scale;
    expect_of_gradient("gradient.scale_dk", question, result);

    result = exact;
    std::swap(result.gradient.d_key, result.gradient.d_value);
    expect_of_gradient("gradient.swapped", question, result);
    result = exact;
    for (double& element : result.gradient.d_key.data) element *= question.spec.scale;
    expect_of_gradient("gradient.scale_twice", question, result);
    for (double& element : result.gradient.d_query.data) element *= question.spec.scale;
    expect_of_gradient("gradient.scale_twice", question, result);

    Question first_only = question;  // nothing flows into the other heads of a group
    for (index_t row = 0; row < 2 * 4 * 19; ++row)
      if (row / 19 % 2 == 1)
        for (index_t d = 0; d < 12; ++d) first_only.d_out.flat(row * 12 + d) = 0;
    result = exact;
    const Answer of_first = answer(first_only);
    result.gradient.d_key = of_first.gradient.d_key, result.gradient.d_value = of_first.gradient.d_value;
    expect_of_gradient("gradient.group", question, result);
  }
}

TEST(HintGradient, ConventionsOfTheForward) {
  Case c = usual(39);
  c.mode = 2;
  const Question question = asked(c, DType::f32, true);
  Question edited = question;
  edited.spec.sparse_mode = 3;
  expect_of_gradient("mask.corner", question, answer(edited));
  edited = question;
  edited.spec.scale = 1;
  expect_of_gradient("scale.missing", question, answer(edited));
}

}  // namespace
}  // namespace kit::foreign

// Where no convention explains a result, nothing is said: a wrong hint is worse than none.
#include "kit/hint/foreign.hpp"
#include "support/case_generator.hpp"

namespace kit::foreign {
namespace {

TEST(HintSilence, RightResults) {
  for (std::uint64_t number = 0; number < 40; ++number) {
    const Case c = glint_test::generate(77, number);
    const Question question = asked(c, number % 3 == 0 ? DType::f16 : number % 3 == 1 ? DType::bf16 : DType::f32);
    EXPECT_EQ(ids(hints_of_edit(question, [](Question&) {})), "") << glint_test::print(c);
  }
}

TEST(HintSilence, Garbage) {
  for (std::uint64_t number = 0; number < 25; ++number) {
    const Case c = glint_test::generate(78, number);
    const Question question = asked(c, number % 2 == 0 ? DType::bf16 : DType::f32);
    Answer garbage = answer(question);
    glint_test::Random random(78, number);
    for (double& element : garbage.forward.out.data) element = random.normal();
    for (double& element : garbage.forward.lse.data) element = random.normal();
    EXPECT_EQ(ids(hints_of(question, results_of(question, garbage))), "") << glint_test::print(c);
  }
}

TEST(HintSilence, OneWrongElement) {
  for (std::uint64_t number = 0; number < 40; ++number) {
    const Case c = glint_test::generate(79, number);
    const Question question = asked(c, number % 2 == 0 ? DType::bf16 : DType::f32);
    Answer wrong = answer(question);
    Array& out = wrong.forward.out;
    if (out.size() == 0) continue;
    out.flat(static_cast<index_t>(number * 7919) % out.size()) += 1;
    EXPECT_EQ(ids(hints_of(question, results_of(question, wrong))), "") << glint_test::print(c);
  }
}

TEST(HintSilence, WrongElementsHereAndThere) {
  const Question question = asked(usual(80));
  Answer wrong = answer(question);
  for (index_t at = 0; at < wrong.forward.out.size(); at += 11) wrong.forward.out.flat(at) *= 1.01;
  EXPECT_EQ(ids(hints_of(question, results_of(question, wrong))), "");
}

// Errors of a few roundings of the output are no particular rounding on the way.
TEST(HintSilence, NoiseOfTheOutputsSize) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const Question question = asked(usual(83 + seed), dtype);
      Answer noisy = answer(question);
      const Array allowed = tolerances(question, noisy).at("out");
      glint_test::Random random(83, seed);
      for (index_t at = 0; at < allowed.size(); ++at)
        noisy.forward.out.flat(at) += 1.5 * allowed.flat(at) * random.normal();
      EXPECT_EQ(ids(hints_of(question, results_of(question, noisy))), "") << seed;
    }
  }
}

// Shapes that do not belong to the case are nothing to guess about.
TEST(HintSilence, ResultsOfOtherShapes) {
  const Question question = asked(usual(81));
  Results results = results_of(question, answer(question));
  results["out"] = tensor_of(Array({3}, {1, 2, 3}), Type::f32);
  EXPECT_EQ(ids(hints_of(question, results)), "");
  EXPECT_EQ(ids(hints_of(question, {})), "");
}

// A square triangle has one corner, so a kernel that takes the other one is right about it; its scale is not.
TEST(HintSilence, WhatTheCaseDoesNotTellApart) {
  Case c = usual(82);
  c.kv_len = c.q_len, c.mode = 2;
  const auto both = [](Question& edited) { edited.spec.sparse_mode = 3, edited.spec.scale = 1; };
  EXPECT_EQ(ids(hints_of_edit(asked(c), both)), "scale.missing");
}

}  // namespace
}  // namespace kit::foreign

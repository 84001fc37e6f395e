// Tolerances that no contract of the tests has: of a cap, and of rows that are the mean of V.
#include <gtest/gtest.h>

#include "kit/check/check.hpp"

namespace kit {
namespace {

// One row and two keys of one element, whose capped scores are near the cap.
Question capped() {
  Question question;
  question.gradient = true;
  AttentionCase& spec = question.spec;
  spec.layout = "BNSD";
  spec.softcap = 1;
  spec.query = Array({1, 1, 1, 1}, {8});
  spec.key = Array({1, 1, 2, 1}, {1, 1.125});
  spec.value = Array({1, 1, 2, 1}, {1, -1});
  question.d_out = Array({1, 1, 1, 1}, {1});
  return question;
}

// dq in float, the slope as 1 - tanh^2.
double float_d_query() {
  float score[2], slope[2];
  const float key[] = {1, 1.125F}, value[] = {1, -1};
  for (int j = 0; j < 2; ++j) score[j] = std::tanh(8 * key[j]), slope[j] = 1 - score[j] * score[j];
  const float max = std::max(score[0], score[1]), p0 = std::exp(score[0] - max), p1 = std::exp(score[1] - max);
  const float p[] = {p0 / (p0 + p1), p1 / (p0 + p1)}, row_dot = p[0] * value[0] + p[1] * value[1];
  float sum = 0;
  for (int j = 0; j < 2; ++j) sum += p[j] * (value[j] - row_dot) * slope[j] * key[j];
  return static_cast<double>(sum);
}

TEST(Tolerances, TheSlopeOfACapCancels) {
  const Question question = capped();
  const Answer want = answer(question);
  const double allowed = tolerances(question, want).at("d_query").flat(0), exact = want.gradient.d_query.flat(0);
  const double sloped = want.gradient.weight.d_query.flat(0) * 16 * 0x1p-24 * (1 + 9);
  EXPECT_LE(std::abs(float_d_query() - exact), allowed);
  EXPECT_GT(std::abs(float_d_query() - exact), sloped);  // what the contract without a cap would allow
  EXPECT_LT(allowed, 16 * 0x1p-24 * 2.5);                // W0 is about 2
}

TEST(Tolerances, RowsThatSeeNothingAreExact) {
  Question question = capped();
  question.spec.softcap = 0;
  question.spec.attn_mask = ByteArray({1, 2}, {1, 1});
  question.spec.sparse_mode = 1;
  const Tolerances allowed = tolerances(question, answer(question));
  for (const auto& [name, numbers] : allowed)
    for (const double number : numbers.data) EXPECT_EQ(number, 0) << name;
}

TEST(Tolerances, RowsThatAreTheMeanHaveAFiniteTolerance) {
  Question question = capped();
  question.gradient = false;
  question.spec.attn_mask = ByteArray({1, 2}, {1, 1});
  question.spec.sparse_mode = 1;
  question.spec.invalid_row = glint::reference::InvalidRow::uniform;
  const Tolerances allowed = tolerances(question, answer(question));
  EXPECT_LT(allowed.at("out").flat(0), 1e-5);
  EXPECT_GT(allowed.at("out").flat(0), 0);
}

}  // namespace
}  // namespace kit

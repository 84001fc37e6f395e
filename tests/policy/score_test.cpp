// Lane modifiers on a plain float (a vector of one lane), and where a bias is stored (operators 1.3).
#include "glint/policy/score.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace glint_test {
namespace {

using glint::Bias;
using glint::DType;
using glint::index_t;

template <class Modifier>
float modified(const Modifier& modifier, float score, float q_minus_k) {
  modifier(score, q_minus_k);
  return score;
}

struct Doubled {
  template <class Lanes>
  void operator()(Lanes& score, const Lanes&) const {
    score += score;
  }
};

TEST(Score, NoneLeavesTheScore) { EXPECT_EQ(modified(glint::score::None{}, 3.25F, 100.0F), 3.25F); }

TEST(Score, AlibiFallsWithTheDistanceOnBothSides) {
  for (int q = 0; q < 5; ++q)
    for (int k = 0; k < 5; ++k)
      for (const float shift : {0.0F, 2.0F, -3.0F}) {
        const float expected = 1.0F - 0.5F * std::abs(static_cast<float>(q - k) + shift);
        EXPECT_EQ(modified(glint::score::Alibi{0.5F, shift}, 1.0F, static_cast<float>(q - k)), expected);
      }
}

TEST(Score, ThenIsOneAfterTheOther) {
  const glint::score::Alibi alibi{1.0F, 0.0F};
  EXPECT_EQ(modified(glint::score::Then<Doubled, glint::score::Alibi>{{}, alibi}, 4.0F, 3.0F), 5.0F);
  EXPECT_EQ(modified(glint::score::Then<glint::score::Alibi, Doubled>{alibi, {}}, 4.0F, 3.0F), 2.0F);
}

TEST(Bias, ReadsItsOwnType) {
  const float single[] = {0, 1.5F, -2.0F, 3.0F};
  const glint::half halves[] = {{0}, {0x3e00}, {0xc000}, {0x4200}};
  const glint::bfloat16 brains[] = {{0}, {0x3fc0}, {0xc000}, {0x4040}};
  const Bias forms[] = {{single, DType::f32, 2}, {halves, DType::f16, 2}, {brains, DType::bf16, 2}};
  for (const Bias& bias : forms) {
    EXPECT_EQ(bias.at(0, 1), 1.5F);
    EXPECT_EQ(bias.at(1, 0), -2.0F);
    EXPECT_EQ(bias.at(1, 1), 3.0F);
  }
  EXPECT_TRUE(forms[0]);
  EXPECT_FALSE(Bias{});
}

TEST(Bias, ZeroStrideBroadcastsARow) {
  const float row[] = {1, 2, 3};
  const Bias bias{row, DType::f32, 0};
  for (index_t q = 0; q < 4; ++q)
    for (index_t k = 0; k < 3; ++k) EXPECT_EQ(bias.at(q, k), row[k]);
}

// A matrix f(i - j) stored as its last 1024 rows: every pair on or below the diagonal must find f of its distance.
void expect_folded(Bias::Fold fold, index_t size, index_t columns) {
  std::vector<float> stored(static_cast<std::size_t>(1024 * columns));
  for (index_t m = 0; m < 1024; ++m)
    for (index_t k = 0; k < columns; ++k)
      stored[static_cast<std::size_t>(m * columns + k)] = static_cast<float>(columns - 1024 + m - k);
  Bias bias{stored.data(), DType::f32, columns};
  bias.fold = fold;
  bias.length = columns;
  for (index_t i = 0; i < size; i += i % 7 + 1)
    for (index_t j = 0; j <= i; j += j % 5 + 1) {
      const index_t place = bias.offset(i, j);
      ASSERT_TRUE(place >= 0 && place < static_cast<index_t>(stored.size())) << i << " " << j;
      ASSERT_EQ(bias.at(i, j), static_cast<float>(i - j)) << i << " " << j;
    }
  EXPECT_EQ(bias.at(3, 4), 0.0F);
}

TEST(Bias, TheLast1024RowsStandForTheWholeMatrix) {
  for (const index_t size : {1024, 1025, 1300, 2048, 3000}) expect_folded(Bias::Fold::last_1024, size, size);
}

TEST(Bias, ToeplitzRowsStandForEverySequenceUpToTheirLength) {
  for (const index_t columns : {1024, 1100, 2500})
    for (const index_t size : {index_t{1}, index_t{5}, index_t{1024}, columns})
      expect_folded(Bias::Fold::toeplitz_1024, size, columns);
  expect_folded(Bias::Fold::toeplitz_1024, 300, 700);  // fewer columns than rows
}

}  // namespace
}  // namespace glint_test

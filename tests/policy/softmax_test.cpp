// SoftmaxState is a monoid, and cutting a row anywhere agrees with one pass.
#include "glint/policy/softmax.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace glint_test {
namespace {

using glint::SoftmaxState;
using Scores = std::vector<float>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

SoftmaxState one_pass(const float* begin, const float* end) {
  SoftmaxState state;
  for (; begin != end; ++begin) state.absorb(*begin);
  return state;
}
SoftmaxState one_pass(const Scores& scores) { return one_pass(scores.data(), scores.data() + scores.size()); }

// max and sum by the formula, in double.
struct Truth {
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  explicit Truth(const Scores& scores) {
    for (const float score : scores) max = score > max ? score : max;
    if (max == -std::numeric_limits<double>::infinity()) return;
    for (const float score : scores) sum += std::exp(static_cast<double>(score) - max);
  }
};

void expect_identical(const SoftmaxState& a, const SoftmaxState& b) {
  EXPECT_EQ(a.max, b.max);
  EXPECT_EQ(a.sum, b.sum);
}

void expect_near(const SoftmaxState& a, const SoftmaxState& b) {
  EXPECT_EQ(a.max, b.max);
  EXPECT_NEAR(a.sum, b.sum, 1e-6 * b.sum);
}

// Rows of different lengths and spreads, with excluded scores and repeated maxima among them.
template <class Visit>
void each_row(const Visit& visit) {
  std::mt19937 random(11);
  for (int i = 0; i < 400; ++i) {
    Scores row(static_cast<std::size_t>(i % 14));
    const float spread = i % 3 == 0 ? 1.0F : i % 3 == 1 ? 30.0F : 3000.0F;
    for (float& score : row) {
      score = std::uniform_real_distribution<float>(-spread, spread)(random);
      if (random() % 4 == 0) score = -kInfinity;
      if (random() % 8 == 0) score = row[0];
    }
    visit(row);
  }
}

TEST(Softmax, AbsorbsByTheFormula) {
  each_row([](const Scores& row) {
    const SoftmaxState state = one_pass(row);
    const Truth truth(row);
    EXPECT_EQ(state.max, static_cast<float>(truth.max));
    EXPECT_NEAR(state.sum, truth.sum, 1e-6 * truth.sum);
  });
}

TEST(Softmax, TheEmptyStateIsTheIdentityExactly) {
  each_row([](const Scores& row) {
    const SoftmaxState state = one_pass(row);
    expect_identical(merge(state, SoftmaxState{}), state);
    expect_identical(merge(SoftmaxState{}, state), state);
  });
  const SoftmaxState nothing = merge(SoftmaxState{}, SoftmaxState{});
  EXPECT_TRUE(nothing.empty());
  EXPECT_EQ(nothing.max, -kInfinity);
}

TEST(Softmax, MergeIsAssociativeAndCommutes) {
  std::vector<SoftmaxState> states;
  each_row([&](const Scores& row) {
    if (states.size() < 40) states.push_back(one_pass(row));
  });
  for (const SoftmaxState& a : states)
    for (const SoftmaxState& b : states) {
      expect_identical(merge(a, b), merge(b, a));
      for (const SoftmaxState& c : states) expect_near(merge(merge(a, b), c), merge(a, merge(b, c)));
    }
}

TEST(Softmax, CutAnywhereAndMergedIsOnePass) {
  each_row([](const Scores& row) {
    const float* const begin = row.data();
    const float* const end = begin + row.size();
    const SoftmaxState whole = one_pass(row);
    for (const float* first = begin; first <= end && first != nullptr; ++first)
      for (const float* second = first; second <= end; ++second)
        expect_near(merge(merge(one_pass(begin, first), one_pass(first, second)), one_pass(second, end)), whole);
  });
}

// The parts of a row count with these weights; together they weigh 1.
TEST(Softmax, WeightsOfThePartsSumToTheWhole) {
  each_row([](const Scores& row) {
    const std::size_t cut = row.size() / 2;
    const SoftmaxState left = one_pass(row.data(), row.data() + cut);
    const SoftmaxState right = one_pass(row.data() + cut, row.data() + row.size());
    const SoftmaxState whole = merge(left, right);
    EXPECT_NEAR((left.weight(whole) * left.sum + right.weight(whole) * right.sum) * whole.inverse(),
                whole.empty() ? 0.0F : 1.0F, 1e-6F);
  });
}

TEST(Softmax, ExcludedScoresChangeNothing) {
  SoftmaxState state;
  state.absorb(-kInfinity);
  EXPECT_TRUE(state.empty());
  state.absorb(2.5F);
  const SoftmaxState before = state;
  state.absorb(-kInfinity);
  expect_identical(state, before);
  EXPECT_EQ(state.sum, 1.0F);
}

TEST(Softmax, ARowThatSeesNothing) {
  const SoftmaxState state = one_pass({-kInfinity, -kInfinity});
  EXPECT_TRUE(state.empty());
  EXPECT_EQ(state.lse(), -kInfinity);
  EXPECT_EQ(state.inverse(), 0.0F);
  EXPECT_EQ(state.weight(one_pass({1.0F})), 0.0F);
  EXPECT_EQ(state.weight(state), 0.0F);
}

// No finite sentinel stands for "excluded": the lowest float is a score like any other.
TEST(Softmax, TheLowestFloatIsAScore) {
  const SoftmaxState state = one_pass({-kLargest, -kLargest, -kInfinity});
  EXPECT_EQ(state.max, -kLargest);
  EXPECT_EQ(state.sum, 2.0F);
  EXPECT_EQ(state.inverse(), 0.5F);
  expect_identical(merge(state, one_pass({kLargest})), one_pass({kLargest}));
}

TEST(Softmax, LseIsTheLogarithmOfTheSum) {
  each_row([](const Scores& row) {
    const SoftmaxState state = one_pass(row);
    if (state.empty()) return;
    const Truth truth(row);
    const double lse = truth.max + std::log(truth.sum);
    EXPECT_NEAR(state.lse(), lse, 1e-6 * (1 + std::abs(lse)));
  });
  EXPECT_EQ(one_pass({3.0F}).lse(), 3.0F);
}

TEST(Softmax, NaNIsNotSwallowed) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Scores& row : {Scores{nan}, Scores{1, nan}, Scores{nan, 1}, Scores{1, nan, 2}, Scores{nan, -kInfinity}}) {
    const SoftmaxState state = one_pass(row);
    EXPECT_FALSE(state.empty());
    EXPECT_TRUE(std::isnan(state.inverse()) || std::isnan(state.max));
    EXPECT_TRUE(std::isnan(state.lse()));
    EXPECT_TRUE(std::isnan(merge(one_pass({5.0F}), state).lse()));
  }
}

// operators 1.2: with these statistics, exp(x - max) / sum is 0 for a masked x, so a gradient vanishes.
TEST(Softmax, DocumentedStatisticsOfAnEmptyRowGiveZero) {
  EXPECT_EQ(glint::kEmptyRowMax, -kLargest);
  EXPECT_EQ(glint::kEmptyRowSum, kLargest);
  EXPECT_LT(std::exp(-kLargest - glint::kEmptyRowMax) / glint::kEmptyRowSum, 3e-39F);
}

}  // namespace
}  // namespace glint_test

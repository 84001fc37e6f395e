// Rotary position embedding against its formula in long double, and the properties for which it is used.
#include "glint/ops/rotary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "support/contract.hpp"
#include "support/random.hpp"

namespace glint_test {
namespace {

using glint::bfloat16;
using glint::Dims;
using glint::half;
using glint::Layout;
using glint::RotaryProblem;
using glint::RotaryStyle;
using glint::Status;
using glint::Strides;
using glint::to_float;

std::size_t size(index_t count) { return static_cast<std::size_t>(count); }

template <class Element>
std::vector<Element> gaussian(index_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Element> list(size(count));
  for (Element& x : list) x = glint::from_float<Element>(static_cast<float>(random.normal()));
  return list;
}

template <class Element>
bool same_bits(const std::vector<Element>& a, const std::vector<Element>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Element)) == 0;
}

// Number d of a row at `position`, in long double.  x(d): the row.
template <class NumberOf>
long double turned(const NumberOf& x, index_t d, index_t rotary_dim, RotaryStyle style, double theta,
                   index_t position) {
  if (d >= rotary_dim) return x(d);
  const bool halves = style == RotaryStyle::half_split;
  const index_t half_dim = rotary_dim / 2, pair = halves ? d % half_dim : d / 2;
  const index_t d0 = halves ? pair : 2 * pair, d1 = halves ? pair + half_dim : 2 * pair + 1;
  const long double angle =
      position * std::pow(static_cast<long double>(theta), -2.0L * static_cast<long double>(pair) / rotary_dim);
  return d == d0 ? x(d0) * std::cos(angle) - x(d1) * std::sin(angle)
                 : x(d0) * std::sin(angle) + x(d1) * std::cos(angle);
}

template <class Element>
class Rotary : public testing::Test {};
using Elements = testing::Types<float, half, bfloat16>;
TYPED_TEST_SUITE(Rotary, Elements);

struct Question {
  Layout layout = Layout::BNSD;
  Dims dims{2, 3, 4, 20};
  RotaryStyle style = RotaryStyle::half_split;
  index_t rotary_dim = 0;
  double theta = 10000;
  std::vector<index_t> first{17, 1000000};
};

// In place and to a target that lies otherwise; whatever is not a row keeps its poison.
template <class Element>
void expect_oracle(const Question& q, const std::string& what) {
  const Strides from = glint::layout::strides(q.layout, q.dims);
  const Strides to{from.batch * 3 + 1, from.head * 3, from.row * 3};
  const auto x = gaussian<Element>(q.dims.batch * q.dims.heads * q.dims.rows * q.dims.dim, 1);
  const Element poison = glint::from_float<Element>(-77);
  std::vector<Element> in_place = x, target(x.size() * 3 + 10, poison), rest;
  RotaryProblem<Element> p{.out = in_place.data(),
                           .dims = q.dims,
                           .first_positions = q.first,
                           .style = q.style,
                           .rotary_dim = q.rotary_dim,
                           .theta = q.theta};
  Status status = rotary(p, q.layout);
  ASSERT_TRUE(static_cast<bool>(status)) << what << ": " << status.rule;
  p.x = x.data(), p.out = target.data(), p.out_strides = to;
  status = rotary(p, q.layout);
  ASSERT_TRUE(static_cast<bool>(status)) << what << ": " << status.rule;
  rest = target;
  for (index_t b = 0; b < q.dims.batch; ++b) {
    for (index_t h = 0; h < q.dims.heads; ++h) {
      for (index_t r = 0; r < q.dims.rows; ++r) {
        const index_t at = b * from.batch + h * from.head + r * from.row;
        const index_t target_at = b * to.batch + h * to.head + r * to.row;
        const auto number = [&](index_t d) { return static_cast<long double>(to_float(x[size(at + d)])); };
        for (index_t d = 0; d < q.dims.dim; ++d) {
          const index_t position = q.first[q.first.size() == 1 ? 0 : size(b)] + r;
          const long double want =
              turned(number, d, q.rotary_dim ? q.rotary_dim : q.dims.dim, q.style, q.theta, position);
          const long double got = to_float(in_place[size(at + d)]);
          // Coordinates of a standard normal row; 4 roundings and the angle.
          EXPECT_LE(std::abs(got - want),
                    Rounding<Element>::relative * std::abs(want) + Rounding<Element>::tiny + 4 * 0x1p-24 * 5)
              << what << " b " << b << " h " << h << " r " << r << " d " << d;
          EXPECT_EQ(to_float(target[size(target_at + d)]), to_float(in_place[size(at + d)])) << what;
          rest[size(target_at + d)] = poison;
        }
      }
    }
  }
  EXPECT_TRUE(same_bits(rest, std::vector<Element>(rest.size(), poison))) << what;
}

TYPED_TEST(Rotary, TheFormulaInEveryLayoutAndStyle) {
  for (const Layout layout : {Layout::BSH, Layout::BSND, Layout::SBH, Layout::BNSD})
    for (const RotaryStyle style : {RotaryStyle::half_split, RotaryStyle::interleaved})
      for (const index_t rotary_dim : {0, 2, 6, 20})
        expect_oracle<TypeParam>(
            {.layout = layout, .style = style, .rotary_dim = rotary_dim},
            "layout " + std::to_string(static_cast<int>(layout)) + " R " + std::to_string(rotary_dim));
}

TYPED_TEST(Rotary, OtherBasesAndManyPairs) {
  for (const RotaryStyle style : {RotaryStyle::half_split, RotaryStyle::interleaved}) {
    expect_oracle<TypeParam>({.style = style, .theta = 500000}, "theta 500000");
    expect_oracle<TypeParam>({.style = style, .theta = 1, .first = {-5}}, "theta 1, before 0");
    expect_oracle<TypeParam>({.dims = {1, 2, 2, 530}, .style = style, .rotary_dim = 526, .first = {3}}, "R 526");
  }
}

// Any bits: NaNs with their payload, negative zeros, infinities.
TYPED_TEST(Rotary, PositionZeroChangesNoBit) {
  std::vector<TypeParam> x(1000), out(1000);
  Random random(2);
  for (TypeParam& number : x) {
    const std::uint64_t word = random.word();
    std::memcpy(&number, &word, sizeof number);
  }
  x[0] = glint::from_float<TypeParam>(-0.0F), x[10] = glint::from_float<TypeParam>(-1.0F);
  for (const RotaryStyle style : {RotaryStyle::half_split, RotaryStyle::interleaved}) {
    const std::vector<index_t> zeros(50);
    std::vector<TypeParam> in_place = x;
    ASSERT_TRUE((glint::rotary<glint::layout::BSND, TypeParam>(
        {.out = in_place.data(), .dims = {1, 1, 50, 20}, .positions = zeros, .style = style})));
    EXPECT_TRUE(same_bits(in_place, x));
    ASSERT_TRUE((glint::rotary<glint::layout::BSND, TypeParam>({.x = x.data(),
                                                                .out = out.data(),
                                                                .dims = {1, 1, 50, 20},
                                                                .positions = zeros,
                                                                .style = style,
                                                                .rotary_dim = 8})));
    EXPECT_TRUE(same_bits(out, x));
  }
}

TEST(RotaryProperties, KeepsTheNorm) {
  std::vector<float> x = gaussian<float>(64, 3), y = x;
  for (const index_t position : {1, 77, 4096, 999999}) {
    const index_t first[] = {position};
    y = x;
    ASSERT_TRUE((
        glint::rotary<glint::layout::BNSD, float>({.out = y.data(), .dims = {1, 1, 1, 64}, .first_positions = first})));
    double before = 0, after = 0;
    for (std::size_t d = 0; d < 64; ++d) before += double{x[d]} * x[d], after += double{y[d]} * y[d];
    EXPECT_NEAR(after / before, 1, 1e-6) << position;
  }
}

// q at position m times k at position n depends on m - n only: that is what the embedding is for.
TEST(RotaryProperties, ProductsDependOnTheDistanceOnly) {
  const std::vector<float> q = gaussian<float>(64, 4), k = gaussian<float>(64, 5);
  const auto product = [&](index_t m, index_t n, RotaryStyle style) {
    std::vector<float> a = q, b = k;
    for (auto [row, position] : {std::pair(&a, m), std::pair(&b, n)}) {
      const index_t first[] = {position};
      EXPECT_TRUE((glint::rotary<glint::layout::BNSD, float>(
          {.out = row->data(), .dims = {1, 1, 1, 64}, .first_positions = first, .style = style})));
    }
    double sum = 0;
    for (std::size_t d = 0; d < 64; ++d) sum += double{a[d]} * b[d];
    return sum;
  };
  for (const RotaryStyle style : {RotaryStyle::half_split, RotaryStyle::interleaved}) {
    for (const index_t distance : {0, 1, 50, 1000}) {
      const double near_the_start = product(distance, 0, style);
      for (const index_t n : {1, 1000, 31337, 998000})
        EXPECT_NEAR(product(n + distance, n, style), near_the_start, 1e-5) << distance << " " << n;
    }
    EXPECT_GT(std::abs(product(50, 0, style) - product(0, 0, style)), 0.1);
  }
}

// A row of a pair is turned by its angle, and in the direction of the formula.
TEST(RotaryProperties, AQuarterTurn) {
  std::vector<float> row{1, 0, 0, 1, 5};
  const float cosines[] = {1, 1, 0, 0}, sines[] = {0, 0, 1, 1};  // positions 0 and 1, two pairs
  const index_t first[] = {1};
  RotaryProblem<float> p{.out = row.data(),
                         .dims = {1, 1, 1, 5},
                         .first_positions = first,
                         .style = RotaryStyle::interleaved,
                         .rotary_dim = 4,
                         .cos_table = cosines,
                         .sin_table = sines,
                         .table_positions = 2};
  ASSERT_TRUE(rotary(p, Layout::BSH));
  EXPECT_EQ(row, (std::vector<float>{0, 1, -1, 0, 5}));
  p.style = RotaryStyle::half_split;
  row = {1, 2, 3, 4, 5};
  ASSERT_TRUE(rotary(p, Layout::BSH));
  EXPECT_EQ(row, (std::vector<float>{-3, -4, 1, 2, 5}));
}

TYPED_TEST(Rotary, TablesAndPositionsAreTheSameInAnotherForm) {
  constexpr index_t kPositions = 40, kPairs = 7;
  std::vector<float> cosines, sines;
  for (index_t position = 0; position < kPositions; ++position) {
    for (index_t i = 0; i < kPairs; ++i) {
      const double angle = position * std::pow(10000.0, -2.0 * i / 14);
      cosines.push_back(static_cast<float>(std::cos(angle))), sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  const auto x = gaussian<TypeParam>(2 * 3 * 4 * 16, 6);
  const std::vector<index_t> first{0, 36}, each{0, 1, 2, 3, 36, 37, 38, 39};
  std::vector<TypeParam> by_theta = x, by_table = x, by_list = x;
  RotaryProblem<TypeParam> p{.out = by_theta.data(), .dims = {2, 3, 4, 16}, .first_positions = first, .rotary_dim = 14};
  ASSERT_TRUE(rotary(p, Layout::BSND));
  p.cos_table = cosines.data(), p.sin_table = sines.data(), p.table_positions = kPositions;
  p.x = p.out = by_table.data();  // in place, said otherwise
  ASSERT_TRUE(rotary(p, Layout::BSND));
  p.out = by_list.data(), p.x = nullptr, p.first_positions = {}, p.positions = each;
  ASSERT_TRUE(rotary(p, Layout::BSND));
  EXPECT_TRUE(same_bits(by_theta, by_table));
  EXPECT_TRUE(same_bits(by_table, by_list));
}

}  // namespace
}  // namespace glint_test

// Merging partial results by their lse: a softmax row cut anywhere and merged is the row, an empty part changes
// nothing.
#include "glint/ops/merge_state.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "support/contract.hpp"
#include "support/random.hpp"

namespace glint_test {
namespace {

using glint::Code;
using glint::Dims;
using glint::Layout;
using glint::MergeStateProblem;
using glint::PartialResult;
using glint::Status;
using glint::to_float;

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

std::size_t size(index_t count) { return static_cast<std::size_t>(count); }

// Scores and values of all keys of all rows, and attention over some of the keys: the definition, in double.
struct Softmax {
  Dims dims{2, 3, 2, 21};
  index_t keys = 12;
  double spread = 3;
  std::vector<double> score, value;  // [row][key], [row][key][d]; rows in the order of lse

  explicit Softmax(Dims d = {2, 3, 2, 21}, double sd = 3) : dims(d), spread(sd) {
    Random random(1);
    for (index_t i = 0; i < rows() * keys; ++i) score.push_back(spread * random.normal());
    for (index_t i = 0; i < rows() * keys * dims.dim; ++i) value.push_back(random.normal());
  }
  index_t rows() const { return dims.batch * dims.heads * dims.rows; }
  double lse(index_t row, index_t first, index_t last) const {
    double sum = 0;
    for (index_t j = first; j < last; ++j) sum += std::exp(score[size(row * keys + j)]);
    return std::log(sum);  // -infinity of nothing
  }
  double out(index_t row, index_t first, index_t last, index_t d) const {
    double sum = 0;
    for (index_t j = first; j < last; ++j)
      sum +=
          std::exp(score[size(row * keys + j)] - lse(row, first, last)) * value[size((row * keys + j) * dims.dim + d)];
    return sum;
  }
};

// Attention over keys [first, last), as a kernel would have left it.
template <class Element>
struct Part {
  std::vector<Element> out;
  std::vector<float> lse;

  Part() = default;
  Part(const Softmax& s, Layout layout, index_t first, index_t last) : out(size(s.rows() * s.dims.dim)) {
    const glint::Strides strides = glint::layout::strides(layout, s.dims);
    for (index_t row = 0; row < s.rows(); ++row) {
      lse.push_back(static_cast<float>(s.lse(row, first, last)));
      for (index_t d = 0; d < s.dims.dim; ++d)
        out[size(place(s.dims, strides, row) + d)] =
            glint::from_float<Element>(static_cast<float>(s.out(row, first, last, d)));
    }
  }
  static index_t place(const Dims& dims, const glint::Strides& strides, index_t row) {
    return row / dims.rows / dims.heads * strides.batch + row / dims.rows % dims.heads * strides.head +
           row % dims.rows * strides.row;
  }
  PartialResult<Element> view() const { return {out.data(), lse.data()}; }
};

template <class Element>
Part<Element> merged(const std::vector<const Part<Element>*>& parts, const Dims& dims, Layout layout,
                     float empty_lse = -kInf) {
  std::vector<PartialResult<Element>> views;
  for (const auto* part : parts) views.push_back(part->view());
  Part<Element> whole;
  whole.out.assign(size(dims.batch * dims.heads * dims.rows * dims.dim), glint::from_float<Element>(-77));
  whole.lse.assign(size(dims.batch * dims.heads * dims.rows), -77);
  const Status status = merge_state(
      MergeStateProblem<Element>{
          .parts = views, .out = whole.out.data(), .lse = whole.lse.data(), .dims = dims, .empty_lse = empty_lse},
      layout);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule;
  return whole;
}

// Parts are rounded to Element and their lse to float, whose error is at most 2^-24 of 20; then come 2^-20 (1 + A).
template <class Element>
void expect_near(const Part<Element>& got, const Part<Element>& want, const char* what) {
  ASSERT_EQ(got.out.size(), want.out.size());
  for (std::size_t i = 0; i < got.lse.size(); ++i) EXPECT_NEAR(got.lse[i], want.lse[i], 0x1p-20 * 20) << what;
  for (std::size_t i = 0; i < got.out.size(); ++i)
    EXPECT_NEAR(to_float(got.out[i]), to_float(want.out[i]), 4 * 4 * Rounding<Element>::relative + 0x1p-20 * 20)
        << what;
}

template <class Element>
bool same_bits(const Part<Element>& a, const Part<Element>& b) {
  return std::memcmp(a.out.data(), b.out.data(), a.out.size() * sizeof(Element)) == 0 &&
         std::memcmp(a.lse.data(), b.lse.data(), a.lse.size() * sizeof(float)) == 0;
}

template <class Element>
class MergeState : public testing::Test {};
using Elements = testing::Types<float, glint::half, glint::bfloat16>;
TYPED_TEST_SUITE(MergeState, Elements);

TYPED_TEST(MergeState, ARowCutAnywhereIsTheRow) {
  for (const Layout layout : {Layout::BSH, Layout::BSND, Layout::SBH, Layout::BNSD}) {
    const Softmax s;
    const Part<TypeParam> whole(s, layout, 0, s.keys);
    for (index_t cut = 0; cut <= s.keys; ++cut) {
      const Part<TypeParam> a(s, layout, 0, cut), b(s, layout, cut, s.keys);
      const Part<TypeParam> ab = merged<TypeParam>({&a, &b}, s.dims, layout);
      expect_near(ab, whole, "cut");
      EXPECT_TRUE(same_bits(ab, whole) || (cut > 0 && cut < s.keys)) << cut;
    }
  }
}

TYPED_TEST(MergeState, AnyNumberOfPartsInAnyGrouping) {
  const Softmax s({1, 2, 3, 530}, 4);  // more numbers than are merged at once
  const Layout layout = Layout::BNSD;
  const Part<TypeParam> whole(s, layout, 0, 12), a(s, layout, 0, 3), b(s, layout, 3, 4), c(s, layout, 4, 4),
      d(s, layout, 4, 12);
  const auto at_once = merged<TypeParam>({&a, &b, &c, &d}, s.dims, layout);
  const auto ab = merged<TypeParam>({&a, &b}, s.dims, layout), bcd = merged<TypeParam>({&b, &c, &d}, s.dims, layout);
  expect_near(at_once, whole, "at once");
  expect_near(merged<TypeParam>({&ab, &d}, s.dims, layout), whole, "(a b) d");
  expect_near(merged<TypeParam>({&a, &bcd}, s.dims, layout), whole, "a (b c d)");
  expect_near(merged<TypeParam>({&d, &c, &b, &a}, s.dims, layout), at_once, "another order");
  EXPECT_TRUE(same_bits(merged<TypeParam>({&a, &b, &d}, s.dims, layout), at_once));  // c is empty
}

// Whatever the bits of either, NaNs with their payload and negative zeros included.
TYPED_TEST(MergeState, AnEmptyPartChangesNoBit) {
  const Dims dims{1, 2, 5, 19};
  Random random(2);
  for (const float empty : {-kInf, kInf, -3.4e38F}) {
    Part<TypeParam> some, none;
    for (Part<TypeParam>* part : {&some, &none}) {
      part->out.resize(190);
      for (TypeParam& x : part->out) {
        const std::uint64_t word = random.word();
        std::memcpy(&x, &word, sizeof x);
      }
      for (int i = 0; i < 10; ++i)
        part->lse.push_back(part == &none ? i == 3 ? -kInf : empty : static_cast<float>(i) - 5);
    }
    some.lse[1] = kNan;
    for (const auto& parts :
         {std::vector<const Part<TypeParam>*>{&some, &none}, {&none, &some}, {&some}, {&none, &none, &some, &none}})
      EXPECT_TRUE(same_bits(merged<TypeParam>(parts, dims, Layout::BNSD, empty), some)) << empty;

    Part<TypeParam> nothing;
    nothing.out.assign(190, TypeParam{});
    nothing.lse.assign(10, empty);
    for (const auto& parts : {std::vector<const Part<TypeParam>*>{&none, &none}, {&none}, {}})
      EXPECT_TRUE(same_bits(merged<TypeParam>(parts, dims, Layout::BNSD, empty), nothing)) << empty;
  }
}

TYPED_TEST(MergeState, InPlaceAndWithStrides) {
  const Softmax s;
  const Part<TypeParam> a(s, Layout::BSND, 0, 5), b(s, Layout::BSND, 5, 12);
  const Part<TypeParam> want = merged<TypeParam>({&a, &b}, s.dims, Layout::BSND);
  Part<TypeParam> in_place = a;
  const PartialResult<TypeParam> parts[] = {in_place.view(), b.view()};
  ASSERT_TRUE((glint::merge_state<glint::layout::BSND, TypeParam>(
      {.parts = parts, .out = in_place.out.data(), .lse = in_place.lse.data(), .dims = s.dims})));
  EXPECT_TRUE(same_bits(in_place, want));

  // The second part in another layout, the output with gaps, and nobody who wants the lse.
  const Part<TypeParam> other(s, Layout::BNSD, 5, 12);
  const TypeParam poison = glint::from_float<TypeParam>(-77);
  std::vector<TypeParam> wide(size(s.rows() * 25), poison);
  const glint::Strides from = glint::layout::strides(Layout::BSND, s.dims), to{150, 50, 25};
  const PartialResult<TypeParam> mixed[] = {
      a.view(), {other.out.data(), other.lse.data(), glint::layout::strides(Layout::BNSD, s.dims)}};
  ASSERT_TRUE((glint::merge_state<glint::layout::BSND, TypeParam>(
      {.parts = mixed, .out = wide.data(), .dims = s.dims, .out_strides = to})));
  for (index_t row = 0; row < s.rows(); ++row) {
    const index_t at = Part<TypeParam>::place(s.dims, to, row), want_at = Part<TypeParam>::place(s.dims, from, row);
    EXPECT_EQ(std::memcmp(&wide[size(at)], &want.out[size(want_at)], 21 * sizeof(TypeParam)), 0) << row;
    for (index_t d = 21; d < 25; ++d) EXPECT_EQ(to_float(wide[size(at + d)]), -77) << row;
  }
}

// Two parts of one row of numbers each.
Part<float> pair(float x, float x_lse, float y, float y_lse) {
  Part<float> a, b;
  a.out.assign(33, x), b.out.assign(33, y);
  a.lse = {x_lse}, b.lse = {y_lse};
  return merged<float>({&a, &b}, {1, 1, 1, 33}, Layout::BSH);
}

TEST(MergeStateValues, Exact) {
  const Part<float> mean = pair(3, 1.5F, 8, 1.5F);
  for (const float x : mean.out) EXPECT_EQ(x, 5.5F);
  EXPECT_NEAR(mean.lse[0], 1.5 + std::log(2.0), 1e-7);
  // What is 104 and more below the other is lost in it, up to the largest logits.
  for (const float top : {200.0F, 3e38F, -100.0F}) {
    for (const Part<float>& one : {pair(2, top, 7, -3e38F), pair(7, -3e38F, 2, top)}) {
      for (const float x : one.out) EXPECT_EQ(x, 2) << top;
      EXPECT_EQ(one.lse[0], top);
    }
  }
}

TEST(MergeStateValues, WhatIsNoNumberStaysInItsRow) {
  Softmax s({1, 1, 4, 21});
  Part<float> a(s, Layout::BSH, 0, 6), b(s, Layout::BSH, 6, 12);
  a.lse[0] = kNan, b.lse[1] = kNan, b.lse[2] = kInf;  // infinity: somebody's score was
  const Part<float> whole = merged<float>({&a, &b}, s.dims, Layout::BSH);
  for (std::size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(std::isnan(whole.lse[row]), row < 3) << row;
    for (std::size_t d = 0; d < 21; ++d) EXPECT_EQ(std::isnan(whole.out[row * 21 + d]), row < 3) << row;
  }
}

TEST(MergeStateRules, EachHasItsCodeAndNothingIsWritten) {
  using P = MergeStateProblem<float>;
  static float memory[400], lse[40];
  static PartialResult<float> parts[2];
  const P legal{.parts = parts, .out = memory, .lse = lse, .dims = {1, 2, 3, 8}};
  struct Row {
    void (*spoil)(P&);
    Code code;
    index_t got, want;
  };
  const Row rows[] = {
      {[](P& p) { p.dims.batch = -1; }, Code::extent_negative, -1, 0},
      {[](P& p) { p.dims.dim = 0; }, Code::head_dim_not_positive, 0, 1},
      {[](P& p) { p.dims.heads = index_t{1} << 60; }, Code::extent_too_large, 8, 1},
      {[](P& p) { p.out = nullptr; }, Code::null_output, 0, 1},
      {[](P&) { parts[1].out = nullptr; }, Code::null_value, 0, 1},
      {[](P&) { parts[0].lse = nullptr; }, Code::null_stats, 0, 1},
      {[](P&) {
         parts[1].strides = {48, 24, 7};
       },
       Code::strides_too_small, 7, 8},
      {[](P& p) {
         p.out_strides = {48, 20, 8};
       },
       Code::strides_overlap, 20, 24},
      {[](P& p) { p.out = memory + 101; }, Code::output_overlaps_input, 1, 0},  // not quite the first
      {[](P& p) {
         p.out_strides = {48, 8, 16};
         p.out = memory + 100;
       },
       Code::output_overlaps_input, 1, 0},                                      // another way
      {[](P& p) { p.out = memory + 200; }, Code::output_overlaps_input, 1, 0},  // the second
      {[](P& p) { p.lse = lse + 11; }, Code::output_overlaps_input, 1, 0},
      {[](P& p) { p.lse = lse + 20; }, Code::output_overlaps_input, 1, 0},
      {[](P& p) { p.lse = memory + 40; }, Code::output_overlaps_input, 1, 0},  // out
      {[](P& p) { p.lse = memory + 247; }, Code::output_overlaps_input, 1, 0},
      {[](P& p) { p.out = lse + 25; }, Code::output_overlaps_input, 1, 0},
      {[](P& p) { p.out = reinterpret_cast<float*>(parts); }, Code::output_overlaps_input, 1, 0},
  };
  for (const Row& row : rows) {
    parts[0] = {memory + 100, lse + 10}, parts[1] = {memory + 200, lse + 20};
    P p = legal;
    ASSERT_TRUE(static_cast<bool>(check_merge_state(p, Layout::BNSD)));
    row.spoil(p);
    const auto number = &row - rows;
    for (const Status& status : {check_merge_state(p, Layout::BNSD), merge_state(p, Layout::BNSD)}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << number << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << number;
      EXPECT_EQ(status.want, row.want) << number;
    }
    for (const float x : memory) EXPECT_EQ(x, 0) << number;
    for (const float x : lse) EXPECT_EQ(x, 0) << number;
  }
  EXPECT_EQ(merge_state(legal, Layout::TND).code, Code::layout_not_for_operator);
  EXPECT_TRUE((glint::merge_state<glint::layout::BSH, float>({.dims = {0, 2, 3, 8}})));  // nothing to merge
}

}  // namespace
}  // namespace glint_test

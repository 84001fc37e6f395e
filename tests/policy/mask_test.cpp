// Every mask of the library keeps the laws of masks.
#include <random>
#include <vector>

#include "laws/mask_laws.hpp"
#include "support/guarded_buffer.hpp"

namespace mask = glint::mask;

namespace glint_test {

template <>
struct MaskExamples<mask::None> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_shape([&](index_t nq, index_t nk) { visit(mask::None{nq, nk}, nq, nk); });
  }
};

template <>
struct MaskExamples<glint::AnyMask> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_small_shape([&](index_t nq, index_t nk) { visit(mask::Staircase{nq, nk, -2, 1, 1}, nq, nk); });
  }
};

// Bands of every width at every distance from the corner, empty ones (lo > hi) included, with and without a prefix.
template <>
struct MaskExamples<mask::Staircase> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_small_shape([&](index_t nq, index_t nk) {
      for (const index_t lo :
           {-mask::kOpen, index_t{-10}, index_t{-3}, index_t{-1}, index_t{0}, index_t{2}, index_t{9}})
        for (const index_t hi : {index_t{-9}, index_t{-2}, index_t{0}, index_t{1}, index_t{4}, mask::kOpen})
          for (const index_t prefix : {0, 1, 4, 10}) visit(mask::Staircase{nq, nk, lo, hi, prefix}, nq, nk);
    });
    each_wide_shape([&](index_t nq, index_t nk) {
      for (const index_t lo : {-mask::kOpen, index_t{-64}, index_t{-5}, nk - nq})
        for (const index_t hi : {index_t{0}, nk - nq, index_t{63}, mask::kOpen})
          for (const index_t prefix : {0, 65}) visit(mask::Staircase{nq, nk, lo, hi, prefix}, nq, nk);
    });
  }
};

template <class Element>
const std::uint8_t* bytes_of(const Element* numbers) {
  return reinterpret_cast<const std::uint8_t*>(numbers);
}

// Anything but 0 drops, and of floats -0 keeps as well.  Rows may lie further apart than they are long, and nothing
// outside them may be read.
template <class Element, class Visit>
void each_dense_of(std::initializer_list<Element> values, const Visit& visit) {
  static GuardedBuffer memory(65536);
  constexpr auto kSize = static_cast<index_t>(sizeof(Element));
  std::mt19937 random(17);
  each_shape([&](index_t nq, index_t nk) {
    visit(mask::Dense{nullptr, 0, nq, nk, kSize}, nq, nk);
    if (nq == 0 || nk == 0) return;
    for (const index_t gap : {0, 1, 8})
      for (const Fit fit : {Fit::at_start, Fit::at_end}) {
        const index_t stride = nk + gap, count = (nq - 1) * stride + nk;
        auto* const drop = memory.take<Element>(count, fit);
        for (index_t i = 0; i < count; ++i) drop[i] = values.begin()[random() % values.size()];
        visit(mask::Dense{bytes_of(drop), stride, nq, nk, kSize}, nq, nk);
      }
  });
}
template <class Visit>
void each_dense(const Visit& visit) {
  each_dense_of<std::uint8_t>({0, 1, 0, 0x80, 0, 0xff, 0, 2}, visit);
}
template <class Visit>
void each_dense_of_floats(const Visit& visit) {
  each_dense_of<std::uint16_t>({0, 0x3c00, 0x8000, 1, 0, 0x7e00, 0x8000, 0xff80}, visit);
  each_dense_of<std::uint32_t>({0, 0x3f800000, 0x80000000, 1, 0, 0x7fc00000, 0x80000000, 0xff800000}, visit);
}

template <>
struct MaskExamples<mask::Dense> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_dense(visit);
    each_dense_of_floats(visit);
  }
};

using StairsAndDense = mask::Both<mask::Staircase, mask::Dense>;
template <>
struct MaskExamples<StairsAndDense> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_dense([&](const mask::Dense& dense, index_t nq, index_t nk) {
      for (const index_t hi : {index_t{-2}, index_t{0}, mask::kOpen})
        visit(StairsAndDense{{nq, nk, index_t{-6}, hi, 2}, dense}, nq, nk);
    });
  }
};

// Two bands that may have nothing in common: the intersection of their intervals is then upside down, and empty.
using TwoStairs = mask::Both<mask::Staircase, mask::Staircase>;
template <>
struct MaskExamples<TwoStairs> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_shape([&](index_t nq, index_t nk) {
      for (const index_t shift : {-7, -1, 0, 3})
        visit(TwoStairs{{nq, nk, -1, 2, 0}, {nq, nk, shift - 1, shift + 1, 1}}, nq, nk);
    });
  }
};

struct Freckles {
  bool operator()(index_t q, index_t k) const { return (5 * q + 3 * k + q * k) % 7 < 4; }
};
template <>
struct MaskExamples<mask::Where<Freckles>> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_shape([&](index_t nq, index_t nk) { visit(mask::Where{nq, nk, Freckles{}}, nq, nk); });
  }
};

// A Both inside a Both, one part without bits of its own.
using ThreeParts = mask::Both<StairsAndDense, mask::Where<Freckles>>;
template <>
struct MaskExamples<ThreeParts> {
  template <class Visit>
  static void each(const Visit& visit) {
    each_dense([&](const mask::Dense& dense, index_t nq, index_t nk) {
      visit(ThreeParts{{{nq, nk, -mask::kOpen, 1, 0}, dense}, {nq, nk, {}}}, nq, nk);
    });
  }
};

using Masks = testing::Types<mask::None, glint::AnyMask, mask::Staircase, mask::Dense, StairsAndDense, TwoStairs,
                             mask::Where<Freckles>, ThreeParts>;
INSTANTIATE_TYPED_TEST_SUITE_P(Library, MaskLaws, Masks);

namespace {

TEST(BitRange, IsTheBitsBetweenTwoIntegers) {
  for (index_t lo = -70; lo <= 70; ++lo)
    for (index_t hi = -70; hi <= 70; ++hi) {
      std::uint64_t expected = 0;
      for (index_t bit = 0; bit < 64; ++bit)
        if (lo <= bit && bit < hi) expected |= std::uint64_t{1} << bit;
      ASSERT_EQ(mask::bit_range(lo, hi), expected) << lo << " " << hi;
    }
  EXPECT_EQ(mask::bit_range(-mask::kOpen, mask::kOpen), ~std::uint64_t{0});
}

// visible() is what the laws believe, so it is looked at here.
template <class Element, std::size_t count>
std::string seen(const Element (&drop)[count]) {
  return picture(mask::Dense{bytes_of(drop), 0, 1, count, sizeof(Element)}, 1, count);
}
TEST(Dense, KeepsWhereTheNumberIsZero) {
  const std::uint8_t bytes[] = {0, 1, 0x80, 0xff};
  const std::uint16_t halves[] = {0, 0x8000, 0x3c00, 0x0001, 0x8001, 0x7c00, 0xfc00, 0x7e00, 0xffff, 0x0100};
  const std::uint32_t floats[] = {0,          0x80000000, 0x3f800000, 0x00000001, 0x80000001,
                                  0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x00010000};
  EXPECT_EQ(seen(bytes), "\n#...\n");
  EXPECT_EQ(seen(halves), "\n##........\n");
  EXPECT_EQ(seen(floats), "\n##........\n");
}

// What the promises are for: a mask that always answered `partial` would be legal and slow.
TEST(StaircaseCover, SkipsAndFillsWhatABandLeavesNoDoubtAbout) {
  const mask::Staircase causal{8, 8, -mask::kOpen, 0, 0};
  EXPECT_EQ(causal.cover({0, 4, 4, 8}), Cover::none);
  EXPECT_EQ(causal.cover({3, 8, 0, 4}), Cover::full);
  EXPECT_EQ(causal.cover({2, 8, 0, 4}), Cover::partial);
  EXPECT_EQ(causal.keys(2, 5), (Interval{0, 5}));
  EXPECT_EQ(causal.queries(3, 4), (Interval{3, 8}));
  const mask::Staircase window{8, 8, -2, 0, 0};
  EXPECT_EQ(window.keys(4, 6), (Interval{2, 6}));
  EXPECT_EQ(window.queries(2, 3), (Interval{2, 5}));
  EXPECT_EQ(window.cover({4, 8, 0, 2}), Cover::none);
  const mask::Staircase prefixed{8, 8, -2, 0, 3};
  EXPECT_EQ(prefixed.cover({0, 8, 0, 3}), Cover::full);
  EXPECT_EQ(prefixed.keys(0, 1), (Interval{0, 3}));
}

TEST(Materialize, WritesOneByteForEachScore) {
  const mask::Staircase causal{2, 3, -mask::kOpen, 0, 0};
  std::uint8_t bytes[7] = {9, 9, 9, 9, 9, 9, 9};
  mask::materialize(causal, 2, 3, bytes);
  const std::vector<int> expected{1, 0, 0, 1, 1, 0, 9};
  EXPECT_EQ(std::vector<int>(bytes, bytes + 7), expected);
}

TEST(AnyMask, SeesEverythingUntilItIsGivenAMask) {
  glint::AnyMask any;
  EXPECT_TRUE(any.visible(0, 100));
  any = mask::Staircase{4, 4, 0, 0, 0};
  const glint::AnyMask copy = any;
  any = mask::None{4, 4};
  EXPECT_EQ(picture(copy, 2, 2), "\n#.\n.#\n");
  EXPECT_EQ(picture(any, 2, 2), "\n##\n##\n");
}

}  // namespace
}  // namespace glint_test

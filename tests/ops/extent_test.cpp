// What counts as overlapping, against the sets of bytes that small tensors touch.
#include <gtest/gtest.h>

#include <set>

#include "glint/ops/problem.hpp"
#include "support/random.hpp"

namespace {

using glint::Dims;
using glint::index_t;
using glint::Strides;
using glint::detail::Extent;

std::int16_t memory[4096];

std::set<index_t> touched(index_t at, Strides s, Dims d) {
  std::set<index_t> elements;
  for (index_t b = 0; b < d.batch; ++b)
    for (index_t h = 0; h < d.heads; ++h)
      for (index_t r = 0; r < d.rows; ++r)
        for (index_t c = 0; c < d.dim; ++c) elements.insert(at + b * s.batch + h * s.head + r * s.row + c);
  return elements;
}

struct Slice {
  index_t at;
  Strides strides;
  Dims dims;

  Extent extent() const { return glint::detail::slice_extent(memory + at, strides, dims); }
};
// Strides are often multiples of one number, as those of slices are.
Slice random_slice(glint_test::Random& random, index_t unit) {
  const auto stride = [&] { return random.chance(70) ? unit * random.between(0, 4) : random.between(0, 40); };
  return {random.below(60),
          {stride(), stride(), stride()},
          {random.between(1, 3), random.between(1, 3), random.between(1, 4), random.between(1, 5)}};
}

TEST(Extent, WhatIsCalledApartSharesNoByte) {
  glint_test::Random random(7);
  int apart_in_turns = 0;
  for (int i = 0; i < 200000; ++i) {
    const index_t unit = random.between(1, 20);
    const Slice a = random_slice(random, unit), b = random_slice(random, unit);
    const bool overlaps = a.extent().overlaps(b.extent());
    ASSERT_EQ(overlaps, b.extent().overlaps(a.extent())) << i;
    if (overlaps) continue;
    const std::set<index_t> in_a = touched(a.at, a.strides, a.dims), in_b = touched(b.at, b.strides, b.dims);
    for (const index_t element : in_a) ASSERT_EQ(in_b.count(element), 0u) << i;
    apart_in_turns += *in_a.begin() <= *in_b.rbegin() && *in_b.begin() <= *in_a.rbegin() ? 1 : 0;
  }
  EXPECT_GT(apart_in_turns, 1000);
}

// One byte of an element is enough.
TEST(Extent, CountsInBytes) {
  const Slice q{0, {0, 0, 8}, {1, 1, 6, 4}}, k{4, {0, 0, 8}, {1, 1, 6, 4}};
  EXPECT_FALSE(q.extent().overlaps(k.extent()));
  Extent closer = k.extent();
  closer.data = static_cast<const char*>(closer.data) - 1;
  EXPECT_TRUE(q.extent().overlaps(closer));
  EXPECT_TRUE(closer.overlaps(q.extent()));
  EXPECT_TRUE(q.extent().overlaps(glint::detail::extent(memory + 4, index_t{5})));  // which claims all of its span
  EXPECT_FALSE(q.extent().overlaps(glint::detail::extent(memory + 4, index_t{4})));
}

}  // namespace

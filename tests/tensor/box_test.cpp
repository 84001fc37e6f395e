#include "glint/tensor/box.hpp"

#include <gtest/gtest.h>

namespace glint_test {
namespace {

using glint::index_t;
using glint::Interval;

TEST(Interval, IntersectionHoldsWhatBothHold) {
  const auto holds = [](Interval interval, index_t i) { return interval.lo <= i && i < interval.hi; };
  for (int code = 0; code < 7 * 7 * 7 * 7; ++code) {
    const Interval a{code % 7, code / 7 % 7}, b{code / 49 % 7, code / 343};
    const Interval both = intersect(a, b);
    index_t size = 0;
    for (index_t i = -1; i < 8; ++i) {
      ASSERT_EQ(holds(both, i), holds(a, i) && holds(b, i));
      size += holds(both, i);
    }
    ASSERT_EQ(both.size(), size);
    ASSERT_EQ(both.empty(), size == 0);
  }
}

// Both<> takes the smaller of two answers.
TEST(Cover, IsOrderedFromNoneToFull) {
  EXPECT_LT(glint::Cover::none, glint::Cover::partial);
  EXPECT_LT(glint::Cover::partial, glint::Cover::full);
}

}  // namespace
}  // namespace glint_test

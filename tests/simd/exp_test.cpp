// exp and exp2 for x <= 0: the errors that exp-inl.hpp states, over every 80th float.
//
// glint-test: fast-math
#include <cmath>
#include <sstream>

#include "simd/floors.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

class Exp : public testing::TestWithParam<Floor> {};
INSTANTIATE_TEST_SUITE_P(EachIsa, Exp, testing::ValuesIn(floors()), isa_name);

using Function = void (*)(const float*, float*, index_t);

// Calls visit(x, f(x)) for every 80th float of [least, 0], from -0 down; least itself included.
template <class Visit>
void sweep(Function function, float least, const Visit& visit) {
  constexpr index_t kChunk = 4096;
  std::vector<float> x(kChunk), y(kChunk);
  const std::uint32_t last = bits_of(least);
  for (std::uint32_t bits = 0x80000000u; bits <= last;) {
    for (float& element : x) {
      element = float_of(bits < last ? bits : last);
      bits += 80;
    }
    function(x.data(), y.data(), kChunk);
    for (std::size_t i = 0; i < x.size(); ++i) visit(x[i], y[i]);
  }
}

// The distance between two floats that lie around the truth.
double ulp_of(double truth) { return std::ldexp(1.0, std::max(std::ilogb(truth), -126) - 23); }

struct Worst {
  double excess = 0;  // over what is allowed
  float x = 0;
  double ulps = 0;
  void meet(float where, double error, double allowed) {
    if (error - allowed > excess) excess = error - allowed, x = where, ulps = error;
  }
};

// Without a fused multiply-add the products round as well: x * log2 e loses up to half an ulp of itself.
struct Stated {
  double exp2, exp, exp_each_unit;
};
Stated stated(glint::Isa isa) {
  const bool fused = isa == glint::Isa::avx2 || isa == glint::Isa::avx512;
  return fused ? Stated{2.1, 2.1, 0.35} : Stated{2.3, 2.5, 1.2};
}

TEST_P(Exp, Exp2StaysWithinItsStatedError) {
  Worst worst;
  sweep(GetParam().exp2_below_zero, -126.0F, [&](float x, float y) {
    const double truth = std::exp2(static_cast<double>(x));
    worst.meet(x, std::abs(static_cast<double>(y) - truth) / ulp_of(truth), stated(GetParam().isa).exp2);
  });
  EXPECT_EQ(worst.excess, 0) << worst.ulps << " ulp at " << worst.x;
}

TEST_P(Exp, ExpStaysWithinItsStatedError) {
  Worst relative, absolute;
  sweep(GetParam().exp_below_zero, -87.0F, [&](float x, float y) {
    const double truth = std::exp(static_cast<double>(x)), error = std::abs(static_cast<double>(y) - truth);
    const Stated allowed = stated(GetParam().isa);
    relative.meet(x, error / ulp_of(truth), allowed.exp - allowed.exp_each_unit * static_cast<double>(x));
    absolute.meet(x, error / 0x1p-23, 2.1);
  });
  EXPECT_EQ(relative.excess, 0) << relative.ulps << " ulp at " << relative.x;
  EXPECT_EQ(absolute.excess, 0) << absolute.ulps << " ulp of 1 at " << absolute.x;
}

// Where the result is no normal number, it is 0 or the denormal, never anything else.
TEST_P(Exp, BelowTheNormalNumbersItIsZeroOrRight) {
  const auto expect_tail = [](Function function, float from, double (*truth_of)(double)) {
    std::vector<float> x, y;
    for (std::uint32_t bits = bits_of(from); bits <= 0xff800000u; bits += bits < 0xc3800000u ? 997 : 500009)
      x.push_back(float_of(bits));
    x.resize(x.size() / 16 * 16 + 16, -INFINITY);
    y.resize(x.size());
    function(x.data(), y.data(), static_cast<index_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double truth = truth_of(x[i]), got = y[i];
      ASSERT_TRUE(got == 0 || std::abs(got - truth) < 1e-5 * truth + 0x1p-149) << x[i] << " " << got;
      ASSERT_FALSE(std::signbit(y[i])) << x[i];
    }
  };
  expect_tail(GetParam().exp_below_zero, -87.0F, [](double x) { return std::exp(x); });
  expect_tail(GetParam().exp2_below_zero, -126.0F, [](double x) { return std::exp2(x); });
}

// The whole vector at once, so that no lane hides.
std::uint32_t bits_in_every_lane(Function function, std::uint32_t argument) {
  std::vector<float> x(16, float_of(argument)), y(16);
  function(x.data(), y.data(), 16);
  for (const float element : y) EXPECT_EQ(bits_of(element), bits_of(y[0]));
  return bits_of(y[0]);
}

TEST_P(Exp, ExactAtBothEnds) {
  for (const Function function : {GetParam().exp_below_zero, GetParam().exp2_below_zero}) {
    EXPECT_EQ(bits_in_every_lane(function, bits_of(0.0F)), bits_of(1.0F));
    EXPECT_EQ(bits_in_every_lane(function, bits_of(-0.0F)), bits_of(1.0F));
    EXPECT_EQ(bits_in_every_lane(function, bits_of(-INFINITY)), 0u);
    EXPECT_EQ(bits_in_every_lane(function, 0xff7fffffu), 0u);
    EXPECT_EQ(bits_in_every_lane(function, 0x80000001u), bits_of(1.0F));
  }
  for (int n = 0; n >= -126; --n)
    EXPECT_EQ(bits_in_every_lane(GetParam().exp2_below_zero, bits_of(static_cast<float>(n))),
              bits_of(std::ldexp(1.0F, n)));
}

// A NaN may have any sign and payload: 0xff.. bytes are one, and a signalling one too.
TEST_P(Exp, EveryNaNStaysANaN) {
#ifdef __FAST_MATH__
  GTEST_SKIP() << "-ffast-math gives up NaN";
#endif
  std::vector<std::uint32_t> nans{0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0xffffffffu, 0x7f800001u, 0xff800001u};
  for (int bit = 0; bit < 22; ++bit) nans.push_back(0x7fc00000u | 1u << bit);
  std::ostringstream swallowed;
  for (const std::uint32_t nan : nans)
    for (const Function function : {GetParam().exp_below_zero, GetParam().exp2_below_zero})
      if (!is_nan(bits_in_every_lane(function, nan))) swallowed << std::hex << nan << ' ';
  EXPECT_EQ(swallowed.str(), "");
}

}  // namespace
}  // namespace glint_test

// Conversions of the 16-bit types against the definition of their formats: all patterns upwards, all places where
// rounding can go wrong downwards.
#include "glint/core/dtype.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "support/flush_denormals.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

using glint::bfloat16;
using glint::DType;
using glint::from_float;
using glint::half;
using glint::to_float;

template <class Narrow>
void expect_exact_upwards(const Format& format) {
  for (int pattern = 0; pattern < 65536; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const std::uint32_t got = bits_of(to_float(Narrow{bits}));
    if (is_nan(bits, format)) {
      ASSERT_TRUE(is_nan(got)) << pattern;
      ASSERT_EQ(got >> 31, bits >> 15) << pattern;
    } else {
      ASSERT_EQ(got, bits_of(static_cast<float>(value_of(bits, format)))) << pattern;
    }
  }
}

TEST(Half, ConvertsUpwardsExactly) { expect_exact_upwards<half>(kHalf); }
TEST(Bfloat16, ConvertsUpwardsExactly) { expect_exact_upwards<bfloat16>(kBfloat16); }

template <class Narrow>
void expect_nearest_even(const Format& format) {
  for (const std::uint32_t bits : rounding_cases(format)) {
    const std::uint16_t got = from_float<Narrow>(float_of(bits)).bits;
    if (is_nan(bits)) {
      ASSERT_TRUE(is_nan(got, format)) << std::hex << bits;
      ASSERT_EQ(got >> 15, static_cast<int>(bits >> 31)) << std::hex << bits;
    } else {
      ASSERT_EQ(got, rounded(float_of(bits), format)) << std::hex << bits;
    }
  }
}

TEST(Half, RoundsToNearestEven) { expect_nearest_even<half>(kHalf); }
TEST(Bfloat16, RoundsToNearestEven) { expect_nearest_even<bfloat16>(kBfloat16); }

template <class Narrow>
void expect_round_trip(const Format& format) {
  for (int pattern = 0; pattern < 65536; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    if (!is_nan(bits, format)) {
      ASSERT_EQ(from_float<Narrow>(to_float(Narrow{bits})).bits, bits);
    }
  }
}

TEST(Half, ComesBackFromFloat) { expect_round_trip<half>(kHalf); }
TEST(Bfloat16, ComesBackFromFloat) { expect_round_trip<bfloat16>(kBfloat16); }

// A half that is a denormal is a normal float, and no flag of the CPU may take it away.
TEST(Half, SurvivesWhereTheCpuFlushesDenormals) {
  std::vector<std::uint32_t> up(65536);
  std::vector<std::uint16_t> down(65536);
  {
    const FlushDenormals flush;
    for (std::size_t bits = 0; bits < up.size(); ++bits) {
      const float wide = to_float(half{static_cast<std::uint16_t>(bits)});
      up[bits] = bits_of(wide);
      down[bits] = from_float<half>(wide).bits;
    }
  }
  for (std::size_t bits = 0; bits < up.size(); ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    if (is_nan(pattern, kHalf)) continue;
    ASSERT_EQ(up[bits], bits_of(static_cast<float>(value_of(pattern, kHalf)))) << bits;
    ASSERT_EQ(down[bits], pattern);
  }
}

// By hand, so that the independent rounding above has a witness of its own.
TEST(Half, KnownPatterns) {
  EXPECT_EQ(from_float<half>(1.0F).bits, 0x3c00);
  EXPECT_EQ(from_float<half>(-2.0F).bits, 0xc000);
  EXPECT_EQ(from_float<half>(65504.0F).bits, 0x7bff);
  EXPECT_EQ(from_float<half>(65519.99F).bits, 0x7bff);
  EXPECT_EQ(from_float<half>(65520.0F).bits, 0x7c00);
  EXPECT_EQ(from_float<half>(0x1p-24F).bits, 0x0001);
  EXPECT_EQ(from_float<half>(0x1p-25F).bits, 0x0000);
  EXPECT_EQ(from_float<half>(0x1.000002p-25F).bits, 0x0001);
  EXPECT_EQ(from_float<half>(0x1p-14F).bits, 0x0400);
  EXPECT_EQ(from_float<half>(-0.0F).bits, 0x8000);
  EXPECT_EQ(from_float<half>(1.0F + 0x1p-11F).bits, 0x3c00);
  EXPECT_EQ(from_float<half>(1.0F + 0x1.8p-10F).bits, 0x3c02);
  EXPECT_EQ(to_float(half{0x03ff}), 0x1.ff8p-15F);
}

TEST(Bfloat16, KnownPatterns) {
  EXPECT_EQ(from_float<bfloat16>(1.0F).bits, 0x3f80);
  EXPECT_EQ(from_float<bfloat16>(1.0F + 0x1p-8F).bits, 0x3f80);
  EXPECT_EQ(from_float<bfloat16>(1.0F + 0x1.8p-7F).bits, 0x3f82);
  EXPECT_EQ(from_float<bfloat16>(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(from_float<bfloat16>(0x1.fep127F).bits, 0x7f7f);
}

TEST(Conversions, WorkAtCompileTime) {
  static_assert(to_float(half{0x3c00}) == 1.0F && to_float(half{0x0001}) == 0x1p-24F);
  static_assert(from_float<half>(0x1p-24F).bits == 1 && from_float<bfloat16>(-1.0F).bits == 0xbf80);
  static_assert(from_float<float>(1.5F) == 1.5F && to_float(1.5F) == 1.5F);
}

TEST(DType, SizesAreThoseOfTheTypes) {
  EXPECT_EQ(size_of(DType::f32), 4);
  EXPECT_EQ(size_of(DType::f16), 2);
  EXPECT_EQ(size_of(DType::bf16), 2);
  EXPECT_EQ(size_of(DType::i8), 1);
  EXPECT_EQ(size_of(DType::u8), 1);
  EXPECT_EQ(size_of(DType::boolean), 1);
  EXPECT_EQ(size_of(DType::i32), 4);
  EXPECT_EQ(size_of(DType::i64), 8);
  EXPECT_EQ(size_of(DType::u64), 8);
  EXPECT_EQ(size_of(DType::none), 0);
  static_assert(sizeof(half) == 2 && sizeof(bfloat16) == 2);
}

TEST(DType, NamesTheStorageTypes) {
  using glint::dtype_of;
  static_assert(dtype_of<float> == DType::f32 && dtype_of<half> == DType::f16 && dtype_of<bfloat16> == DType::bf16);
  static_assert(dtype_of<std::int8_t> == DType::i8 && dtype_of<std::uint8_t> == DType::u8);
  static_assert(dtype_of<bool> == DType::boolean && dtype_of<double> == DType::none);
  static_assert(glint::is_tensor_element<float> && glint::is_tensor_element<half>);
  static_assert(glint::is_tensor_element<bfloat16> && !glint::is_tensor_element<std::int8_t>);
  static_assert(!glint::is_tensor_element<double> && !glint::is_tensor_element<bool>);
}

// Storage only: nobody calculates with 16 bits by accident.
template <class Number>
concept Adds = requires(Number a, Number b) {
  a + b;
};
TEST(DType, SixteenBitTypesHaveNoArithmetic) {
  static_assert(!Adds<half> && !Adds<bfloat16> && Adds<float>);
  static_assert(!std::is_convertible_v<half, float> && !std::is_convertible_v<float, half>);
}

}  // namespace
}  // namespace glint_test

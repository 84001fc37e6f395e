// Roundings to binary16 that stay in float, at every half, its neighbours and every tie; exp in two parts; and bytes in
// fours, packed with every tail at unreadable pages.
//
// glint-test: fast-math
#include "glint/kernel/forward.hpp"
#include "simd/floors.hpp"
#include "support/guarded_buffer.hpp"
#include "support/rounding.hpp"

namespace glint_test {
namespace {

class Bytes : public testing::TestWithParam<Floor> {};
INSTANTIATE_TEST_SUITE_P(EachIsa, Bytes, testing::ValuesIn(floors()), isa_name);

constexpr std::uint16_t kLargest = 0x7bff;  // 65504

// The nearest half, and the largest one for what lies beyond.
double nearest_half(float value) {
  const std::uint16_t bits = rounded(value, kHalf);
  const bool beyond = (bits & 0x7fff) > kLargest;
  return value_of(beyond ? static_cast<std::uint16_t>((bits & 0x8000) | kLargest) : bits, kHalf);
}

// Every half from `least` on, the tie behind it, what lies just beside both, and all that negated; a multiple of 32.
std::vector<float> around_halves(std::uint16_t least) {
  std::vector<float> all;
  for (std::uint16_t bits = least; bits <= kLargest; ++bits) {
    const auto here = static_cast<float>(value_of(bits, kHalf));
    const float next = bits == kLargest ? 65536.0F : static_cast<float>(value_of(bits + 1, kHalf));
    const float tie = here + (next - here) / 2;
    for (const float each : {here, tie})
      for (const float near : {std::nextafter(each, 0.0F), each, std::nextafter(each, 1e9F)})
        all.push_back(near), all.push_back(-near);
  }
  while (all.size() % 32 != 0) all.push_back(0.0F);
  return all;
}

using Function = void (*)(const float*, float*, index_t);

void expect_nearest(Function function, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  function(x.data(), y.data(), static_cast<index_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(static_cast<double>(y[i]), nearest_half(x[i])) << std::hexfloat << x[i];
}

TEST_P(Bytes, EveryHalfAndEveryTie) {
  expect_nearest(GetParam().as_half, around_halves(0));
  expect_nearest(GetParam().as_half, std::vector<float>(32, 1e30F));
  expect_nearest(GetParam().as_half, std::vector<float>(32, -1e30F));
  expect_nearest(GetParam().as_half, std::vector<float>(32, 1e-30F));
}
TEST_P(Bytes, NormalHalves) {
  std::vector<float> x = around_halves(0x0401);
  std::erase_if(x, [](float each) { return std::abs(each) >= 65520.0F; });
  x.resize(x.size() / 32 * 32 + 32);  // zeros, too
  expect_nearest(GetParam().as_normal_half, x);
}
TEST_P(Bytes, MantissasBetweenOneAndTwo) {
  std::vector<float> x;
  for (std::uint32_t bits = bits_of(1 - 0x1p-13F); bits <= bits_of(2 + 0x1p-12F); bits += 5)
    x.push_back(float_of(bits));
  x.resize(x.size() / 32 * 32);
  expect_nearest(GetParam().mantissa_as_half, x);
}
TEST_P(Bytes, InfinityAndNaN) {
#ifdef __FAST_MATH__
  GTEST_SKIP() << "-ffast-math gives up both";
#endif
  std::vector<float> x(32, INFINITY), y(32);
  x[1] = -INFINITY, x[2] = NAN, x[3] = -NAN;
  GetParam().as_half(x.data(), y.data(), 32);
  EXPECT_EQ(y[0], 65504.0F);
  EXPECT_EQ(y[1], -65504.0F);
  EXPECT_TRUE(is_nan(bits_of(y[2])) && is_nan(bits_of(y[3])));
}

// Every normal half times a few: those with all bits set, single bits, and random ones.
TEST_P(Bytes, ProductsOfHalves) {
  std::vector<std::uint16_t> factors{0x3c00, 0x3fff, 0x57f0, 0x2da8, 0xd7f0, 0x3555, 0x0400, 0x0001, 0x03ff, 0x7bff};
  for (std::uint32_t i = 0; i < 40; ++i) factors.push_back(static_cast<std::uint16_t>(0x1000 + i * 700));
  for (const std::uint16_t factor : factors) {
    const auto y = static_cast<float>(value_of(factor, kHalf));
    std::vector<float> x;
    for (std::uint16_t bits = 0x0400; bits <= kLargest; ++bits) {
      const auto each = static_cast<float>(value_of(bits, kHalf));
      if (std::abs(each * y) >= 0x1p-14F && std::abs(each * y) < 65520.0F) x.push_back(bits % 2 == 0 ? each : -each);
    }
    x.resize(x.size() / 32 * 32 + 32);
    std::vector<float> product(x.size());
    GetParam().times_half(y, x.data(), product.data(), static_cast<index_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(static_cast<double>(product[i]), nearest_half(x[i] * y)) << std::hexfloat << x[i] << " * " << y;
  }
}

TEST_P(Bytes, ExponentialInParts) {
  const bool fused = GetParam().isa == glint::Isa::avx2 || GetParam().isa == glint::Isa::avx512;
  std::vector<float> x, mantissa, power;
  for (std::uint32_t bits = 0x80000000u; bits <= bits_of(-87.0F); bits += 997) x.push_back(float_of(bits));
  x.resize(x.size() / 32 * 32);
  mantissa.resize(x.size()), power.resize(x.size());
  GetParam().exponential_in_parts(x.data(), mantissa.data(), power.data(), static_cast<index_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double truth = std::exp(static_cast<double>(x[i]));
    const double error = static_cast<double>(mantissa[i]) * static_cast<double>(power[i]) / truth - 1;
    ASSERT_LE(std::abs(error) * 0x1p23, (fused ? 2.2 : 3.0) - (fused ? 0.35 : 1.2) * static_cast<double>(x[i])) << x[i];
    ASSERT_GE(mantissa[i], 1 - 0x1p-13F);
    ASSERT_LE(mantissa[i], 2 + 0x1p-12F);
    int exponent;
    ASSERT_EQ(std::frexp(power[i], &exponent), 0.5F);
  }
}
TEST_P(Bytes, ExponentialInPartsAtTheEnds) {
  std::vector<float> x(32, 0.0F), mantissa(32), power(32);
  x[1] = -0.0F, x[2] = -INFINITY, x[3] = -131008.0F, x[4] = -88.0F;
  GetParam().exponential_in_parts(x.data(), mantissa.data(), power.data(), 32);
  EXPECT_EQ(mantissa[0] * power[0], 1.0F);
  EXPECT_EQ(mantissa[1] * power[1], 1.0F);
  for (const std::size_t zero : {2, 3, 4}) EXPECT_EQ(mantissa[zero] * power[zero], 0.0F) << zero;
}

TEST_P(Bytes, AreLoadedAsFloats) {
  std::vector<std::int8_t> bytes(256);
  std::vector<float> floats(256);
  for (int i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i - 128);
  GetParam().load_bytes(bytes.data(), floats.data(), 256);
  for (int i = 0; i < 256; ++i) ASSERT_EQ(floats[static_cast<std::size_t>(i)], static_cast<float>(i - 128));
}

#if GLINT_HAVE_X86
namespace isa = glint::isa_avx512;

std::int8_t byte(index_t row, index_t column) { return static_cast<std::int8_t>((row * 37 + column * 11) % 251 - 125); }

class Quads : public testing::Test {
 protected:
  void SetUp() override {
    if (!glint::simd::supported(glint::Isa::avx512)) GTEST_SKIP() << "this CPU has no AVX-512";
  }
  template <class Visit>
  void each_shape(const Visit& visit) {
    for (index_t rows = 1; rows <= 64; rows += rows < 20 ? 1 : 11)
      for (const index_t dim : {1, 2, 3, 4, 5, 15, 16, 17, 31, 63, 64, 65, 66, 67, 68, 127, 128, 130})
        for (const Fit fit : {Fit::at_start, Fit::at_end}) visit(rows, dim, rows % 2 == 0 ? dim : dim + 3, fit);
  }
  const std::int8_t* filled(index_t rows, index_t dim, index_t stride, Fit fit) {
    auto* const data = narrow_.take<std::int8_t>((rows - 1) * stride + dim, fit);
    for (index_t r = 0; r < rows; ++r)
      for (index_t d = 0; d < dim; ++d) data[r * stride + d] = byte(r, d);
    return data;
  }
  GuardedBuffer narrow_{64 * 140}, wide_{64 * 140 * 4};
};

TEST_F(Quads, RowsBecomeLanes) {
  each_shape([&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const std::int8_t* const source = filled(rows, dim, stride, fit);
    const index_t quads = (dim + 3) / 4;
    auto* const lanes = wide_.take<std::int8_t>(quads * 64 * 4, fit);
    isa::pack_quads<64>(source, stride, rows, dim, reinterpret_cast<float*>(lanes));
    for (index_t d = 0; d < quads * 4; ++d)
      for (index_t r = 0; r < isa::lanes_for<64>(rows); ++r)
        ASSERT_EQ(lanes[(d / 4 * 64 + r) * 4 + d % 4], r < rows && d < dim ? byte(r, d) : 0) << rows << " x " << dim;
    ASSERT_TRUE(wide_.intact());
  });
}

TEST_F(Quads, RowsBecomeUnsigned) {
  each_shape([&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const std::int8_t* const source = filled(rows, dim, stride, fit);
    const index_t to_stride = (dim + 3) / 4 * 4;
    auto* const target = wide_.take<std::uint8_t>(rows * to_stride, fit);
    isa::copy_unsigned_rows(source, stride, rows, dim, target, to_stride);
    for (index_t r = 0; r < rows; ++r)
      for (index_t d = 0; d < dim; ++d) ASSERT_EQ(target[r * to_stride + d], byte(r, d) + 128) << rows << " x " << dim;
    ASSERT_TRUE(wide_.intact());
  });
}

TEST_F(Quads, FourRowsAreInterleaved) {
  each_shape([&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const std::int8_t* const source = filled(rows, dim, stride, fit);
    auto* const target = wide_.take<std::int8_t>((rows + 3) / 4 * 4 * dim, fit);
    isa::interleave_byte_rows(source, stride, rows, dim, target);
    for (index_t r = 0; r < (rows + 3) / 4 * 4; ++r)
      for (index_t d = 0; d < dim; ++d)
        ASSERT_EQ(target[r / 4 * 4 * dim + 4 * d + r % 4], r < rows ? byte(r, d) : 0) << rows << " x " << dim;
    ASSERT_TRUE(wide_.intact());
  });
}

// GLINT_FORCE_ISA and simd::selected rule over the instruction as over everything else.
TEST(Int8Dot, BelongsToAvx512) {
  const glint::Isa before = glint::simd::selected;
  for (const glint::Isa each : {glint::Isa::plain, glint::Isa::base, glint::Isa::avx2}) {
    glint::simd::selected = each;
    EXPECT_FALSE(glint::simd::int8_dot());
  }
  glint::simd::selected = glint::Isa::avx512;
  EXPECT_EQ(glint::simd::int8_dot(), glint::simd::has_int8_dot);
  glint::simd::selected = before;
}
#endif

}  // namespace
}  // namespace glint_test

// Pairs of bfloat16: packing and unpacking with every tail at unreadable pages, and the dot products in whole numbers.
#include "glint/kernel/forward.hpp"
#include "simd/floors.hpp"
#include "support/guarded_buffer.hpp"
#include "support/rounding.hpp"

#if GLINT_HAVE_X86
namespace glint_test {
namespace {

namespace isa = glint::isa_avx512;
using glint::bfloat16;

constexpr index_t kMostDim = 70, kGap = 3;

float number(index_t row, index_t column) { return static_cast<float>((row * 37 + column * 11) % 251 - 125); }

class Pairs : public testing::Test {
 protected:
  void SetUp() override {
    if (!glint::simd::has_bf16_dot) GTEST_SKIP() << "this CPU has no dot product of bfloat16";
  }
  template <class Visit>
  void each_shape(index_t most_rows, const Visit& visit) {
    for (index_t rows = 1; rows <= most_rows; ++rows)
      for (const index_t dim : {1, 2, 3, 15, 16, 31, 32, 33, 62, 63, 64, 65, 70})
        for (const Fit fit : {Fit::at_start, Fit::at_end}) visit(rows, dim, rows % 2 == 0 ? dim : dim + kGap, fit);
  }
  const bfloat16* filled(index_t rows, index_t dim, index_t stride, Fit fit) {
    auto* const data = narrow_.take<bfloat16>((rows - 1) * stride + dim, fit);
    for (index_t r = 0; r < rows; ++r)
      for (index_t d = 0; d < dim; ++d) data[r * stride + d] = glint::from_float<bfloat16>(number(r, d));
    return data;
  }
  GuardedBuffer narrow_{65 * (kMostDim + kGap) * 2}, wide_{64 * (kMostDim + kGap) * 4 * 2}, factors_{64 * 4};
};

// The two halves of a lane.
float low(float pair) { return glint::to_float(bfloat16{static_cast<std::uint16_t>(bits_of(pair))}); }
float high(float pair) { return glint::to_float(bfloat16{static_cast<std::uint16_t>(bits_of(pair) >> 16)}); }

TEST_F(Pairs, RowsBecomeLanes) {
  each_shape(64, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const bfloat16* const source = filled(rows, dim, stride, fit);
    const index_t pairs = (dim + 1) / 2;
    float* const lanes = wide_.take<float>(pairs * 64, fit);
    isa::pack_pairs<64>(source, stride, rows, dim, lanes);
    for (index_t pair = 0; pair < pairs; ++pair)
      for (index_t r = 0; r < isa::lanes_for<64>(rows); ++r) {
        const float got = lanes[pair * 64 + r];
        ASSERT_EQ(low(got), r < rows ? number(r, 2 * pair) : 0) << rows << " x " << dim;
        ASSERT_EQ(high(got), r < rows && 2 * pair + 1 < dim ? number(r, 2 * pair + 1) : 0) << rows << " x " << dim;
      }
    ASSERT_TRUE(wide_.intact());
  });
}

TEST_F(Pairs, NeighbouringRowsAreInterleaved) {
  each_shape(65, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const bfloat16* const source = filled(rows, dim, stride, fit);
    auto* const target = wide_.take<bfloat16>((rows + 1) / 2 * 2 * dim, fit);
    isa::interleave_rows(source, stride, rows, dim, target);
    for (index_t r = 0; r < (rows + 1) / 2 * 2; ++r)
      for (index_t d = 0; d < dim; ++d)
        ASSERT_EQ(glint::to_float(target[r / 2 * 2 * dim + 2 * d + r % 2]), r < rows ? number(r, d) : 0)
            << rows << " x " << dim << " at " << r << ", " << d;
    ASSERT_TRUE(wide_.intact());
  });
}

TEST_F(Pairs, LanesBecomeRowsAsTheFloatKernelsRoundThem) {
  constexpr unsigned char kFill = 0x5a;
  const float strange[] = {1.00390625F, 1.01171875F, -1.00390625F, 3.3961776e38F, INFINITY, -INFINITY, NAN, 0.0F};
  each_shape(64, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    float* const lanes = wide_.take<float>(dim * 64, fit);
    float* const factor = factors_.take<float>(64, fit);
    for (index_t r = 0; r < 64; ++r) {
      factor[r] = r % 2 == 0 ? 0.37F : -2.0F;
      for (index_t d = 0; d < dim; ++d)
        lanes[d * 64 + r] = (r + d) % 5 == 0 ? strange[(r + d) % 8] / factor[r] : number(r, d);
    }
    const index_t size = (rows - 1) * stride + dim;
    auto* const target = narrow_.take<bfloat16>(size, fit, kFill);
    isa::unpack_pairs<64>(lanes, factor, rows, dim, target, stride);
    for (index_t i = 0; i < size; ++i) {
      const index_t r = i / stride, d = i % stride;
      const bfloat16 want = d < dim ? glint::from_float<bfloat16>(lanes[d * 64 + r] * factor[r]) : bfloat16{0x5a5a};
      const bool both_nan =
          glint::to_float(want) != glint::to_float(want) && glint::to_float(target[i]) != glint::to_float(target[i]);
      ASSERT_TRUE(both_nan || target[i].bits == want.bits) << rows << " x " << dim << " at " << r << ", " << d;
    }
    ASSERT_TRUE(narrow_.intact());
  });
}

TEST_F(Pairs, KeysAreJoinedInPlace) {
  for (const index_t keys : {1, 2, 3, 8, 63})
    for (const index_t lanes : {16, 32, 64}) {
      std::vector<float> p(static_cast<std::size_t>(keys * 64));
      for (std::size_t i = 0; i < p.size(); ++i) p[i] = 1.0F / static_cast<float>(i + 1);
      const std::vector<float> before = p;
      isa::join_keys<64>(keys, lanes, p.data());
      for (index_t c = 0; c < keys; c += 2)
        for (index_t r = 0; r < lanes; ++r) {
          const auto rounded = [&](index_t key) {
            const float value = key < keys ? before[static_cast<std::size_t>(key * 64 + r)] : 0;
            return glint::to_float(glint::from_float<bfloat16>(value));
          };
          const float pair = p[static_cast<std::size_t>(c / 2 * 64 + r)];
          ASSERT_EQ(low(pair), rounded(c)) << keys;
          ASSERT_EQ(high(pair), rounded(c + 1)) << keys;
        }
    }
}

// Whole numbers small enough to be exact: any order of the sums must give the same.
TEST_F(Pairs, ScoresAreDotProducts) {
  constexpr index_t kRows = 64;
  for (const index_t dim : {1, 2, 7, 8, 16, 33, 64})
    for (const index_t keys : {1, 2, 4, 5, 11, 16}) {
      std::vector<bfloat16> q(static_cast<std::size_t>(kRows * dim)), k(static_cast<std::size_t>(keys * dim));
      for (std::size_t i = 0; i < q.size(); ++i) q[i] = glint::from_float<bfloat16>(static_cast<float>(i % 7) - 3);
      for (std::size_t i = 0; i < k.size(); ++i) k[i] = glint::from_float<bfloat16>(static_cast<float>(i % 5) - 2);
      std::vector<float> packed(static_cast<std::size_t>((dim + 1) / 2 * kRows)), top(kRows);
      std::vector<float> s(static_cast<std::size_t>(keys * kRows));
      isa::pack_pairs<kRows>(q.data(), dim, kRows, dim, packed.data());
      isa::Upcoming nothing;
      isa::scores_of_lanes<kRows, glint::RegisterBlock<4, 4>>(k.data(), dim, packed.data(), dim, keys, s.data(), top.data(), nothing);
      for (index_t r = 0; r < kRows; ++r) {
        float highest = -1e30F;
        for (index_t c = 0; c < keys; ++c) {
          float want = 0;
          for (index_t d = 0; d < dim; ++d)
            want += glint::to_float(q[static_cast<std::size_t>(r * dim + d)]) *
                    glint::to_float(k[static_cast<std::size_t>(c * dim + d)]);
          ASSERT_EQ(s[static_cast<std::size_t>(c * kRows + r)], want) << dim << " " << keys;
          highest = std::max(highest, want);
        }
        ASSERT_EQ(top[static_cast<std::size_t>(r)], highest);
      }
    }
}

// GLINT_FORCE_ISA and simd::selected rule over the instruction as over everything else.
TEST(Bf16Dot, BelongsToAvx512) {
  const glint::Isa before = glint::simd::selected;
  for (const glint::Isa each : {glint::Isa::plain, glint::Isa::base, glint::Isa::avx2}) {
    glint::simd::selected = each;
    EXPECT_FALSE(glint::simd::bf16_dot());
  }
  glint::simd::selected = glint::Isa::avx512;
  EXPECT_EQ(glint::simd::bf16_dot(), glint::simd::has_bf16_dot);
  glint::simd::selected = before;
}

}  // namespace
}  // namespace glint_test
#endif

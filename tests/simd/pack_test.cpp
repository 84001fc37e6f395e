// Packing and unpacking with every tail, in buffers that end (or begin) at a page nobody may touch.
//
// glint-test: fast-math
#include "simd/floors.hpp"
#include "support/guarded_buffer.hpp"

namespace glint_test {
namespace {

class Pack : public testing::TestWithParam<Floor> {};
INSTANTIATE_TEST_SUITE_P(EachIsa, Pack, testing::ValuesIn(floors()), isa_name);

constexpr index_t kMostRows = 65, kMostDim = 40, kGap = 3;

// Small whole numbers: exact in every type, and different from one place to the next.
float number(index_t row, index_t column) { return static_cast<float>((row * 37 + column * 11) % 251 - 125); }

struct Memory {
  GuardedBuffer narrow{kMostRows * (kMostDim + kGap) * 4}, wide{64 * (kMostDim + kGap) * 4 * 2}, factors{64 * 4};
};
Memory& memory() {
  static Memory buffers;
  return buffers;
}

// Calls visit(rows, dim, stride, fit) for every tail: all dims for some heights, all heights for some dims.
template <class Visit>
void each_shape(index_t most_rows, const Visit& visit) {
  for (index_t rows = 1; rows <= most_rows; ++rows)
    for (index_t dim = 1; dim <= kMostDim; ++dim)
      for (const Fit fit : {Fit::at_start, Fit::at_end}) visit(rows, dim, rows % 2 == 0 ? dim : dim + kGap, fit);
}

// rows * stride elements but for the gap behind the last row.
template <class Element>
Element* filled_rows(GuardedBuffer& buffer, index_t rows, index_t dim, index_t stride, Fit fit) {
  auto* const data = buffer.take<Element>((rows - 1) * stride + dim, fit);
  for (index_t r = 0; r < rows; ++r)
    for (index_t d = 0; d < dim; ++d) data[r * stride + d] = glint::from_float<Element>(number(r, d));
  return data;
}

// lanes[d * tile + r] = factor * source[r][d]; lanes past the last row are 0
// as far as they are calculated with.
template <class Element>
void expect_pack(const Packing<Element>& packing, index_t tile, index_t (*lanes_for)(index_t)) {
  each_shape(tile, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const Element* const source = filled_rows<Element>(memory().narrow, rows, dim, stride, fit);
    float* const lanes = memory().wide.take<float>(dim * tile, fit);
    packing.pack(tile)(source, stride, rows, dim, 0.5F, lanes);
    for (index_t d = 0; d < dim; ++d)
      for (index_t r = 0; r < lanes_for(rows); ++r)
        ASSERT_EQ(lanes[d * tile + r], r < rows ? 0.5F * number(r, d) : 0.0F)
            << rows << " x " << dim << " at " << r << ", " << d;
    ASSERT_TRUE(memory().wide.intact()) << rows << " x " << dim;
  });
}

TEST_P(Pack, RowsBecomeLanes) {
  GetParam().each_type([](const auto& packing) {
    expect_pack(packing, 16, GetParam().lanes_for[0]);
    expect_pack(packing, 64, GetParam().lanes_for[2]);
  });
}

// target[r][d] = lanes[d * tile + r] * factor[r]; gaps between the rows keep their bytes.
template <class Element>
void expect_unpack(const Packing<Element>& packing, index_t tile) {
  constexpr unsigned char kFill = 0x5a;
  each_shape(tile, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    float* const lanes = memory().wide.take<float>(dim * tile, fit);
    float* const factor = memory().factors.take<float>(tile, fit);
    for (index_t r = 0; r < tile; ++r) {
      factor[r] = r % 2 == 0 ? 0.25F : -2.0F;
      for (index_t d = 0; d < dim; ++d) lanes[d * tile + r] = number(r, d);
    }
    const index_t size = (rows - 1) * stride + dim;
    auto* const target = memory().narrow.take<Element>(size, fit, kFill);
    packing.unpack(tile)(lanes, factor, rows, dim, target, stride);
    Element untouched;
    std::memset(&untouched, kFill, sizeof untouched);
    for (index_t i = 0; i < size; ++i) {
      const index_t r = i / stride, d = i % stride;
      const Element expected = d < dim ? glint::from_float<Element>(number(r, d) * factor[r]) : untouched;
      ASSERT_EQ(std::memcmp(&target[i], &expected, sizeof expected), 0)
          << rows << " x " << dim << " at " << r << ", " << d;
    }
    ASSERT_TRUE(memory().narrow.intact()) << rows << " x " << dim;
  });
}

TEST_P(Pack, LanesBecomeRows) {
  GetParam().each_type([](const auto& packing) {
    expect_unpack(packing, 16);
    expect_unpack(packing, 64);
  });
}

template <class Element>
void expect_convert(const Packing<Element>& packing) {
  each_shape(kMostRows, [&](index_t rows, index_t dim, index_t stride, Fit fit) {
    const Element* const source = filled_rows<Element>(memory().narrow, rows, dim, stride, fit);
    const index_t target_stride = rows % 3 == 0 ? dim : dim + kGap, size = (rows - 1) * target_stride + dim;
    float* const target = memory().wide.take<float>(size, fit, 0);
    packing.convert_rows(source, stride, rows, dim, target, target_stride);
    for (index_t i = 0; i < size; ++i) {
      const index_t r = i / target_stride, d = i % target_stride;
      ASSERT_EQ(target[i], d < dim ? number(r, d) : 0.0F) << rows << " x " << dim << " at " << r << ", " << d;
    }
    ASSERT_TRUE(memory().wide.intact()) << rows << " x " << dim;
  });
}

TEST_P(Pack, RowsConvertToFloats) {
  GetParam().each_type([](const auto& packing) { expect_convert(packing); });
}

// One strange number at any place is found; outside the rows it is not looked at.
TEST_P(Pack, AllFiniteFindsOneStrangeNumberAnywhere) {
  const auto all_finite = GetParam().all_finite;
  constexpr index_t kRows = 3;
  for (const Fit fit : {Fit::at_start, Fit::at_end})
    for (index_t dim = 1; dim <= kMostDim; ++dim) {
      const index_t stride = dim + kGap, size = (kRows - 1) * stride + dim;
      float* const rows = memory().narrow.take<float>(size, fit, 0xff);  // NaN in the gaps
      for (index_t r = 0; r < kRows; ++r)
        for (index_t d = 0; d < dim; ++d) rows[r * stride + d] = (r + d) % 2 == 0 ? 3.4028235e38F : -0x1p-149F;
      ASSERT_TRUE(all_finite(rows, stride, kRows, dim)) << dim;
      for (index_t i = 0; i < size; ++i)
        for (const std::uint32_t strange : {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00001u, 0x7f800001u}) {
          if (i % stride >= dim) continue;
          const float before = rows[i];
          std::memcpy(&rows[i], &strange, 4);
          ASSERT_FALSE(all_finite(rows, stride, kRows, dim)) << dim << " at " << i;
          rows[i] = before;
        }
    }
  EXPECT_TRUE(all_finite(nullptr, 0, 0, 5));
}

// All have been asked for in the end, and not in a burst before; asking touches no memory.
TEST_P(Pack, UpcomingRowsAreSharedOutOverTheRequests) {
  static GuardedBuffer buffer(64);
  const auto* const data = buffer.take<char>(64, Fit::at_end);
  for (const index_t requests : {1, 2, 7, 100})
    for (const index_t bytes : {1, 64, 65, 512}) {
      const glint::NextRows rows[] = {
          {data, 4096, 3, bytes}, {nullptr, 64, 5, 64}, {data, 64, 0, 64}, {data, 0, 2, 64}};
      const index_t lines = 3 * ((bytes + 63) / 64) + 2;
      const index_t needed = GetParam().requests_needed(rows, 4, requests);
      EXPECT_LE(needed, requests);
      EXPECT_GE(needed, lines / (lines / requests + 1));
    }
  EXPECT_EQ(GetParam().requests_needed(nullptr, 0, 5), 0);
}

}  // namespace
}  // namespace glint_test

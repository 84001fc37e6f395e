// The inner loop against three scalar loops, in whole numbers: exact, whether the CPU fuses or not.
#include "simd/floors.hpp"
#include "support/guarded_buffer.hpp"

namespace glint_test {
namespace {

class Microkernel : public testing::TestWithParam<Floor> {};
INSTANTIATE_TEST_SUITE_P(EachIsa, Microkernel, testing::ValuesIn(floors()), isa_name);

float small_number(index_t seed) { return static_cast<float>(seed * 7919 % 31 - 15); }

struct Problem {
  index_t depth, a_row, a_depth, b_gap;
};

// A and B at the end of the accessible memory: the last element of each is the last byte that may be read.
void expect_product(const Block& block, int lanes, const Problem& problem) {
  static GuardedBuffer a_memory(1 << 16), b_memory(1 << 16), c_memory(1 << 16);
  const index_t width = block.vectors * lanes, b_stride = width + problem.b_gap;
  const index_t a_size =
      problem.depth == 0 ? 0 : (block.rows - 1) * problem.a_row + (problem.depth - 1) * problem.a_depth + 1;
  const index_t b_size = problem.depth == 0 ? 0 : (problem.depth - 1) * b_stride + width;
  float* const a = a_memory.take<float>(a_size, Fit::at_end);
  float* const b = b_memory.take<float>(b_size, Fit::at_end);
  float* const c = c_memory.take<float>(block.rows * width, Fit::at_end);
  for (index_t i = 0; i < a_size; ++i) a[i] = small_number(i + 1);
  for (index_t i = 0; i < b_size; ++i) b[i] = small_number(3 * i + 2);
  for (index_t i = 0; i < block.rows * width; ++i) c[i] = small_number(i);
  block.multiply_add(a, problem.a_row, problem.a_depth, b, b_stride, problem.depth, c);
  for (index_t i = 0; i < block.rows; ++i)
    for (index_t lane = 0; lane < width; ++lane) {
      float expected = small_number(i * width + lane);
      for (index_t r = 0; r < problem.depth; ++r)
        expected += a[i * problem.a_row + r * problem.a_depth] * b[r * b_stride + lane];
      ASSERT_EQ(c[i * width + lane], expected) << block.rows << " x " << block.vectors << " depth " << problem.depth;
    }
}

TEST_P(Microkernel, IsAMatrixProduct) {
  const Floor& floor = GetParam();
  for (const Block& block : floor.blocks)
    for (const index_t depth : {0, 1, 2, 3, 7, 16, 33})
      for (const index_t gap : {0, 5})
        for (const bool transposed : {false, true}) {
          // A may lie either way round, or be one row for all.
          const index_t pitch = (transposed ? block.rows : depth) + gap;
          expect_product(block, floor.lanes, {depth, transposed ? 1 : pitch, transposed ? pitch : 1, gap});
          expect_product(block, floor.lanes, {depth, 0, 1, gap});
        }
}

// Blocks tile [0, count) with as few as there can be of 1 row, the slowest.
TEST_P(Microkernel, BlocksTileTheRows) {
  const Floor& floor = GetParam();
  for (int which = 0; which < 4; ++which)
    for (index_t count = 0; count <= 40; ++count) {
      std::vector<int> sizes(48, 0);
      floor.for_blocks[which](count, sizes.data());
      const int largest = floor.for_blocks_rows[which];
      index_t next = 0;
      while (next < count) {
        const int size = sizes[static_cast<std::size_t>(next)];
        const index_t left = count - next;
        ASSERT_EQ(size, left >= largest ? largest : largest > 4 && left >= 4 ? 4 : largest > 2 && left >= 2 ? 2 : 1);
        next += size;
      }
      ASSERT_EQ(next, count);
      index_t total = 0;
      for (const int size : sizes) total += size;
      ASSERT_EQ(total, count) << "blocks overlap";
    }
}

// Groups of vectors hold every row, no lane twice, and none that a narrower group would spare.
TEST_P(Microkernel, LaneGroupsHoldTheRows) {
  const Floor& floor = GetParam();
  const index_t heights[] = {16, 32, 64};
  for (int i = 0; i < 3; ++i)
    for (index_t rows = 1; rows <= heights[i]; ++rows) {
      const index_t lanes = floor.lanes_for[i](rows), whole = floor.block_vecs[i] * floor.lanes;
      ASSERT_GE(lanes, rows);
      ASSERT_LE(lanes, heights[i]);
      ASSERT_LT(lanes - rows, whole);
      if (floor.block_vecs[i] == 4) {
        ASSERT_LT(lanes - rows, floor.lanes);
      }
      std::vector<int> vectors(65, 0);
      floor.lane_groups[i](lanes, vectors.data());
      index_t next = 0;
      while (next < lanes) {
        ASSERT_GE(vectors[static_cast<std::size_t>(next)], 1) << rows;
        next += vectors[static_cast<std::size_t>(next)] * floor.lanes;
      }
      ASSERT_EQ(next, lanes) << rows;
    }
}

// Tiles of every legal height are whole blocks of vectors.
TEST_P(Microkernel, BlocksOfVectorsDivideEveryTile) {
  const Floor& floor = GetParam();
  const int heights[] = {16, 32, 64};
  for (int i = 0; i < 3; ++i) {
    ASSERT_GE(floor.block_vecs[i], 1);
    EXPECT_EQ(heights[i] % (floor.block_vecs[i] * floor.lanes), 0);
  }
}

}  // namespace
}  // namespace glint_test

// The strides of the five layouts against the documented shapes, read off by walking through memory in order.
#include "glint/tensor/layout.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "glint/tensor/seqlen.hpp"
#include "glint/tensor/view.hpp"

namespace glint_test {
namespace {

using glint::Dims;
using glint::index_t;
using glint::Layout;
using glint::Strides;

struct Position {
  index_t batch, head, row, column;
};

// The axes of a shape, slowest first: one letter each of B, N, S and D.
std::vector<Position> in_memory_order(const std::string& axes, Dims dims) {
  const std::map<char, index_t> extent{{'B', dims.batch}, {'N', dims.heads}, {'S', dims.rows}, {'D', dims.dim}};
  std::map<char, index_t> at;
  std::vector<Position> positions;
  const auto along = [&](std::size_t axis, const auto& body) {
    index_t& coordinate = at[axes[axis]];
    for (coordinate = 0; coordinate < extent.at(axes[axis]); ++coordinate) body();
  };
  along(0, [&] {
    along(1, [&] { along(2, [&] { along(3, [&] { positions.push_back({at['B'], at['N'], at['S'], at['D']}); }); }); });
  });
  return positions;
}

template <class Visit>
void each_dims(const Visit& visit) {
  for (const index_t batch : {0, 1, 2, 5})
    for (const index_t heads : {0, 1, 3})
      for (const index_t rows : {0, 1, 2, 7})
        for (const index_t dim : {0, 1, 5, 16}) visit(Dims{batch, heads, rows, dim});
}

// The element at place i of memory must be found at offset i: that is a bijection, so no two elements share a place.
void expect_order(Layout layout, const std::string& axes) {
  each_dims([&](Dims dims) {
    const Strides strides = glint::layout::strides(layout, dims);
    const auto order = in_memory_order(axes, dims);
    for (std::size_t place = 0; place < order.size(); ++place) {
      const Position& p = order[place];
      const index_t offset = p.batch * strides.batch + p.head * strides.head + p.row * strides.row + p.column;
      ASSERT_EQ(offset, static_cast<index_t>(place))
          << axes << ": " << dims.batch << " " << dims.heads << " " << dims.rows << " " << dims.dim;
    }
  });
}

// H = N * D: the third axis of BSH and SBH is two axes of memory.
TEST(Layout, BshIsBatchRowsHeadsDim) { expect_order(Layout::BSH, "BSND"); }
TEST(Layout, BsndIsBatchRowsHeadsDim) { expect_order(Layout::BSND, "BSND"); }
TEST(Layout, SbhIsRowsBatchHeadsDim) { expect_order(Layout::SBH, "SBND"); }
TEST(Layout, BnsdIsBatchHeadsRowsDim) { expect_order(Layout::BNSD, "BNSD"); }

// TND: batch entries are ranges of rows, so the batch has no stride; one "batch" of all rows is (T, N, D).
TEST(Layout, TndIsRowsHeadsDim) {
  each_dims([](Dims dims) {
    const Strides strides = glint::layout::strides(Layout::TND, dims);
    EXPECT_EQ(strides.batch, 0);
    const auto order = in_memory_order("BSND", Dims{1, dims.heads, dims.rows, dims.dim});
    for (std::size_t place = 0; place < order.size(); ++place) {
      const Position& p = order[place];
      ASSERT_EQ(p.head * strides.head + p.row * strides.row + p.column, static_cast<index_t>(place));
    }
  });
}

TEST(Layout, TndSequencesBeginWhereTheyEndBefore) {
  const std::vector<index_t> ends{2, 5, 5, 9};
  const auto sequences = glint::Sequences::ends(ends);
  const Dims dims{4, 3, 9, 5};
  std::vector<float> memory(static_cast<std::size_t>(dims.rows * dims.heads * dims.dim));
  const glint::Tensor<float> tensor{memory.data(), glint::layout::TND::strides(dims), dims.dim};
  index_t place = 0;  // of (token, head, 0), walking through memory
  for (index_t b = 0; b < sequences.batch(); ++b)
    for (index_t r = 0; r < sequences.length(b); ++r)
      for (index_t h = 0; h < dims.heads; ++h, place += dims.dim) {
        const auto view = tensor.head(b, h, sequences.first(b), sequences.length(b));
        EXPECT_EQ(view.rows, sequences.length(b));
        EXPECT_EQ(view.dim, dims.dim);
        EXPECT_EQ(view.row(r) - memory.data(), place);
      }
  EXPECT_EQ(place, static_cast<index_t>(memory.size()));
}

TEST(Layout, TypesAndNamesAgree) {
  each_dims([](Dims dims) {
    const auto agree = [&](auto type) {
      EXPECT_EQ(decltype(type)::strides(dims), glint::layout::strides(decltype(type)::kind, dims));
    };
    agree(glint::layout::BSH{});
    agree(glint::layout::BSND{});
    agree(glint::layout::SBH{});
    agree(glint::layout::BNSD{});
    agree(glint::layout::TND{});
  });
  EXPECT_EQ(glint::layout::SBH::kind, Layout::SBH);
}

TEST(Layout, ProductsOfExtentsPassTwoToTheThirtyTwo) {
  const Strides strides = glint::layout::strides(Layout::BNSD, {4, 256, 524288, 512});
  EXPECT_EQ(strides.batch, index_t{256} * 524288 * 512);
  EXPECT_EQ(strides.head, index_t{524288} * 512);
  EXPECT_EQ(strides.row, 512);
}

TEST(Strides, AreEmptyOnlyIfAllAreZero) {
  EXPECT_TRUE(Strides{}.empty());
  EXPECT_FALSE((Strides{1, 0, 0}).empty());
  EXPECT_FALSE((Strides{0, 1, 0}).empty());
  EXPECT_FALSE((Strides{0, 0, 1}).empty());
}

TEST(Tensor, AViewBeginsAtItsFirstRow) {
  float memory[200] = {};
  const glint::Tensor<float> tensor{memory, {100, 10, 3}, 2};
  EXPECT_EQ(tensor.at(1, 4, 7) - memory, 100 + 40 + 21);
  const auto view = tensor.head(1, 4, 7, 5);
  EXPECT_EQ(view.data, tensor.at(1, 4, 7));
  EXPECT_EQ(view.rows, 5);
  EXPECT_EQ(view.row_stride, 3);
  EXPECT_EQ(view.row(2) - view.data, 6);
}

// Arithmetic on null is undefined (regression class F18).
TEST(Tensor, AnEmptyTensorStaysNull) {
  const glint::Tensor<float> empty{nullptr, {100, 10, 3}, 2};
  EXPECT_EQ(empty.at(1, 4, 7), nullptr);
  EXPECT_EQ(empty.head(1, 4, 7, 0).data, nullptr);
}

}  // namespace
}  // namespace glint_test

// A foreign tensor as it lies in memory, beside the bundle's: its rows can be read in the bundle's order without moving
// anything.
#pragma once

#include "kit/check/grid.hpp"

namespace kit::detail {

// Elements [first, first + count) as doubles, their bytes taken for those of `as`.
void read_elements(const Tensor& tensor, Type as, index_t first, index_t count, double* to);

struct ForeignTensor {
  const Tensor* tensor = nullptr;
  Type as = Type::f32;  // what its elements are
  Grid grid;            // block by block like the bundle's
  index_t copies = 1;   // statistics may be repeated along a last axis: rows are single elements then
  std::string note;

  void read(index_t first, index_t count, double* to, index_t copy = 0) const {
    read_elements(*tensor, as, first * copies + copy, count, to);
  }
};

// `own` is the bundle's tensor of that name.  Returns why they cannot be compared, with a shape or layout that fits if
// there is one; or nothing.
std::string open_foreign(const Frame& frame, std::string_view output, const Tensor& own, const Tensor& foreign,
                         const std::string& layout, ForeignTensor& open);

// The same numbers in the order of the bundle.
Tensor in_order_of(const Tensor& own, const Grid& grid, const ForeignTensor& foreign);

}  // namespace kit::detail

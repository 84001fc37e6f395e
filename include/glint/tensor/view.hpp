// Pointers with strides.  A Tensor is a whole operand; a HeadView is the slice that one (batch, head) sees.
#pragma once

#include "glint/tensor/layout.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Rows of one head: row r starts at data + r * row_stride and has dim adjacent elements.  In decode, the heads of
// a GQA group are the rows of one such view: row_stride is then the head stride.
template <class Element>
struct HeadView {
  Element* data = nullptr;
  index_t rows = 0;
  index_t row_stride = 0;
  index_t dim = 0;

  Element* row(index_t r) const { return data + r * row_stride; }
};

template <class Element>
struct Tensor {
  Element* data = nullptr;
  Strides strides{};
  index_t dim = 0;

  // `rows` rows from `first_row` of one (batch, head).
  HeadView<Element> head(index_t batch, index_t head, index_t first_row, index_t rows) const {
    return {at(batch, head, first_row), rows, strides.row, dim};
  }
  Element* at(index_t batch, index_t head, index_t row) const {
    if (data == nullptr) return nullptr;  // an empty tensor: no arithmetic on null
    return data + (batch * strides.batch + head * strides.head + row * strides.row);
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

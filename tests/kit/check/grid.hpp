// Where the rows of an output lie, whatever its layout: blocks (batch entries, or sequences of a packed tensor) of
// heads of rows of adjacent elements.
#pragma once

#include "kit/check/check.hpp"

namespace kit::detail {

struct Block {
  index_t b = 0;  // the batch entry or sequence
  index_t heads = 0, rows = 0, width = 0;
  index_t first = 0, head_stride = 0, row_stride = 0;  // in elements

  index_t row(index_t n, index_t i) const { return first + n * head_stride + i * row_stride; }
};
using Grid = std::vector<Block>;

// What the axes of an output count.
enum class Axes {
  query_rows,  // out, d_query: rows of the query tensor
  key_rows,    // d_key, d_value: kv heads, and rows of the key tensor
  statistics,  // one number for a row
  bias,        // d_pse: rows of scores
  heads        // d_sink
};
Axes axes_of(std::string_view output);

// What a bundle says about the order of its tensors.
struct Frame {
  Question question;     // without any number
  index_t kv_heads = 0;  // 0: no output has them

  bool packed() const;
  bool integer_output() const { return question.out_type == DType::i8; }
};

// Returns what is wrong, or nothing.
std::string frame_of(const Bundle& bundle, Frame& frame);

// The layout that the case has for an output with rows: "BNSD".
std::string layout_of(const Frame& frame, std::string_view output);

// The layouts that an output may have beside its own; empty if it has no choice.
std::vector<std::string> layouts_for(const Frame& frame, std::string_view output);

// The shape that the rows of an output of this shape, which is in the case's layout, have in another layout.
std::vector<index_t> shape_in(const Frame& frame, std::string_view output, const std::vector<index_t>& shape,
                              const std::string& layout);

// The rows of an output.  `shape` is the bundle's; `layout` (empty: the case's) is that of the tensor to walk through.
// Blocks, heads and rows come in the same order for every layout.  Returns what is wrong, or nothing.
std::string grid_of(const Frame& frame, std::string_view output, const std::vector<index_t>& shape,
                    const std::string& layout, Grid& grid);

}  // namespace kit::detail

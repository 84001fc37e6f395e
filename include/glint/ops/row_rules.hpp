// Rules of the helpers that go through rows one by one: kv_append, rotary, merge_state.
#pragma once

#include "glint/ops/rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace rules {

// Rows have a place of their own for each batch entry and head; TND, where sequences vary, has not.
inline Status dense_layout(Layout layout) {
  GLINT_REQUIRE(layout == Layout::BSH || layout == Layout::BSND || layout == Layout::SBH || layout == Layout::BNSD,
                Code::layout_not_for_operator, "the layout must be BSH, BSND, SBH or BNSD", layout, Layout::BSH);
  return Status::ok();
}

inline Status dims(const Dims& d) {
  GLINT_REQUIRE(d.batch >= 0, Code::extent_negative, "batch must not be negative", d.batch, 0);
  GLINT_REQUIRE(d.heads >= 0, Code::extent_negative, "the number of heads must not be negative", d.heads, 0);
  GLINT_REQUIRE(d.rows >= 0, Code::extent_negative, "the number of rows must not be negative", d.rows, 0);
  GLINT_REQUIRE(d.dim > 0, Code::head_dim_not_positive, "the head size must be at least 1", d.dim, 1);
  GLINT_REQUIRE(countable({d.batch, d.heads, d.rows, d.dim}), Code::extent_too_large,
                "the tensors must have fewer than 2^62 bytes", d.dim, 1);
  return Status::ok();
}

}  // namespace rules

namespace detail {

constexpr bool any_rows(const Dims& d) { return d.batch > 0 && d.heads > 0 && d.rows > 0; }

// The number of a batch entry in a list that has one for each, or one for all.
inline index_t entry_of(std::span<const index_t> list, index_t b) {
  return list[list.size() == 1 ? 0 : static_cast<std::size_t>(b)];
}

template <class Visit>  // visit(b, head, row)
void each_row(const Dims& d, const Visit& visit) {
  for (index_t b = 0; b < d.batch; ++b)
    for (index_t h = 0; h < d.heads; ++h)
      for (index_t r = 0; r < d.rows; ++r) visit(b, h, r);
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

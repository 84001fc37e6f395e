// Partial attention results become the result over all their keys, by the logarithm of their sums:
//
//   lse = ln(sum_i exp(lse_i)),  out = sum_i exp(lse_i - lse) out_i
//
// as for keys split over machines or calls, a prefix that many sequences share, or a cache in two formats.  The merge
// is that of split-KV decode (kernel/merge.hpp), in float; order and grouping of the parts change rounding only.
// Source: Milakov and Gimelshein, arXiv:1805.02867; FlashInfer's recursive attention.
//
// A part with lse -infinity (or `empty_lse`) saw nothing: whatever its numbers, it changes no bit of the others.  Where
// all parts saw nothing, the row is zero and its lse is empty_lse.  A NaN in any lse that takes part makes its row NaN.
#pragma once

#include <bit>
#include <limits>
#include <span>

#include "glint/kernel/merge.hpp"
#include "glint/ops/row_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

template <class Element>
struct PartialResult {
  const Element* out = nullptr;
  const float* lse = nullptr;  // [batch][heads][rows], natural logarithm
  Strides strides{};           // of out; empty: what the layout says
};

template <class Element>
struct MergeStateProblem {
  std::span<const PartialResult<Element>> parts{};  // any number
  // May be those of the first part, with the same strides; otherwise they share no memory with any part.
  Element* out = nullptr;
  float* lse = nullptr;  // [batch][heads][rows]; may be null

  Dims dims{};  // of out: batch, heads, query rows, value size
  Strides out_strides{};
  float empty_lse = -std::numeric_limits<float>::infinity();  // the run-time door writes +infinity
};

namespace detail {

// By bit pattern, as -ffast-math knows no infinity.
inline bool saw_nothing(float lse, float empty_lse) {
  const auto bits = std::bit_cast<std::uint32_t>(lse);
  return bits == 0xff800000u || bits == std::bit_cast<std::uint32_t>(empty_lse);
}

template <class Element>
Tensor<const storage_t<Element>> tensor_of(const PartialResult<Element>& part, Layout layout, const Dims& dims) {
  return {reinterpret_cast<const storage_t<Element>*>(part.out), strides_or(part.strides, layout, dims), dims.dim};
}

template <class Element>
struct MergeRow {
  const MergeStateProblem<Element>& p;
  Layout layout;
  index_t b, head, row;

  index_t stat() const { return (b * p.dims.heads + head) * p.dims.rows + row; }
  bool empty(const PartialResult<Element>& part) const { return saw_nothing(part.lse[stat()], p.empty_lse); }
  const storage_t<Element>* numbers(const PartialResult<Element>& part) const {
    return tensor_of(part, layout, p.dims).at(b, head, row);
  }

  // Numbers [d, d + count) of the row; the state is the same for all of them.
  static constexpr index_t kMost = 256;
  SoftmaxState merge_numbers(index_t d, index_t count, storage_t<Element>* out) const {
    alignas(64) float sum[kMost] = {}, next[kMost];
    SoftmaxState state;
    for (const PartialResult<Element>& part : p.parts) {
      if (empty(part)) continue;
      const storage_t<Element>* const from = numbers(part) + d;
      for (index_t i = 0; i < count; ++i) next[i] = to_float(from[i]);
      decode::merge_rows(state, sum, {part.lse[stat()], 1.0F}, next, count);
    }
    const float inverse = state.inverse();
    for (index_t i = 0; i < count; ++i) out[d + i] = from_float<storage_t<Element>>(sum[i] * inverse);
    return state;
  }

  void merge(storage_t<Element>* out) const {
    const PartialResult<Element>* only = nullptr;
    index_t count = 0;
    for (const PartialResult<Element>& part : p.parts)
      if (!empty(part)) ++count, only = &part;
    float lse = count == 1 ? only->lse[stat()] : p.empty_lse;
    if (count > 1) {
      for (index_t d = 0; d < p.dims.dim; d += kMost)
        lse = merge_numbers(d, p.dims.dim - d < kMost ? p.dims.dim - d : kMost, out).lse();
    } else {
      const storage_t<Element>* const from = count == 1 ? numbers(*only) : nullptr;
      for (index_t d = 0; d < p.dims.dim; ++d) out[d] = count == 1 ? from[d] : storage_t<Element>{};
    }
    if (p.lse != nullptr) p.lse[stat()] = lse;
  }
};

}  // namespace detail

template <class Element>
Status check_merge_state(const MergeStateProblem<Element>& p, Layout layout) {
  using detail::Extent, detail::extent;
  GLINT_PASS_ON(rules::dense_layout(layout));
  GLINT_PASS_ON(rules::dims(p.dims));
  if (!detail::any_rows(p.dims)) return Status::ok();
  GLINT_REQUIRE(p.out != nullptr, Code::null_output, "out must not be null", 0, 1);
  const Strides out_strides = detail::strides_or(p.out_strides, layout, p.dims);
  GLINT_PASS_ON(rules::output_strides(out_strides, p.dims));
  const index_t stats = p.dims.batch * p.dims.heads * p.dims.rows;
  const Extent out = extent(p.out, out_strides, p.dims), lse = extent(p.lse, stats);
  GLINT_PASS_ON(rules::apart({out, lse}, {extent(p.parts.data(), static_cast<index_t>(p.parts.size()))}));
  for (const PartialResult<Element>& part : p.parts) {
    GLINT_REQUIRE(part.out != nullptr, Code::null_value, "a part's out must not be null", 0, 1);
    GLINT_REQUIRE(part.lse != nullptr, Code::null_stats, "a part's lse must not be null", 0, 1);
    const Strides strides = detail::strides_or(part.strides, layout, p.dims);
    GLINT_PASS_ON(rules::strides(strides, p.dims.dim));
    const bool first = &part == p.parts.data();
    const Extent part_out = extent(part.out, strides, p.dims), part_lse = extent(part.lse, stats);
    GLINT_PASS_ON(rules::apart({out}, {part_lse}));
    GLINT_PASS_ON(rules::apart({lse}, {part_out}));
    if (!(first && part.out == p.out && strides == out_strides)) GLINT_PASS_ON(rules::apart({out}, {part_out}));
    if (!(first && part.lse == p.lse)) GLINT_PASS_ON(rules::apart({lse}, {part_lse}));
  }
  return Status::ok();
}

template <class Element>
Status merge_state(const MergeStateProblem<Element>& p, Layout layout) {
  static_assert(is_tensor_element<Element>, "glint::merge_state: the element type must be float, half or bfloat16");
  GLINT_PASS_ON(check_merge_state(p, layout));
  const Tensor<storage_t<Element>> out{reinterpret_cast<storage_t<Element>*>(p.out),
                                       detail::strides_or(p.out_strides, layout, p.dims), p.dims.dim};
  detail::each_row(p.dims, [&](index_t b, index_t head, index_t row) {
    detail::MergeRow<Element>{p, layout, b, head, row}.merge(out.at(b, head, row));
  });
  return Status::ok();
}

// merge_state<layout::BNSD, float>({.parts = parts, .out = out, .lse = lse, .dims = {2, 8, 1, 64}})
template <class LayoutTag, class Element>
Status merge_state(const MergeStateProblem<Element>& p) {
  return merge_state(p, LayoutTag::kind);
}

}  // namespace GLINT_ABI
}  // namespace glint

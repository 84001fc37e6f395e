// The rules that more than one operator has.  Each function states one section of the documents; nothing here writes,
// and nothing is read through a tensor pointer.
#pragma once

#include <algorithm>
#include <bit>
#include <initializer_list>

#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace rules {

// By bit pattern: -ffast-math deletes isfinite().
constexpr bool finite(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x7ff0000000000000ull) != 0x7ff0000000000000ull;
}

// Products of extents must stay countable: below 2^62 no offset and no byte count overflows.
constexpr bool countable(std::initializer_list<index_t> extents) {
  constexpr index_t kMost = index_t{1} << 62;
  index_t product = 1;
  for (const index_t e : extents) {
    if (e == 0) return true;
    if (product > kMost / 8 / e) return false;
    product *= e;
  }
  return true;
}

inline Status shape(const Shape& s) {
  GLINT_REQUIRE(s.batch >= 0, Code::extent_negative, "batch must not be negative", s.batch, 0);
  GLINT_REQUIRE(s.q_len >= 0, Code::extent_negative, "the query length must not be negative", s.q_len, 0);
  GLINT_REQUIRE(s.kv_len >= 0, Code::extent_negative, "the key length must not be negative", s.kv_len, 0);
  GLINT_REQUIRE(s.heads > 0, Code::head_num_not_positive, "head_num must be greater than 0", s.heads, 1);
  GLINT_REQUIRE(s.kv_heads >= 0, Code::head_num_not_positive, "the number of kv heads must not be negative", s.kv_heads,
                1);
  GLINT_REQUIRE(s.heads % s.kv_head_count() == 0, Code::heads_not_divisible,
                "head_num must be a multiple of the number of kv heads", s.heads, s.kv_head_count());
  GLINT_REQUIRE(s.head_dim > 0, Code::head_dim_not_positive, "the head size must be at least 1", s.head_dim, 1);
  GLINT_REQUIRE(s.value_dim >= 0, Code::head_dim_not_positive, "the value head size must not be negative", s.value_dim,
                1);
  const index_t dim = s.head_dim > s.value_size() ? s.head_dim : s.value_size();
  GLINT_REQUIRE(countable({s.batch, s.heads, s.q_len, dim}) && countable({s.batch, s.heads, s.kv_len, dim}) &&
                    countable({s.batch, s.heads, s.q_len, s.kv_len}),
                Code::extent_too_large, "the tensors must have fewer than 2^62 bytes, and fewer than 2^59 scores", dim,
                1);
  return Status::ok();
}

inline Status scale(double value) {
  GLINT_REQUIRE(finite(value), Code::scale_not_finite, "scale_value must be finite", 0, 1);
  return Status::ok();
}

// Cumulative ends of TND (operators 3): non-decreasing but for a tail of zeros, none past the tensor's rows.
inline Status ends(std::span<const index_t> list, index_t total) {
  index_t before = 0;
  bool tail = false;
  for (const index_t end : list) {
    tail = tail || (end == 0 && before > 0);
    GLINT_REQUIRE(
        tail ? end == 0 : end >= before, Code::sequence_list_decreasing,
        "cumulative sequence lengths (actual_seq_qlen, actual_seq_kvlen; of layout TND actual_seq_lengths and "
        "actual_seq_lengths_kv) must not decrease, but for zeros at the tail",
        end, before);
    if (!tail) before = end;
  }
  GLINT_REQUIRE(before <= total, Code::sequence_list_total,
                "the last entry of a cumulative length list must not exceed the rows of the tensor", before, total);
  return Status::ok();
}

// Lengths of prompt and incre: one for all or one for each batch entry, each in [0, rows].  Prompt lists may be longer;
// their first B entries count (operators 3).
enum class LengthList { exact, may_be_longer };

inline Status lengths(std::span<const index_t> list, index_t batch, index_t rows, LengthList rule) {
  if (list.empty()) return Status::ok();
  const auto count = static_cast<index_t>(list.size());
  GLINT_REQUIRE(count == 1 || count == batch || (count > batch && rule == LengthList::may_be_longer),
                Code::lengths_size, "a list of actual sequence lengths must have 1 or batch entries", count, batch);
  for (const index_t length : list.first(static_cast<std::size_t>(count < batch || count == 1 ? count : batch))) {
    GLINT_REQUIRE(length >= 0, Code::length_range, "an actual sequence length must not be negative", length, 0);
    GLINT_REQUIRE(length <= rows, Code::length_range, "an actual sequence length must not exceed the tensor's rows",
                  length, rows);
  }
  return Status::ok();
}

// The band of modes 0 and 4 in left-up coordinates (operators 2.1; seed 001, pre_tokens and next_tokens).
inline Status band(index_t pre, index_t next, index_t q_len, index_t kv_len) {
  GLINT_REQUIRE(pre >= 0 || next >= 0, Code::tokens_both_negative,
                "pre_tokens and next_tokens must not both be negative", pre, 0);
  if (pre < 0) {
    GLINT_REQUIRE(next >= -pre, Code::tokens_empty_band,
                  "with pre_tokens < 0, next_tokens must be at least -pre_tokens", next, -pre);
    GLINT_REQUIRE(-pre < kv_len, Code::tokens_pre_outside,
                  "with pre_tokens < 0, -pre_tokens must be below the key length", -pre, kv_len);
  }
  if (next < 0) {
    GLINT_REQUIRE(-next <= pre, Code::tokens_empty_band,
                  "with next_tokens < 0, -next_tokens must not exceed pre_tokens", -next, pre);
    GLINT_REQUIRE(-next < q_len, Code::tokens_next_outside,
                  "with next_tokens < 0, -next_tokens must be below the query length", -next, q_len);
  }
  return Status::ok();
}

// Which types a mask tensor may have (operators C7).
enum class MaskTypes { training, decode, prompt };

inline Status mask_dtype(DType given, MaskTypes known) {
  const bool flag = given == DType::boolean || given == DType::u8, byte = flag || given == DType::i8;
  const bool number = byte || given == DType::f16 || given == DType::bf16 || given == DType::f32;
  GLINT_REQUIRE(flag || known != MaskTypes::training, Code::dtype_mask, "attn_mask must be bool or uint8", given,
                DType::boolean);
  GLINT_REQUIRE(byte || known != MaskTypes::decode, Code::dtype_mask, "attn_mask must be bool, int8 or uint8", given,
                DType::boolean);
  GLINT_REQUIRE(number, Code::dtype_mask, "attn_mask must be bool, int8, uint8, float16, bfloat16 or float32", given,
                DType::boolean);
  return Status::ok();
}

// Broadcast forms BNSS, B1SS, 11SS and SS; `prefix_mode`: 11SS and SS only where they are the same as B1SS.
inline Status mask_shape(const MaskTensor& mask, const Shape& s, index_t rows, index_t columns, bool prefix_mode) {
  GLINT_REQUIRE(mask.rows == rows, Code::mask_shape, "attn_mask must have the query length as its second last axis",
                mask.rows, rows);
  GLINT_REQUIRE(mask.columns == columns, Code::mask_shape, "attn_mask must have the key length as its last axis",
                mask.columns, columns);
  const bool batched = mask.batch == s.batch;
  GLINT_REQUIRE(batched || mask.batch == 1, Code::mask_shape, "attn_mask must have 1 or batch as its batch axis",
                mask.batch, s.batch);
  GLINT_REQUIRE(batched || !prefix_mode, Code::mask_shape, "sparse_mode 5 needs an attn_mask of shape BNSS or B1SS",
                mask.batch, s.batch);
  GLINT_REQUIRE(mask.heads == 1 || (mask.heads == s.heads && batched), Code::mask_shape,
                "attn_mask must have 1 or head_num as its head axis, head_num only beside a full batch axis",
                mask.heads, batched ? s.heads : 1);
  return Status::ok();
}

// Bias over the scores of dense layouts; `rows` is the query length, or 1.
inline Status pse_shape(const PseTensor& pse, const Shape& s, index_t rows, index_t columns) {
  GLINT_REQUIRE(pse.batch == 1 || pse.batch == s.batch, Code::pse_shape,
                "a bias (real_shift, pse_shift) must have 1 or batch as its batch axis", pse.batch, s.batch);
  GLINT_REQUIRE(pse.heads == 1 || pse.heads == s.heads, Code::pse_shape,
                "a bias (real_shift, pse_shift) must have 1 or head_num as its head axis", pse.heads, s.heads);
  GLINT_REQUIRE(pse.rows == 1 || pse.rows == rows, Code::pse_shape,
                "a bias (real_shift, pse_shift) must have 1 or the query length as its row axis", pse.rows, rows);
  GLINT_REQUIRE(pse.columns == columns, Code::pse_shape,
                "a bias (real_shift, pse_shift) must have the key length as its last axis", pse.columns, columns);
  return Status::ok();
}

// A given stride must at least keep the elements of a row apart.
inline Status strides(Strides given, index_t dim) {
  GLINT_REQUIRE(given.batch >= 0 && given.head >= 0, Code::strides_too_small, "strides must not be negative",
                given.batch < given.head ? given.batch : given.head, 0);
  GLINT_REQUIRE(given.empty() || given.row >= dim, Code::strides_too_small,
                "a row stride must be at least the head size", given.row, dim);
  return Status::ok();
}

// No two rows of an output may share an element: taken from the smallest stride to the largest, each must step over all
// that lies below it.
inline Status output_strides(Strides s, Dims d) {
  if (s.empty() || d.batch == 0 || d.heads == 0 || d.rows == 0) return Status::ok();
  GLINT_PASS_ON(strides(s, d.dim));
  struct Axis {
    index_t stride, extent;
  } axes[3] = {{s.row, d.rows}, {s.head, d.heads}, {s.batch, d.batch}};
  std::sort(axes, axes + 3, [](const Axis& a, const Axis& b) { return a.stride < b.stride; });
  index_t span = d.dim;
  for (const Axis& axis : axes) {
    if (axis.extent <= 1) continue;
    GLINT_REQUIRE(axis.stride >= span, Code::strides_overlap, "the rows of the output must not overlap", axis.stride,
                  span);
    span += (axis.extent - 1) * axis.stride;
  }
  return Status::ok();
}

// What is written may not share memory with anything that is read, nor with anything else that is written.
inline Status apart(std::span<const detail::Extent> outputs, std::span<const detail::Extent> inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (const detail::Extent& input : inputs)
      GLINT_REQUIRE(!outputs[i].overlaps(input), Code::output_overlaps_input, "an output must not overlap an input", 1,
                    0);
    for (const detail::Extent& other : outputs.first(i))
      GLINT_REQUIRE(!outputs[i].overlaps(other), Code::output_overlaps_input, "outputs must not overlap each other", 1,
                    0);
  }
  return Status::ok();
}
inline Status apart(std::initializer_list<detail::Extent> outputs, std::initializer_list<detail::Extent> inputs) {
  return apart(std::span(outputs.begin(), outputs.size()), std::span(inputs.begin(), inputs.size()));
}

}  // namespace rules
}  // namespace GLINT_ABI
}  // namespace glint

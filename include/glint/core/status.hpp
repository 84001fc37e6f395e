// What went wrong, as data: a stable code, the documented rule, and the two numbers that disagree.
// A Status never allocates and never throws; `Status::ok()` or a contextual bool asks for success.
#pragma once

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

// One code for each documented illegal condition, so that a caller (and a test) can tell them apart.
// The numbers are stable: new codes go at the end of their group.
enum class Code : int {
  ok = 0,

  // Pointers and memory
  null_query = 10,
  null_key,
  null_value,
  null_output,
  workspace_too_small,
  out_of_memory,
  output_overlaps_input,
  null_stats,
  null_mask,
  null_pse,
  null_drop_mask,
  two_outputs,

  // Data types
  dtype_query = 30,
  dtype_key_value,
  dtype_output,
  dtype_mask,
  dtype_pse,
  dtype_drop_mask,
  dtype_stats,

  // Shapes
  layout_unknown = 50,
  layout_not_for_operator,
  rank_mismatch,
  extent_negative,
  head_num_not_positive,
  heads_not_divisible,
  hidden_not_divisible,
  batch_mismatch,
  head_dim_mismatch,
  head_dim_not_positive,
  kv_shape_mismatch,
  output_shape_mismatch,
  stats_shape_mismatch,
  strides_too_small,
  kv_heads_mismatch,
  scale_not_finite,
  strides_overlap,
  extent_too_large,
  softmax_layout_unknown,

  // Sparse modes, tokens, masks, prefix
  sparse_mode_unknown = 80,
  sparse_mode_not_for_layout,
  sparse_mode_not_for_operator,
  mask_missing,
  mask_unexpected,
  mask_shape,
  mask_not_compressed,
  tokens_both_negative,
  tokens_pre_outside,
  tokens_next_outside,
  tokens_empty_band,
  prefix_missing,
  prefix_unexpected,
  prefix_size,
  prefix_range,
  causal_needs_more_keys,
  padding_mask_given,

  // Bias and dropout
  pse_type_range = 110,
  pse_missing,
  pse_unexpected,
  pse_shape,
  pse_not_for_mode,
  pse_compressed_length,
  pse_compressed_not_square,
  pse_compressed_mode,
  pse_generated_not_square,
  keep_prob_range,
  drop_mask_missing,
  drop_mask_unexpected,
  drop_mask_size,
  drop_mask_shape,
  drop_mask_and_seed,

  // Sequence lengths
  sequence_lists_missing = 140,
  sequence_lists_unexpected,
  sequence_lists_differ,
  sequence_list_decreasing,
  sequence_list_total,
  sequence_list_zero,
  lengths_size,
  length_range,
  query_padding_not_for_layout,
  cache_not_for_layout,
  query_padding_dtype,
  query_padding_shape,
  query_padding_null,

  // Operator attributes
  inner_precise_range = 160,
  query_not_one_token,
  num_heads_mismatch,

  // The `ascend` profile: the documented device maxima
  limit_batch = 200,
  limit_heads,
  limit_sequence,
  limit_head_dim,
  limit_head_ratio,
  limit_prefix_batch,
  limit_sequence_count,
  limit_dtype,
  limit_pse_head_dim,
  limit_block_size,
  limit_block_columns,
  limit_page_width,
  limit_mask_columns,
  limit_combination,
  limit_hidden_size,
  limit_sequence_total,

  // Quantized caches and outputs
  antiquant_missing = 230,
  antiquant_unexpected,
  antiquant_offset_alone,
  antiquant_dtype,
  antiquant_shape,
  antiquant_mode_range,
  antiquant_mode_pair,
  antiquant_mode_not_for_cache,
  antiquant_joint_and_separate,
  antiquant_value,
  antiquant_null,
  int4_head_dim_odd,
  post_quant_missing,
  post_quant_unexpected,
  post_quant_offset_alone,
  post_quant_dtype,
  post_quant_shape,
  post_quant_value,
  post_quant_null,
  quant_not_for_operator,
  int8_scale_missing,
  int8_with_sink,
  int8_scale_dtype,
  int8_scale_shape,
  int8_scale_null,
  int8_scale_value,
  int8_scale_unexpected,

  // Where a cache lies
  block_table_missing = 260,
  block_table_dtype,
  block_table_shape,
  block_table_columns,
  block_table_null,
  block_size_range,
  block_id_range,
  paged_needs_lengths,
  paged_layout,
  paged_with_padding,
  paged_with_list,
  paged_with_prefix,
  kv_list_size,
  kv_list_shape,
  kv_list_with_padding,
  kv_list_with_prefix,
  kv_list_and_tensor,
  kv_padding_dtype,
  kv_padding_shape,
  kv_padding_null,
  shared_prefix_half,
  shared_prefix_shape,
  shared_prefix_length,
  shared_prefix_with_padding,

  // Further parameters of decode
  rope_half = 300,
  rope_shape,
  sink_dtype,
  sink_shape,
  sink_null,
  draft_tree_missing,
  draft_tree_unexpected,
  draft_tree_shape,
  draft_more_rows_than_keys,
  rope_dtype,
  rope_null,
  rope_with_integers,

  // Rotary positions
  rotary_style_unknown = 330,
  rotary_dim_range,
  rotary_base_range,
  rotary_table_half,
  rotary_positions,
  rotary_position_range,

  // Gradients
  attention_out_missing = 350,
  statistics_missing,
  null_dy,
  null_dq,
  null_dk,
  null_dv,
  null_dpse,
  null_dsink,
  dtype_dy,
  dtype_dq,
  dtype_dk,
  dtype_dv,
  dtype_dpse,
  dtype_dsink,
  dy_shape,
  dq_shape,
  dk_shape,
  dv_shape,
  dpse_shape,
  dsink_shape,
  dpse_without_pse,
  dpse_of_slopes,
  dpse_of_compressed,
  dsink_without_sink,
};

struct [[nodiscard]] Status {
  Code code = Code::ok;
  const char* rule = "";  // the documented rule, a string literal
  index_t got = 0;
  index_t want = 0;  // the bound or value that the rule asks for

  static constexpr Status ok() { return {}; }
  constexpr explicit operator bool() const { return code == Code::ok; }
};

// Writes "rule (got G, want W)" into `text`, always terminated; returns the length that the whole message has.
constexpr index_t format(const Status& status, char* text, index_t capacity) {
  index_t length = 0;
  const auto put = [&](char c) {
    if (length + 1 < capacity) text[length] = c;
    ++length;
  };
  const auto put_text = [&](const char* t) {
    while (*t != '\0') put(*t++);
  };
  const auto put_number = [&](index_t value) {
    char digits[20] = {};
    int count = 0;
    std::uint64_t rest = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (value < 0) put('-');
    while (count > 0) put(digits[--count]);
  };
  if (status) {
    put_text("ok");
  } else {
    put_text(status.rule);
    put_text(" (got ");
    put_number(status.got);
    put_text(", want ");
    put_number(status.want);
    put_text(")");
  }
  if (capacity > 0) text[length < capacity ? length : capacity - 1] = '\0';
  return length;
}

}  // namespace GLINT_ABI
}  // namespace glint

// The mistakes that the broken kernels make: what the checker must catch, and what its hints must recognise.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace kit {

enum class Bug {
  none,
  // Conventions: the kernel is right by another rule than the case's.
  mask_corner,
  mask_window_wide,
  mask_window_narrow,
  mask_window_early,
  mask_window_late,
  mask_polarity,
  mask_ignored,
  mask_mode_ignored,
  mask_broadcast,
  mask_tokens_swapped,
  prefix_ignored,
  scale_missing,
  scale_twice,
  scale_default,
  scale_padded,
  scale_exp2,
  scale_log2e,
  q_scale_missing,
  q_scale_twice,
  pse_order,
  pse_missing,
  pse_twice,
  pse_sign,
  pse_corner,
  pse_root,
  pse_broadcast,
  softcap_order,
  softcap_missing,
  sink_missing,
  sink_scaled,
  lse_base,
  lse_without_max,
  lse_sentinel,
  lse_sentinel_finite,
  stats_dropped_sum,
  stats_layout,
  gqa_interleaved,
  gqa_first,
  lengths_leading_zero,
  lengths_as_lengths,
  lengths_ignored,
  lengths_short,
  lengths_kv_by_query,
  dropout_bit_order,
  dropout_polarity,
  dropout_scale,
  dropout_wrong_scale,
  dropout_row_aligned,
  dropout_ignored,
  dropout_before_sum,
  layout_out,
  layout_query,
  layout_key_value,
  key_value_swapped,
  antiquant_order,
  antiquant_offset_missing,
  antiquant_swapped,
  antiquant_sign,
  cache_table_ignored,
  cache_padding_ignored,
  cache_prefix_ignored,
  quant_offset_missing,
  gradient_scale_dq,
  gradient_scale_dk,
  gradient_row_dot,
  gradient_dropout,
  gradient_group,
  gradient_mask,
  gradient_swapped,
  gradient_scale_twice,
  // Failures: wrong by any rule.
  precision_tf32,
  precision_p_16bit,
  precision_accumulate_16bit,
  softmax_rescale,
  softmax_rescale_sum,
  softmax_rescale_out,
  softmax_tail_dropped,
  softmax_tail_unmasked,
  softmax_tail_twice,
  softmax_no_max,
  softmax_first_tile,
  rows_tail_unwritten,
  rows_masked_average,
  rows_masked_nan,
  rows_empty_unwritten,
  poison_leak,
  poison_tail,
  nan_swallowed,
  finite_sentinel,
  scores_f16,
  offset_overflow,
  head_tail_dropped,
  value_tail_unwritten,
  long_sum,
  philox_rounds,
  philox_pitch,
  int8_truncated,
  d_out_layout,
  d_key_row_tail,
  d_value_dropout,
  d_pse_overwritten,
  d_sink_missing,
};

enum class BugClass { convention, failure };

struct BugInfo {
  Bug bug;
  const char* name;
  BugClass kind;
  std::vector<std::string> hints;   // ids that name it, the best first; empty: no hint is expected
  std::vector<std::string> scenes;  // cases that show it, by their names in scenes.hpp
};

// All but Bug::none, in the order of the enumeration.
std::span<const BugInfo> bugs();

}  // namespace kit

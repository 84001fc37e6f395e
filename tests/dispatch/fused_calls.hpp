// Calls of fused_infer_attention_score, made from calls of the two doors that it unites.
#pragma once

#include "dispatch/incre_rows.hpp"
#include "dispatch/prompt_rows_int8.hpp"
#include "dispatch/prompt_rows_mask.hpp"
#include "dispatch/prompt_rows_sequence.hpp"
#include "glint/dispatch/fused_infer_attention_score.hpp"

namespace bad_input {
namespace {

struct Fused {
  Memory memory;
  std::vector<std::byte> workspace;
  std::vector<index_t> q_lens, kv_lens;
  std::vector<glint::TensorRef> keys, values;
  glint::FusedInferAttentionScoreCall call{};

  void lists() {
    call.key_list = keys, call.value_list = values;
    call.actual_seq_lengths = q_lens, call.actual_seq_lengths_kv = kv_lens;
  }
  Status check() {
    lists();
    return glint::check(call);
  }
  Status run() {
    lists();
    return glint::fused_infer_attention_score(call, glint::Serial{}, workspace);
  }
  Status run_alone() {
    lists();
    return glint::fused_infer_attention_score(call);
  }
};

// The fields that both doors have.
template <class Fixture>
Fused with_common(Fixture from) {
  Fused f{from.memory, std::move(from.workspace), from.q_lens, from.kv_lens, from.keys, from.values};
  const auto& c = from.call;
  f.memory = std::move(from.memory);  // whose addresses the call holds
  auto& to = f.call;
  to.query = c.query, to.key = c.key, to.value = c.value, to.attention_out = c.attention_out;
  to.num_heads = c.num_heads, to.num_key_value_heads = c.num_key_value_heads;
  to.input_layout = c.input_layout, to.scale = c.scale_value;
  to.atten_mask = c.attn_mask, to.pse_shift = c.pse_shift;
  to.sparse_mode = c.sparse_mode, to.inner_precise = c.inner_precise;
  to.antiquant_scale = c.antiquant_scale, to.antiquant_offset = c.antiquant_offset;
  to.antiquant_mode = c.antiquant_mode;
  to.key_antiquant_scale = c.key_antiquant_scale, to.key_antiquant_offset = c.key_antiquant_offset;
  to.value_antiquant_scale = c.value_antiquant_scale, to.value_antiquant_offset = c.value_antiquant_offset;
  to.key_antiquant_mode = c.key_antiquant_mode, to.value_antiquant_mode = c.value_antiquant_mode;
  to.quant_scale2 = c.quant_scale2, to.quant_offset2 = c.quant_offset2;
  to.block_table = c.block_table, to.block_size = c.block_size, to.kv_padding_size = c.kv_padding_size;
  to.key_shared_prefix = c.key_shared_prefix, to.value_shared_prefix = c.value_shared_prefix;
  to.actual_shared_prefix_len = c.actual_shared_prefix_len;
  to.learnable_sink = c.learnable_sink, to.query_rope = c.query_rope, to.key_rope = c.key_rope;
  to.softmax_lse = c.softmax_lse, to.softmax_lse_flag = c.softmax_lse.present();
  to.limits = c.limits;
  return f;
}

inline Fused fused(Prompt from) {
  const glint::PromptFlashAttentionCall c = from.call;
  Fused f = with_common(std::move(from));
  f.call.atten_mask_compressed = c.attn_mask_compressed;
  f.call.pre_tokens = c.pre_tokens, f.call.next_tokens = c.next_tokens;
  f.call.dequant_scale1 = c.deq_scale1, f.call.quant_scale1 = c.quant_scale1, f.call.dequant_scale2 = c.deq_scale2;
  f.call.query_padding_size = c.query_padding_size;
  return f;
}
inline Fused fused(Incre from) {
  Fused f = with_common(std::move(from));
  f.call.atten_mask_compressed = f.call.sparse_mode == 3;
  return f;
}

}  // namespace
}  // namespace bad_input

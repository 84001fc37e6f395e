// Each operator of glint.h: its C struct, the library's call, and which field is which.
// each_field visits (field of the C struct, field of the library's call) in any constness.
#pragma once

#include "glint/dispatch/flash_attention_score_grad.hpp"
#include "glint/dispatch/fused_infer_attention_score.hpp"
#include "kit/c/call.hpp"

namespace kit::c {

struct Score {
  using Call = glint_flash_attention_score_call;
  using Library = glint::FlashAttentionScoreCall;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    tensors(c, to, visit);
    visit(c.head_num, to.head_num);
    visit(c.input_layout, to.input_layout);
    visit(c.scale_value, to.scale_value);
    visit(c.real_shift_form, to.real_shift_form);
    visit(c.pse_type, to.pse_type);
    visit(c.q_start_idx, to.q_start_idx);
    visit(c.kv_start_idx, to.kv_start_idx);
    visit(c.keep_prob, to.keep_prob);
    visit(c.generate_dropout, to.generate_dropout);
    visit(c.attn_mask_compressed, to.attn_mask_compressed);
    visit(c.seed, to.seed);
    visit(c.offset, to.offset);
    visit(c.prefix, to.prefix);
    visit(c.actual_seq_qlen, to.actual_seq_qlen);
    visit(c.actual_seq_kvlen, to.actual_seq_kvlen);
    visit(c.pre_tokens, to.pre_tokens);
    visit(c.next_tokens, to.next_tokens);
    visit(c.inner_precise, to.inner_precise);
    visit(c.sparse_mode, to.sparse_mode);
    visit(c.q_scale, to.q_scale);
    visit(c.softmax_layout, to.softmax_layout);
    visit(c.seed_out, to.seed_out);
    visit(c.offset_out, to.offset_out);
    visit(c.numels_out, to.numels_out);
    visit(c.limits, to.limits);
  }

 private:
  template <class From, class To, class Visit>
  static void tensors(From& c, To& to, Visit& visit) {
    visit(c.query, to.query);
    visit(c.key, to.key);
    visit(c.value, to.value);
    visit(c.attention_out, to.attention_out);
    visit(c.real_shift, to.real_shift);
    visit(c.drop_mask, to.drop_mask);
    visit(c.padding_mask, to.padding_mask);
    visit(c.attn_mask, to.attn_mask);
    visit(c.sink, to.sink);
    visit(c.softmax_max, to.softmax_max);
    visit(c.softmax_sum, to.softmax_sum);
  }
};

// All but `forward`, a call of its own.
struct ScoreGrad {
  using Call = glint_flash_attention_score_grad_call;
  using Library = glint::FlashAttentionScoreGradCall;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    visit(c.dy, to.dy);
    visit(c.dq, to.dq);
    visit(c.dk, to.dk);
    visit(c.dv, to.dv);
    visit(c.dpse, to.dpse);
    visit(c.dsink, to.dsink);
  }
};

namespace detail {

template <class From, class To, class Visit>
void each_factor(From& c, To& to, Visit& visit) {
  visit(c.antiquant_scale, to.antiquant_scale);
  visit(c.antiquant_offset, to.antiquant_offset);
  visit(c.key_antiquant_scale, to.key_antiquant_scale);
  visit(c.key_antiquant_offset, to.key_antiquant_offset);
  visit(c.value_antiquant_scale, to.value_antiquant_scale);
  visit(c.value_antiquant_offset, to.value_antiquant_offset);
  visit(c.antiquant_mode, to.antiquant_mode);
  visit(c.key_antiquant_mode, to.key_antiquant_mode);
  visit(c.value_antiquant_mode, to.value_antiquant_mode);
  visit(c.quant_scale1, to.quant_scale1);
  visit(c.quant_scale2, to.quant_scale2);
  visit(c.quant_offset2, to.quant_offset2);
}

template <class From, class To, class Visit>
void each_of_cache(From& c, To& to, Visit& visit) {
  visit(c.key_list, to.key_list);
  visit(c.value_list, to.value_list);
  visit(c.block_table, to.block_table);
  visit(c.block_size, to.block_size);
  visit(c.kv_padding_size, to.kv_padding_size);
  visit(c.key_shared_prefix, to.key_shared_prefix);
  visit(c.value_shared_prefix, to.value_shared_prefix);
  visit(c.actual_shared_prefix_len, to.actual_shared_prefix_len);
  visit(c.key_rope, to.key_rope);
}

// What every operator of inference has under the same name.
template <class From, class To, class Visit>
void each_of_inference(From& c, To& to, Visit& visit) {
  visit(c.query, to.query);
  visit(c.key, to.key);
  visit(c.value, to.value);
  visit(c.attention_out, to.attention_out);
  visit(c.num_heads, to.num_heads);
  visit(c.num_key_value_heads, to.num_key_value_heads);
  visit(c.input_layout, to.input_layout);
  visit(c.pse_shift, to.pse_shift);
  visit(c.actual_seq_lengths, to.actual_seq_lengths);
  visit(c.inner_precise, to.inner_precise);
  visit(c.sparse_mode, to.sparse_mode);
  visit(c.limits, to.limits);
  visit(c.learnable_sink, to.learnable_sink);
  visit(c.query_rope, to.query_rope);
  visit(c.softmax_lse, to.softmax_lse);
  each_of_cache(c, to, visit);
  each_factor(c, to, visit);
}

}  // namespace detail

struct Prompt {
  using Call = glint_prompt_flash_attention_call;
  using Library = glint::PromptFlashAttentionCall;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    detail::each_of_inference(c, to, visit);
    visit(c.scale_value, to.scale_value);
    visit(c.attn_mask, to.attn_mask);
    visit(c.attn_mask_compressed, to.attn_mask_compressed);
    visit(c.padding_mask, to.padding_mask);
    visit(c.actual_seq_lengths_kv, to.actual_seq_lengths_kv);
    visit(c.pre_tokens, to.pre_tokens);
    visit(c.next_tokens, to.next_tokens);
    visit(c.deq_scale1, to.deq_scale1);
    visit(c.deq_scale2, to.deq_scale2);
    visit(c.query_padding_size, to.query_padding_size);
  }
};

struct Incre {
  using Call = glint_incre_flash_attention_call;
  using Library = glint::IncreFlashAttentionCall;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    detail::each_of_inference(c, to, visit);
    visit(c.scale_value, to.scale_value);
    visit(c.attn_mask, to.attn_mask);
    visit(c.padding_mask, to.padding_mask);
    visit(c.dequant_scale1, to.dequant_scale1);
    visit(c.dequant_scale2, to.dequant_scale2);
  }
};

struct Fused {
  using Call = glint_fused_infer_attention_score_call;
  using Library = glint::FusedInferAttentionScoreCall;

  template <class From, class To, class Visit>
  static void each_field(From& c, To& to, Visit&& visit) {
    detail::each_of_inference(c, to, visit);
    visit(c.scale, to.scale);
    visit(c.atten_mask, to.atten_mask);
    visit(c.atten_mask_compressed, to.atten_mask_compressed);
    visit(c.actual_seq_lengths_kv, to.actual_seq_lengths_kv);
    visit(c.pre_tokens, to.pre_tokens);
    visit(c.next_tokens, to.next_tokens);
    visit(c.softmax_lse_flag, to.softmax_lse_flag);
    visit(c.dequant_scale1, to.dequant_scale1);
    visit(c.dequant_scale2, to.dequant_scale2);
    visit(c.query_padding_size, to.query_padding_size);
  }
};

// The gradient's call with the forward's in it.
template <>
class Converted<ScoreGrad> {
 public:
  explicit Converted(const glint_flash_attention_score_grad_call* given) {
    glint_flash_attention_score_grad_call call;
    status_ = complete<ScoreGrad>(given, call);
    if (status_.code != GLINT_OK) return;
    const Converted<Score> forward(call.forward);
    status_ = forward.status();
    library_.forward = forward.library();
    TensorLists none;
    if (status_.code == GLINT_OK) ScoreGrad::each_field(call, library_, ToLibrary{none, status_});
  }

  const glint_status& status() const { return status_; }
  const glint::FlashAttentionScoreGradCall& library() const { return library_; }

 private:
  glint::FlashAttentionScoreGradCall library_{};
  glint_status status_ = kOk;
};

}  // namespace kit::c

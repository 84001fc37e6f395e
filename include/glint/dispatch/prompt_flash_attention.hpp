// prompt_flash_attention at run time: strings, integers and void pointers, named as in the operator documents.
//
// Without attn_mask, sparse_mode 0 ignores the tokens; modes 1 to 4 need attn_mask, for 2 to 4 the compressed one or
// `attn_mask_compressed` in its place (operators 2, C29 and C36).
#pragma once

#include "glint/dispatch/cache.hpp"
#include "glint/dispatch/factors.hpp"
#include "glint/dispatch/prompt_call.hpp"
#include "glint/ops/prompt_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace dispatch {

inline Status read_prompt_mask(const PromptFlashAttentionCall& c, detail::InferenceProblem& p) {
  if (reads_mask_tensor(p.mode)) {
    const bool optional = p.mode == SparseMode::default_mask && !c.attn_mask_compressed;
    GLINT_REQUIRE(optional || c.attn_mask.present(), Code::mask_missing,
                  "sparse_mode 1 to 4 need attn_mask, and modes 0 and 1 a full one", 0, 1);
    if (!c.attn_mask.present()) return Status::ok();
    GLINT_PASS_ON(read_mask(c.attn_mask, true, rules::MaskTypes::prompt, p.mask));
    // (B, S2) is a mask for one query row of each batch entry (operators 12.11).
    MaskTensor& m = p.mask;
    if (c.attn_mask.shape.rank == 2 && p.shape.q_len == 1 && m.rows == p.shape.batch) m.batch = m.rows, m.rows = 1;
    return Status::ok();
  }
  if (c.attn_mask.present()) return compressed_mask(c.attn_mask, p.mode, rules::MaskTypes::prompt);
  GLINT_REQUIRE(c.attn_mask_compressed, Code::mask_missing, "sparse_mode 1 to 4 need attn_mask", 0, 1);
  return Status::ok();
}

inline Status read_prompt_types(const PromptFlashAttentionCall& c, const KeyValue& kv, detail::InferenceProblem& p) {
  p.q_type = c.query.dtype;
  p.cache_type = kv.key.dtype;
  GLINT_PASS_ON(prompt_rules::types(p));
  GLINT_PASS_ON(value_like_key(kv));
  const DType out = c.attention_out.dtype;
  GLINT_REQUIRE(out == p.number_type() || out == DType::i8, Code::dtype_output,
                "attention_out must have the data type of query (under an int8 query float16), or int8", out,
                p.number_type());
  return Status::ok();
}

inline Status read_prompt_mode(const PromptFlashAttentionCall& c, detail::InferenceProblem& p) {
  GLINT_REQUIRE(c.sparse_mode >= 0 && c.sparse_mode <= 14, Code::sparse_mode_unknown,
                "sparse_mode must be one of the documented modes", c.sparse_mode, c.sparse_mode < 0 ? 0 : 14);
  const bool precise = c.sparse_mode >= 10;
  p.mode = static_cast<SparseMode>(precise ? c.sparse_mode - 10 : c.sparse_mode);
  p.inner_precise = precise ? 0 : c.inner_precise;
  p.tokens = {c.pre_tokens, c.next_tokens};
  return prompt_rules::known_mode(p.mode);
}

// The call as the kernels' problem.
inline Status read_prompt(const PromptFlashAttentionCall& c, const LayoutPair& layouts, detail::InferenceProblem& p) {
  GLINT_PASS_ON(read_attributes(c, layouts, p));
  GLINT_PASS_ON(prompt_rules::known_layout(layouts.in->layout));
  p.q_lens = c.actual_seq_lengths;
  p.kv_lens = c.actual_seq_lengths_kv;
  GLINT_PASS_ON(prompt_rules::sequence_lists(p));
  KeyValue kv;
  GLINT_PASS_ON(read_key_value(c, kv));
  GLINT_PASS_ON(read_prompt_types(c, kv, p));
  GLINT_PASS_ON(read_operands(c, layouts, kv, p));
  GLINT_PASS_ON(read_query_padding(c, p));
  GLINT_PASS_ON(read_prompt_mode(c, p));
  GLINT_PASS_ON(read_prompt_mask(c, p));
  if (c.pse_shift.present()) GLINT_PASS_ON(read_pse(c.pse_shift, p.pse));
  GLINT_PASS_ON(read_lse(c.softmax_lse, p, p.lse));
  GLINT_PASS_ON(read_antiquant(c, p));
  GLINT_PASS_ON(read_int8_scales(c, p));
  GLINT_PASS_ON(read_post_quant(c, p));
  return read_sink(c, p);
}

inline index_t prompt_workspace(const detail::InferenceProblem& p, index_t workers) {
  return detail::with_prompt_keys(p, [&](const auto& keys) {
    return detail::prefill_workspace<recipe::Default>(detail::options(p), keys, workers);
  });
}

template <class Pool>
Status run_prompt(const detail::InferenceProblem& p, Pool& executor, std::span<std::byte> workspace) {
  return detail::with_prompt_keys(p, [&](const auto& keys) -> Status {
    const AttentionPlan plan(detail::options(p), keys, AnyMaskOf{detail::masks(p)}, SameModifier<score::None>{});
    return detail::run_prefill<recipe::Default>(plan, executor, workspace);
  });
}

template <class Then>
Status with_prompt(const PromptFlashAttentionCall& c, const Then& then) {
  LayoutPair layouts;
  GLINT_PASS_ON(read_layouts(c.input_layout, layouts));
  detail::InferenceProblem p;
  GLINT_PASS_ON(read_prompt(c, layouts, p));
  GLINT_PASS_ON(check_prompt(p));
  return then(p);
}

}  // namespace dispatch

inline Status check(const PromptFlashAttentionCall& call) {
  return dispatch::with_prompt(call, [](const detail::InferenceProblem&) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const PromptFlashAttentionCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_prompt(call, [&](const detail::InferenceProblem& p) {
    bytes = dispatch::prompt_workspace(p, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status prompt_flash_attention(const PromptFlashAttentionCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_prompt(
      call, [&](const detail::InferenceProblem& p) -> Status { return dispatch::run_prompt(p, executor, workspace); });
}

template <Executor Pool>
Status prompt_flash_attention(const PromptFlashAttentionCall& call, Pool&& executor) {
  GLINT_PASS_ON(check(call));
  return detail::with_workspace(workspace_bytes(call, executor.workers()), [&](std::span<std::byte> workspace) {
    return prompt_flash_attention(call, executor, workspace);
  });
}
inline Status prompt_flash_attention(const PromptFlashAttentionCall& call) {
  return prompt_flash_attention(call, Serial{});
}

}  // namespace GLINT_ABI
}  // namespace glint

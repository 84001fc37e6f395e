// fused_infer_attention_score at run time: one door for prompts and decode, named as in the operator documents.
//
// A call means what prompt_flash_attention means by it, its rules included; sparse_mode 9 is incre_flash_attention's
// tree.  Calls of at most kDraftRows query rows go to decode's kernel, which is several times as fast there, where it
// can say what they see: every key, what a mask of bytes leaves of them, or the triangle of mode 3.  For a single row
// mode 3 is every key and modes 2 and 4 keep their meaning, key 0 alone and a band.  Both kernels keep the error
// contract, but not the same bits; which one runs follows from the shape of query, types and options, never from
// lengths or contents, so that a batch entry's bits do not depend on its neighbors.
#pragma once

#include "glint/dispatch/fused_call.hpp"
#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace dispatch {

inline PromptFlashAttentionCall as_prompt(const FusedInferAttentionScoreCall& c) {
  return {.query = c.query,
          .key = c.key,
          .value = c.value,
          .key_list = c.key_list,
          .value_list = c.value_list,
          .attention_out = c.attention_out,
          .num_heads = c.num_heads,
          .num_key_value_heads = c.num_key_value_heads,
          .input_layout = c.input_layout,
          .scale_value = c.scale,
          .attn_mask = c.atten_mask,
          .attn_mask_compressed = c.atten_mask_compressed,
          .pse_shift = c.pse_shift,
          .actual_seq_lengths = c.actual_seq_lengths,
          .actual_seq_lengths_kv = c.actual_seq_lengths_kv,
          .pre_tokens = c.pre_tokens,
          .next_tokens = c.next_tokens,
          .sparse_mode = c.sparse_mode,
          .inner_precise = c.inner_precise,
          .deq_scale1 = c.dequant_scale1,
          .quant_scale1 = c.quant_scale1,
          .deq_scale2 = c.dequant_scale2,
          .quant_scale2 = c.quant_scale2,
          .quant_offset2 = c.quant_offset2,
          .antiquant_scale = c.antiquant_scale,
          .antiquant_offset = c.antiquant_offset,
          .antiquant_mode = c.antiquant_mode,
          .key_antiquant_scale = c.key_antiquant_scale,
          .key_antiquant_offset = c.key_antiquant_offset,
          .value_antiquant_scale = c.value_antiquant_scale,
          .value_antiquant_offset = c.value_antiquant_offset,
          .key_antiquant_mode = c.key_antiquant_mode,
          .value_antiquant_mode = c.value_antiquant_mode,
          .block_table = c.block_table,
          .block_size = c.block_size,
          .query_padding_size = c.query_padding_size,
          .kv_padding_size = c.kv_padding_size,
          .key_shared_prefix = c.key_shared_prefix,
          .value_shared_prefix = c.value_shared_prefix,
          .actual_shared_prefix_len = c.actual_shared_prefix_len,
          .learnable_sink = c.learnable_sink,
          .query_rope = c.query_rope,
          .key_rope = c.key_rope,
          .softmax_lse = c.softmax_lse_flag ? c.softmax_lse : OutputRef{},
          .limits = c.limits};
}

inline Status read_fused(const FusedInferAttentionScoreCall& c, detail::InferenceProblem& p) {
  const int mode = c.sparse_mode;
  GLINT_REQUIRE(mode >= 0 && mode <= 9, Code::sparse_mode_unknown, "sparse_mode must be one of the documented modes",
                mode, mode < 0 ? 0 : 9);
  GLINT_REQUIRE(mode <= 4 || mode == 9, Code::sparse_mode_not_for_operator,
                "fused_infer_attention_score knows sparse_mode 0 to 4 and 9", mode, 4);
  GLINT_REQUIRE(!c.softmax_lse_flag || c.softmax_lse.present(), Code::null_stats, "softmax_lse_flag needs softmax_lse",
                0, 1);
  PromptFlashAttentionCall prompt = as_prompt(c);
  if (mode == 9) prompt.sparse_mode = 0, prompt.attn_mask = {};
  LayoutPair layouts;
  GLINT_PASS_ON(read_layouts(c.input_layout, layouts));
  GLINT_PASS_ON(read_prompt(prompt, layouts, p));
  return mode == 9 ? read_tree(c.atten_mask, p) : Status::ok();
}

// A tree is decode's own; what decode has no words for is refused here.
inline Status check_tree(const detail::InferenceProblem& p) {
  GLINT_REQUIRE(p.layout != Layout::TND, Code::layout_not_for_operator,
                "sparse_mode 9 takes the layouts BSH, BNSD and BSND", p.layout, Layout::BSH);
  GLINT_REQUIRE(p.q_type != DType::i8, Code::dtype_query, "sparse_mode 9 takes no int8 query", p.q_type, DType::f16);
  GLINT_REQUIRE(p.q_lens.empty(), Code::sequence_lists_unexpected, "sparse_mode 9 takes no actual_seq_lengths",
                p.q_lens.size(), 0);
  GLINT_PASS_ON(prompt_rules::int8(p));
  return check_incre(p);
}

// The documents give a single query row the device numbers of decode.
inline Status check_fused(const detail::InferenceProblem& p) {
  if (p.draft == DraftMask::tree) return check_tree(p);
  detail::InferenceProblem unlimited = p;
  unlimited.limits = Limits::none;
  GLINT_PASS_ON(check_prompt(unlimited));
  const bool decode = p.shape.q_len == 1 && !p.ragged() && p.q_type != DType::i8;
  return decode ? incre_rules::ascend(p) : prompt_rules::ascend(p);
}

// Does every query row see every key, but for what a mask tensor drops?
inline bool sees_all(const detail::InferenceProblem& p) {
  constexpr index_t kAll = 2147483647;  // the documents' infinity
  const index_t last = p.shape.q_len - 1, pre = p.tokens.pre, next = p.tokens.next;
  switch (p.mode) {
    case SparseMode::default_mask: return !prompt_rules::tokens_act(p) || (pre >= last && next >= kAll);
    case SparseMode::all_mask: return true;
    case SparseMode::right_down_causal: return last == 0;
    case SparseMode::band: return pre >= kAll && next >= last;
    default: return false;
  }
}

// Up to here decode is faster: with 8 rows it takes 40 to 70 % of prefill's time, with 16 rows 80 to 140 % (AVX-512,
// caches of 16-bit and 32-bit floats, D = 128, 512 and 8192 keys, 1 to 32 query heads for each kv head).  A tuning
// table may know better.
inline constexpr index_t kDraftRows = 8;

inline bool runs_as_decode(const detail::InferenceProblem& p) {
  if (p.draft == DraftMask::tree) return true;
  const index_t most = tuned::draft_rows(p.cache_type, p.shape.head_dim, kDraftRows);
  const bool few = p.shape.q_len >= 1 && p.shape.q_len <= most && p.q_lens.empty();
  return few && p.q_type != DType::i8 && size_of(p.mask.dtype) == 1 &&
         (sees_all(p) || p.mode == SparseMode::right_down_causal);
}

inline detail::InferenceProblem as_decode(detail::InferenceProblem p) {
  if (p.draft != DraftMask::tree) p.draft = sees_all(p) ? DraftMask::none : DraftMask::causal;
  p.inner_precise %= 2;
  return p;
}

template <class Then>
Status with_fused(const FusedInferAttentionScoreCall& c, const Then& then) {
  detail::InferenceProblem p;
  GLINT_PASS_ON(read_fused(c, p));
  GLINT_PASS_ON(check_fused(p));
  return then(p);
}

}  // namespace dispatch

inline Status check(const FusedInferAttentionScoreCall& call) {
  return dispatch::with_fused(call, [](const detail::InferenceProblem&) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const FusedInferAttentionScoreCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_fused(call, [&](const detail::InferenceProblem& p) {
    bytes = dispatch::runs_as_decode(p) ? detail::decode_workspace<recipe::Default>(dispatch::as_decode(p), workers)
                                        : dispatch::prompt_workspace(p, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status fused_infer_attention_score(const FusedInferAttentionScoreCall& call, Pool&& executor,
                                   std::span<std::byte> workspace) {
  return dispatch::with_fused(call, [&](const detail::InferenceProblem& p) -> Status {
    if (dispatch::runs_as_decode(p))
      return detail::run_decode<recipe::Default>(dispatch::as_decode(p), executor, workspace);
    return dispatch::run_prompt(p, executor, workspace);
  });
}

template <Executor Pool>
Status fused_infer_attention_score(const FusedInferAttentionScoreCall& call, Pool&& executor) {
  GLINT_PASS_ON(check(call));
  return detail::with_workspace(workspace_bytes(call, executor.workers()), [&](std::span<std::byte> workspace) {
    return fused_infer_attention_score(call, executor, workspace);
  });
}
inline Status fused_infer_attention_score(const FusedInferAttentionScoreCall& call) {
  return fused_infer_attention_score(call, Serial{});
}

}  // namespace GLINT_ABI
}  // namespace glint

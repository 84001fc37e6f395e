// incre_flash_attention at run time: strings, integers and void pointers, named as in the operator documents.
#pragma once

#include "glint/dispatch/cache.hpp"
#include "glint/dispatch/factors.hpp"
#include "glint/dispatch/incre_call.hpp"
#include "glint/ops/incre_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace dispatch {

// The tree of sparse_mode 9, (B|1, S1, S1).
inline Status read_tree(const TensorRef& mask, detail::InferenceProblem& p) {
  p.draft = DraftMask::tree;
  if (!mask.present()) return Status::ok();  // a rule of drafts refuses it
  GLINT_REQUIRE(mask.shape.rank == 3, Code::draft_tree_shape, "sparse_mode 9 needs an attn_mask of (B|1, S1, S1)",
                mask.shape.rank, 3);
  return read_mask(mask, true, rules::MaskTypes::decode, p.tree);
}

// A mask over the keys, (B|1, S), (B|1, 1, S) or (B|1, 1, 1, S), or a tree.
inline Status read_incre_mask(const IncreFlashAttentionCall& c, detail::InferenceProblem& p) {
  const int mode = c.sparse_mode;
  GLINT_REQUIRE(mode >= 0 && mode <= 9, Code::sparse_mode_unknown, "sparse_mode must be one of the documented modes",
                mode, 9);
  GLINT_REQUIRE(mode == 0 || mode == 3 || mode == 9, Code::sparse_mode_not_for_operator,
                "incre_flash_attention knows sparse_mode 0, 3 and 9", mode, 0);
  GLINT_REQUIRE(mode != 0 || p.shape.q_len == 1, Code::query_not_one_token,
                "incre_flash_attention takes one query row (several with sparse_mode 3 or 9)", p.shape.q_len, 1);
  const TensorRef& mask = c.attn_mask;
  if (mode == 9) return read_tree(mask, p);
  p.draft = mode == 3 ? DraftMask::causal : DraftMask::none;
  if (!mask.present()) return Status::ok();
  GLINT_REQUIRE(mode != 3, Code::mask_unexpected, "sparse_mode 3 implies its mask: attn_mask must be absent", mode, 0);
  GLINT_PASS_ON(read_mask(mask, true, rules::MaskTypes::decode, p.mask));
  if (mask.shape.rank == 2) p.mask.batch = p.mask.rows, p.mask.rows = 1;
  return Status::ok();
}

inline Status read_incre_types(const IncreFlashAttentionCall& c, const KeyValue& kv, detail::InferenceProblem& p) {
  const DType q = c.query.dtype, key = kv.key.dtype, out = c.attention_out.dtype;
  GLINT_REQUIRE(q != DType::i8, Code::dtype_query, "incre_flash_attention takes no int8 query", q, DType::f16);
  GLINT_PASS_ON(inference_rules::types(q, key));
  GLINT_PASS_ON(value_like_key(kv));
  GLINT_REQUIRE(out == q || out == DType::i8, Code::dtype_output,
                "attention_out must have the data type of query, or int8", out, q);
  p.q_type = q;
  p.cache_type = key;
  return Status::ok();
}

// The call as the kernels' problem.
inline Status read_incre(const IncreFlashAttentionCall& c, const LayoutPair& layouts, detail::InferenceProblem& p) {
  for (const TensorRef* quant : {&c.dequant_scale1, &c.quant_scale1, &c.dequant_scale2})
    GLINT_REQUIRE(!quant->present(), Code::quant_not_for_operator,
                  "dequant_scale1, quant_scale1 and dequant_scale2 belong to an int8 query", 1, 0);
  GLINT_PASS_ON(read_attributes(c, layouts, p));
  GLINT_PASS_ON(incre_rules::known_layout(layouts.in->layout));
  p.kv_lens = c.actual_seq_lengths;
  p.inner_precise = c.inner_precise;
  KeyValue kv;
  GLINT_PASS_ON(read_key_value(c, kv));
  GLINT_PASS_ON(read_incre_types(c, kv, p));
  GLINT_PASS_ON(read_operands(c, layouts, kv, p));
  GLINT_PASS_ON(read_incre_mask(c, p));
  if (c.pse_shift.present()) GLINT_PASS_ON(read_pse(c.pse_shift, p.pse));
  GLINT_PASS_ON(read_lse(c.softmax_lse, p, p.lse));
  GLINT_PASS_ON(read_antiquant(c, p));
  GLINT_PASS_ON(read_post_quant(c, p));
  return read_sink(c, p);
}

template <class Then>
Status with_incre(const IncreFlashAttentionCall& c, const Then& then) {
  LayoutPair layouts;
  GLINT_PASS_ON(read_layouts(c.input_layout, layouts));
  detail::InferenceProblem p;
  GLINT_PASS_ON(read_incre(c, layouts, p));
  GLINT_PASS_ON(check_incre(p));
  return then(p);
}

}  // namespace dispatch

inline Status check(const IncreFlashAttentionCall& call) {
  return dispatch::with_incre(call, [](const detail::InferenceProblem&) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const IncreFlashAttentionCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_incre(call, [&](const detail::InferenceProblem& p) {
    bytes = detail::decode_workspace<recipe::Default>(p, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status incre_flash_attention(const IncreFlashAttentionCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_incre(call, [&](const detail::InferenceProblem& p) -> Status {
    return detail::run_decode<recipe::Default>(p, executor, workspace);
  });
}

template <Executor Pool>
Status incre_flash_attention(const IncreFlashAttentionCall& call, Pool&& executor) {
  GLINT_PASS_ON(check(call));
  return detail::with_workspace(workspace_bytes(call, executor.workers()), [&](std::span<std::byte> workspace) {
    return incre_flash_attention(call, executor, workspace);
  });
}
inline Status incre_flash_attention(const IncreFlashAttentionCall& call) {
  return incre_flash_attention(call, Serial{});
}

}  // namespace GLINT_ABI
}  // namespace glint

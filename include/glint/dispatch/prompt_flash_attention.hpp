// prompt_flash_attention at run time: strings, integers and void pointers, named as in the operator documents.
//
// Without attn_mask, sparse_mode 0 ignores the tokens; modes 1 to 4 need attn_mask, for 2 to 4 the compressed one or
// `attn_mask_compressed` in its place (operators 2, C29 and C36).
#pragma once

#include "glint/dispatch/call.hpp"
#include "glint/ops/prompt_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct PromptFlashAttentionCall {
  TensorRef query{}, key{}, value{};
  OutputRef attention_out{};
  index_t num_heads = 0;
  index_t num_key_value_heads = 0;  // 0: num_heads
  std::string_view input_layout = "BSH";
  double scale_value = 1;

  TensorRef attn_mask{};  // (S1,S2), (B|1,S1,S2), (B|1,1,S1,S2), and (B,S2) when S1 is 1
  bool attn_mask_compressed = false;
  TensorRef padding_mask{};  // reserved: must be absent
  TensorRef pse_shift{};     // (B|1, N|1, S1, S2)
  std::span<const index_t> actual_seq_lengths{};
  std::span<const index_t> actual_seq_lengths_kv{};
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 0;
  int sparse_mode = 0;
  int inner_precise = 1;

  TensorRef deq_scale1{}, quant_scale1{}, deq_scale2{}, quant_scale2{}, quant_offset2{};  // not supported yet

  OutputRef softmax_lse{};  // float32 (B, N, S1, 1); rows that see nothing: +inf
  Limits limits = Limits::none;
};

namespace dispatch {

// lse of the inference doors: (B, N, S1, 1) or (B, N, S1).
inline Status read_lse(const OutputRef& lse, const Shape& s, float*& data) {
  if (!lse.present()) return Status::ok();
  GLINT_REQUIRE(lse.dtype == DType::f32, Code::dtype_stats, "softmax_lse is float32", lse.dtype, DType::f32);
  GLINT_REQUIRE(lse.data != nullptr || lse.shape.elements() == 0, Code::null_stats, "softmax_lse must not be null", 0,
                1);
  const Extents& e = lse.shape;
  GLINT_REQUIRE(e.rank == 3 || (e.rank == 4 && e[3] == 1), Code::stats_shape_mismatch,
                "softmax_lse has the shape (B, N, S1, 1)", e.rank, 4);
  const index_t want[3] = {s.batch, s.heads, s.q_len};
  for (int i = 0; i < 3; ++i)
    GLINT_REQUIRE(e[i] == want[i], Code::stats_shape_mismatch, "softmax_lse has the shape (B, N, S1, 1)", e[i],
                  want[i]);
  data = static_cast<float*>(lse.data);
  return Status::ok();
}

// (B, S2) is a mask for one query row of each batch entry (operators 12.11).
inline Status read_inference_mask(const TensorRef& mask, const Shape& s, MaskTensor& out) {
  GLINT_PASS_ON(read_mask(mask, true, rules::MaskTypes::prompt, out));
  if (mask.shape.rank == 2 && s.q_len == 1 && out.rows == s.batch) out.batch = s.batch, out.rows = 1;
  return Status::ok();
}

inline Status read_prompt_mask(const PromptFlashAttentionCall& c, const Shape& s, SparseMode mode, MaskTensor& mask) {
  if (reads_mask_tensor(mode)) {
    const bool optional = mode == SparseMode::default_mask && !c.attn_mask_compressed;
    GLINT_REQUIRE(optional || c.attn_mask.present(), Code::mask_missing,
                  "sparse_mode 1 to 4 need attn_mask, and modes 0 and 1 a full one", 0, 1);
    return c.attn_mask.present() ? read_inference_mask(c.attn_mask, s, mask) : Status::ok();
  }
  if (c.attn_mask.present()) return compressed_mask(c.attn_mask, mode, rules::MaskTypes::prompt);
  GLINT_REQUIRE(c.attn_mask_compressed, Code::mask_missing, "sparse_mode 1 to 4 need attn_mask", 0, 1);
  return Status::ok();
}

template <class Element>
Status read_prompt(const PromptFlashAttentionCall& c, const LayoutName& layout, PromptProblem<Element>& p,
                   SparseMode& mode) {
  for (const TensorRef* quant : {&c.deq_scale1, &c.quant_scale1, &c.deq_scale2, &c.quant_scale2, &c.quant_offset2})
    GLINT_REQUIRE(!quant->present(), Code::not_supported_quantization, "quantization parameters are not supported yet",
                  1, 0);
  GLINT_REQUIRE(c.num_key_value_heads >= 0, Code::head_num_not_positive, "num_key_value_heads must not be negative",
                c.num_key_value_heads, 0);
  GLINT_PASS_ON(read({c.query, c.key, c.value, c.attention_out, c.num_heads, c.num_key_value_heads}, layout, p.shape));
  GLINT_REQUIRE(!c.padding_mask.present(), Code::padding_mask_given, "padding_mask is reserved and must be absent", 1,
                0);
  mode = static_cast<SparseMode>(c.sparse_mode);
  GLINT_REQUIRE(c.sparse_mode >= 0, Code::sparse_mode_unknown, "sparse_mode must be one of the documented modes",
                c.sparse_mode, 0);
  GLINT_PASS_ON(rules::inference_mode(mode));
  GLINT_PASS_ON(read_prompt_mask(c, p.shape, mode, p.attn_mask));
  if (c.pse_shift.present()) GLINT_PASS_ON(read_pse(c.pse_shift, p.pse_shift));
  GLINT_PASS_ON(read_lse(c.softmax_lse, p.shape, p.lse));
  p.empty_lse = std::numeric_limits<float>::infinity();
  p.q = static_cast<const Element*>(c.query.data);
  p.k = static_cast<const Element*>(c.key.data);
  p.v = static_cast<const Element*>(c.value.data);
  p.out = static_cast<Element*>(c.attention_out.data);
  p.scale = static_cast<float>(c.scale_value);
  p.pre_tokens = c.pre_tokens;
  p.next_tokens = c.next_tokens;
  p.q_lens = c.actual_seq_lengths;
  p.kv_lens = c.actual_seq_lengths_kv;
  p.inner_precise = c.inner_precise;
  p.limits = c.limits;
  return Status::ok();
}

template <class Then>
Status with_prompt(const PromptFlashAttentionCall& c, const Then& then) {
  const LayoutName* const layout = find_layout(c.input_layout);
  GLINT_REQUIRE(layout != nullptr, Code::layout_unknown, "input_layout must be BSH, BNSD or BSND", -1, 0);
  return with_element(c.query.dtype, [&](auto element) -> Status {
    PromptProblem<decltype(element)> p;
    SparseMode mode = SparseMode::default_mask;
    GLINT_PASS_ON(read_prompt(c, *layout, p, mode));
    GLINT_PASS_ON(check_prompt(p, layout->layout, mode));
    return then(p, layout->layout, mode);
  });
}

}  // namespace dispatch

inline Status check(const PromptFlashAttentionCall& call) {
  return dispatch::with_prompt(call, [](const auto&, Layout, SparseMode) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const PromptFlashAttentionCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_prompt(call, [&](const auto& p, Layout layout, SparseMode) {
    const auto t = detail::tensors(p, layout);
    using Element = std::remove_cvref_t<decltype(*p.out)>;
    bytes = detail::PrefillTiles<recipe::Default, Element>::workspace(p.shape, t.kv_rows.longest(), workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status prompt_flash_attention(const PromptFlashAttentionCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_prompt(call, [&](const auto& p, Layout layout, SparseMode mode) -> Status {
    const AttentionPlan plan(detail::tensors(p, layout), dispatch::AnyMaskOf{detail::masks(p, layout, mode)},
                             SameModifier<score::None>{});
    using Element = std::remove_cvref_t<decltype(*p.out)>;
    return detail::PrefillTiles<recipe::Default, Element>::run(plan, executor, workspace);
  });
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

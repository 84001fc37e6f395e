// incre_flash_attention at run time: strings, integers and void pointers, named as in the operator documents.
#pragma once

#include "glint/dispatch/prompt_flash_attention.hpp"
#include "glint/ops/incre_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct IncreFlashAttentionCall {
  TensorRef query{}, key{}, value{};
  OutputRef attention_out{};
  index_t num_heads = 0;
  index_t num_key_value_heads = 0;  // 0: num_heads
  std::string_view input_layout = "BSH";
  double scale_value = 1;

  TensorRef attn_mask{};     // (B, S), (B, 1, S), (B, 1, 1, S); a leading 1 broadcasts
  TensorRef padding_mask{};  // reserved: must be absent
  TensorRef pse_shift{};     // (B|1, N, 1, S)
  std::span<const index_t> actual_seq_lengths{};
  int inner_precise = 1;

  // Not supported yet.
  TensorRef dequant_scale1{}, quant_scale1{}, dequant_scale2{}, quant_scale2{}, quant_offset2{};
  TensorRef antiquant_scale{}, antiquant_offset{};
  TensorRef block_table{};
  index_t block_size = 0;
  TensorRef kv_padding_size{};

  OutputRef softmax_lse{};  // float32 (B, N, 1, 1); rows that see nothing: +inf
  Limits limits = Limits::none;
};

namespace dispatch {

inline Status refuse_unsupported(const IncreFlashAttentionCall& c) {
  for (const TensorRef* quant : {&c.dequant_scale1, &c.quant_scale1, &c.dequant_scale2, &c.quant_scale2,
                                 &c.quant_offset2, &c.antiquant_scale, &c.antiquant_offset})
    GLINT_REQUIRE(!quant->present(), Code::not_supported_quantization, "quantization parameters are not supported yet",
                  1, 0);
  GLINT_REQUIRE(!c.block_table.present() && c.block_size == 0, Code::not_supported_paging,
                "a paged cache is not supported yet", 1, 0);
  GLINT_REQUIRE(!c.kv_padding_size.present(), Code::not_supported_kv_padding, "kv_padding_size is not supported yet", 1,
                0);
  return Status::ok();
}

template <class Element>
Status read_incre(const IncreFlashAttentionCall& c, const LayoutName& layout, IncreProblem<Element>& p) {
  GLINT_PASS_ON(refuse_unsupported(c));
  GLINT_REQUIRE(c.num_key_value_heads >= 0, Code::head_num_not_positive, "num_key_value_heads must not be negative",
                c.num_key_value_heads, 0);
  GLINT_PASS_ON(read({c.query, c.key, c.value, c.attention_out, c.num_heads, c.num_key_value_heads}, layout, p.shape));
  GLINT_REQUIRE(!c.padding_mask.present(), Code::padding_mask_given, "padding_mask is reserved and must be absent", 1,
                0);
  if (c.attn_mask.present()) {
    GLINT_PASS_ON(read_inference_mask(c.attn_mask, p.shape, p.attn_mask));
    GLINT_REQUIRE(c.attn_mask.shape.rank != 2 || p.attn_mask.batch == p.shape.batch, Code::mask_shape,
                  "attn_mask must have the shape (B, S), (B, 1, S) or (B, 1, 1, S)", p.attn_mask.batch, p.shape.batch);
  }
  if (c.pse_shift.present()) GLINT_PASS_ON(read_pse(c.pse_shift, p.pse_shift));
  GLINT_PASS_ON(read_lse(c.softmax_lse, p.shape, p.lse));
  p.empty_lse = std::numeric_limits<float>::infinity();
  p.q = static_cast<const Element*>(c.query.data);
  p.kv.k = static_cast<const Element*>(c.key.data);
  p.kv.v = static_cast<const Element*>(c.value.data);
  p.out = static_cast<Element*>(c.attention_out.data);
  p.scale = static_cast<float>(c.scale_value);
  p.kv_lens = c.actual_seq_lengths;
  p.inner_precise = c.inner_precise;
  p.limits = c.limits;
  return Status::ok();
}

template <class Then>
Status with_incre(const IncreFlashAttentionCall& c, const Then& then) {
  const LayoutName* const layout = find_layout(c.input_layout);
  GLINT_REQUIRE(layout != nullptr, Code::layout_unknown, "input_layout must be BSH, BNSD or BSND", -1, 0);
  return with_element(c.query.dtype, [&](auto element) -> Status {
    IncreProblem<decltype(element)> p;
    GLINT_PASS_ON(read_incre(c, *layout, p));
    GLINT_PASS_ON(check_incre(p, layout->layout));
    return then(p, layout->layout);
  });
}

}  // namespace dispatch

inline Status check(const IncreFlashAttentionCall& call) {
  return dispatch::with_incre(call, [](const auto&, Layout) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const IncreFlashAttentionCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_incre(call, [&](const auto& p, Layout layout) {
    const detail::DecodePlan plan(detail::tensors(p, layout), p.attn_mask);
    bytes = detail::DecodeTiles<recipe::Default>::workspace(p.shape, plan.max_rows(), plan.max_keys(), workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status incre_flash_attention(const IncreFlashAttentionCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_incre(call, [&](const auto& p, Layout layout) -> Status {
    const detail::DecodePlan plan(detail::tensors(p, layout), p.attn_mask);
    return detail::DecodeTiles<recipe::Default>::run(plan, executor, workspace);
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

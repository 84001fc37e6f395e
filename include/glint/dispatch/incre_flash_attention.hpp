// incre_flash_attention at run time: strings, integers and void pointers, named as in the operator documents.
#pragma once

#include "glint/dispatch/prompt_flash_attention.hpp"
#include "glint/ops/incre_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct IncreFlashAttentionCall {
  TensorRef query{}, key{}, value{};
  // In place of key and value: B tensors of batch 1 with rows of their own, or one tensor of batch B.
  std::span<const TensorRef> key_list{}, value_list{};
  OutputRef attention_out{};  // of query's type; int8 with quant_scale2
  index_t num_heads = 0;
  index_t num_key_value_heads = 0;  // 0: num_heads
  std::string_view input_layout = "BSH";
  double scale_value = 1;

  TensorRef attn_mask{};     // (B, S), (B, 1, S), (B, 1, 1, S); a leading 1 broadcasts
  TensorRef padding_mask{};  // reserved: must be absent
  TensorRef pse_shift{};     // (B|1, N, 1, S)
  std::span<const index_t> actual_seq_lengths{};
  int inner_precise = 1;

  // Several query rows, as in speculative decoding, are legal with sparse_mode 3 (causal) and 9 (a tree, given as
  // attn_mask (B|1, S1, S1)); attn_mask must otherwise be absent then.  With 0, query has one row.
  int sparse_mode = 0;

  // An int8 or int4 cache: one joint tensor for key and value, or separate ones.  int4: DType::i4 with logical shapes,
  // or i32 with an eighth of the last axis.
  TensorRef antiquant_scale{}, antiquant_offset{};
  index_t antiquant_mode = 0;
  TensorRef key_antiquant_scale{}, key_antiquant_offset{}, value_antiquant_scale{}, value_antiquant_offset{};
  index_t key_antiquant_mode = 0, value_antiquant_mode = 0;

  TensorRef quant_scale2{}, quant_offset2{};                        // int8 output
  TensorRef dequant_scale1{}, quant_scale1{}, dequant_scale2{};     // not for this operator: must be absent

  TensorRef block_table{};      // int32 (B, max_blocks)
  index_t block_size = 0;
  TensorRef kv_padding_size{};  // int64, one number

  TensorRef key_shared_prefix{}, value_shared_prefix{};  // (1, ...) in the layout of key
  index_t actual_shared_prefix_len = -1;                 // -1: all its rows
  TensorRef learnable_sink{};                            // (N), of query's type
  TensorRef query_rope{}, key_rope{};                    // as query and key, with a head size of their own

  OutputRef softmax_lse{};  // float32 (B, N, S1, 1); rows that see nothing: +inf
  Limits limits = Limits::none;
};

namespace dispatch {

// The call as the kernels' problem.  (First form: a plain cache of query's type.)
inline Status read_incre(const IncreFlashAttentionCall& c, const LayoutName& layout, detail::DecodeProblem& p) {
  GLINT_REQUIRE(c.num_key_value_heads >= 0, Code::head_num_not_positive, "num_key_value_heads must not be negative",
                c.num_key_value_heads, 0);
  GLINT_PASS_ON(read({c.query, c.key, c.value, c.attention_out, c.num_heads, c.num_key_value_heads}, layout, p.shape));
  GLINT_REQUIRE(!c.padding_mask.present(), Code::padding_mask_given, "padding_mask is reserved and must be absent", 1,
                0);
  GLINT_REQUIRE(p.shape.q_len == 1, Code::query_not_one_token, "incre_flash_attention takes one query row",
                p.shape.q_len, 1);
  if (c.attn_mask.present()) {
    GLINT_PASS_ON(read_inference_mask(c.attn_mask, p.shape, p.mask));
    GLINT_REQUIRE(c.attn_mask.shape.rank != 2 || p.mask.batch == p.shape.batch, Code::mask_shape,
                  "attn_mask must have the shape (B, S), (B, 1, S) or (B, 1, 1, S)", p.mask.batch, p.shape.batch);
  }
  if (c.pse_shift.present()) GLINT_PASS_ON(read_pse(c.pse_shift, p.pse));
  GLINT_PASS_ON(read_lse(c.softmax_lse, p.shape, p.lse));
  const Shape& s = p.shape;
  p.empty_lse = std::numeric_limits<float>::infinity();
  p.layout = layout.layout;
  p.q_type = p.cache_type = c.query.dtype;
  p.q = c.query.data;
  p.q_strides = layout::strides(layout.layout, {s.batch, s.heads, s.q_len, s.head_dim});
  p.k = {c.key.data, nullptr, layout::strides(layout.layout, {s.batch, s.kv_heads, s.kv_len, s.head_dim}), s.head_dim};
  p.v = {c.value.data, nullptr, layout::strides(layout.layout, {s.batch, s.kv_heads, s.kv_len, s.value_dim}),
         s.value_dim};
  p.out = c.attention_out.data;
  p.out_strides = layout::strides(layout.layout, {s.batch, s.heads, s.q_len, s.value_dim});
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
  detail::DecodeProblem p;
  GLINT_PASS_ON(read_incre(c, *layout, p));
  GLINT_PASS_ON(check_incre(p));
  return then(p);
}

}  // namespace dispatch

inline Status check(const IncreFlashAttentionCall& call) {
  return dispatch::with_incre(call, [](const detail::DecodeProblem&) { return Status::ok(); });
}

// Bytes of scratch for `workers` workers; 0 for an illegal call.
inline index_t workspace_bytes(const IncreFlashAttentionCall& call, index_t workers = 1) {
  index_t bytes = 0;
  (void)static_cast<bool>(dispatch::with_incre(call, [&](const detail::DecodeProblem& p) {
    bytes = detail::decode_workspace<recipe::Default>(p, workers);
    return Status::ok();
  }));
  return bytes;
}

template <Executor Pool>
Status incre_flash_attention(const IncreFlashAttentionCall& call, Pool&& executor, std::span<std::byte> workspace) {
  return dispatch::with_incre(call, [&](const detail::DecodeProblem& p) -> Status {
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

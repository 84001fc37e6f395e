// PromptFlashAttention: prefill, all rows of a prompt against its keys.
//
//   out = softmax(mask(scale * (q k^T) + pse_shift)) v
//
// Source: PromptFlashAttention (seed 002) with sections 1.5, 2 and 3 of the operator contract.  Layouts BSH, BNSD and
// BSND.  Rows at and behind q_lens[b] are set to zero; keys at and behind kv_lens[b] are never read.
#pragma once

#include "glint/ops/attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

template <class Element>
struct PromptProblem {
  const Element* q = nullptr;
  const Element* k = nullptr;
  const Element* v = nullptr;
  Element* out = nullptr;

  Shape shape{};
  float scale = 1;

  // Sparse mode 0 beside a mask tensor, and mode 4.  Mind next_tokens: this operator's default is 0.
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 0;
  MaskTensor attn_mask{};  // modes 0 and 1: (B|1, 1, S1, S2)
  PseTensor pse_shift{};   // (B|1, N|1, S1, S2), added after the scale

  std::span<const index_t> q_lens{};  // actual lengths: empty, 1 or B entries
  std::span<const index_t> kv_lens{};

  float* lse = nullptr;  // [B][N][S1]; rows that see nothing: -inf
  float empty_lse = -std::numeric_limits<float>::infinity();

  // Bit 0: 0 high precision, 1 high performance (README, "Two precisions"); bit 1 asks for zero rows where nothing is
  // seen, which glint always does.
  int inner_precise = 1;
  Limits limits = Limits::none;

  Strides q_strides{}, k_strides{}, v_strides{}, out_strides{};
};

namespace detail {

template <class Element>
AttentionTensors<storage_t<Element>> tensors(const PromptProblem<Element>& p, Layout layout) {
  const Shape& s = p.shape;
  const index_t kv_heads = s.kv_head_count(), dv = s.value_size();
  return {
      .q = {as_storage(p.q), strides_or(p.q_strides, layout, {s.batch, s.heads, s.q_len, s.head_dim}), s.head_dim},
      .k = {as_storage(p.k), strides_or(p.k_strides, layout, {s.batch, kv_heads, s.kv_len, s.head_dim}), s.head_dim},
      .v = {as_storage(p.v), strides_or(p.v_strides, layout, {s.batch, kv_heads, s.kv_len, dv}), dv},
      .out = {as_storage(p.out), strides_or(p.out_strides, layout, {s.batch, s.heads, s.q_len, dv}), dv},
      .shape = s,
      .layout = layout,
      .q_rows = Sequences::lengths(s.batch, s.q_len, p.q_lens),
      .kv_rows = Sequences::lengths(s.batch, s.kv_len, p.kv_lens),
      .scale = p.scale,
      .products = p.inner_precise % 2 == 1 ? Products::pairs : Products::singles,
      .pse = p.pse_shift,
      .lse = p.lse,
      .empty_lse = p.empty_lse};
}

template <class Element>
StaircaseAndDenseOf masks(const PromptProblem<Element>& p, Layout, SparseMode mode) {
  StaircaseAndDenseOf masks;
  masks.stairs.mode = mode;
  if (mode == SparseMode::band || p.attn_mask) masks.stairs.tokens = {p.pre_tokens, p.next_tokens};
  const MaskTensor& m = p.attn_mask;
  const index_t matrix = m.rows * m.columns;
  masks.dense = {m.data, m.batch == 1 ? 0 : m.heads * matrix, m.heads == 1 ? 0 : matrix, m.columns, size_of(m.dtype)};
  return masks;
}

// Shared by prompt and incre: pointers, strides, and an output that overlaps nothing.
template <class Element>
Status inference_memory(const AttentionTensors<Element>& t, const MaskTensor& mask) {
  const Shape& s = t.shape;
  if (s.batch == 0 || s.q_len == 0) return Status::ok();
  const index_t kv_heads = s.kv_head_count(), dv = t.out.dim;
  const Dims q_dims{s.batch, s.heads, s.q_len, s.head_dim}, out_dims{s.batch, s.heads, s.q_len, dv};
  GLINT_REQUIRE(t.q.data != nullptr, Code::null_query, "query must not be null", 0, 1);
  GLINT_REQUIRE(t.k.data != nullptr || s.kv_len == 0, Code::null_key, "key must not be null", 0, 1);
  GLINT_REQUIRE(t.v.data != nullptr || s.kv_len == 0, Code::null_value, "value must not be null", 0, 1);
  GLINT_REQUIRE(t.out.data != nullptr, Code::null_output, "attention_out must not be null", 0, 1);
  GLINT_PASS_ON(rules::strides(t.q.strides, s.head_dim));
  GLINT_PASS_ON(rules::strides(t.k.strides, s.head_dim));
  GLINT_PASS_ON(rules::strides(t.v.strides, dv));
  GLINT_PASS_ON(rules::output_strides(t.out.strides, out_dims));
  return rules::apart(
      {extent(t.out.data, t.out.strides, out_dims), extent(t.lse, s.batch * s.heads * s.q_len)},
      {extent(t.q.data, t.q.strides, q_dims), extent(t.k.data, t.k.strides, {s.batch, kv_heads, s.kv_len, s.head_dim}),
       extent(t.v.data, t.v.strides, {s.batch, kv_heads, s.kv_len, dv}), mask_extent(mask), pse_extent(t.pse)});
}

// Device maxima of the inference operators (operators 8.2).
struct InferenceMaxima {
  index_t batch, sequence;
};
inline constexpr InferenceMaxima kPromptMaxima{65536, 20971520}, kIncreMaxima{65535, 262144};

inline Status ascend_inference(const Shape& s, DType dtype, InferenceMaxima most) {
  GLINT_REQUIRE(dtype != DType::f32, Code::limit_dtype, "ascend: query must be float16 or bfloat16", dtype, DType::f16);
  GLINT_REQUIRE(s.batch <= most.batch, Code::limit_batch, "ascend: the batch is too large", s.batch, most.batch);
  GLINT_REQUIRE(s.heads <= 256, Code::limit_heads, "ascend: num_heads must not exceed 256", s.heads, 256);
  GLINT_REQUIRE(s.kv_len <= most.sequence && s.q_len <= most.sequence, Code::limit_sequence,
                "ascend: a sequence is too long", s.kv_len > s.q_len ? s.kv_len : s.q_len, most.sequence);
  GLINT_REQUIRE(s.head_dim <= 512, Code::limit_head_dim, "ascend: the head size must not exceed 512", s.head_dim, 512);
  GLINT_REQUIRE(s.heads / s.kv_head_count() <= 64, Code::limit_head_ratio,
                "ascend: num_heads / num_key_value_heads must not exceed 64", s.heads / s.kv_head_count(), 64);
  return Status::ok();
}

}  // namespace detail

namespace prompt_rules {

// Token rules of modes 0 and 4 (operators 2.1, PFA, with 12.19), for each batch entry's actual lengths.
template <class Problem>
Status tokens(const Problem& p, SparseMode mode) {
  const bool applies = mode == SparseMode::band || (mode == SparseMode::default_mask && p.attn_mask);
  if (!applies) return Status::ok();
  const index_t pre = Tokens::clamp(p.pre_tokens), next = Tokens::clamp(p.next_tokens);
  GLINT_REQUIRE(pre >= 0 || next >= 0, Code::tokens_both_negative,
                "pre_tokens and next_tokens must not both be negative", pre, 0);
  GLINT_REQUIRE(pre + next >= 0, Code::tokens_empty_band, "pre_tokens + next_tokens must not be negative", pre + next,
                0);
  if (mode != SparseMode::default_mask) return Status::ok();
  const Sequences q = Sequences::lengths(p.shape.batch, p.shape.q_len, p.q_lens);
  const Sequences kv = Sequences::lengths(p.shape.batch, p.shape.kv_len, p.kv_lens);
  for (index_t b = 0; b < q.batch(); ++b) {
    if (q.length(b) == 0) continue;
    GLINT_REQUIRE(next >= 0 || -next < q.length(b), Code::tokens_next_outside,
                  "with next_tokens < 0, -next_tokens must be below the query length", -next, q.length(b));
    GLINT_REQUIRE(pre >= 0 || -pre < kv.length(b) || kv.length(b) == 0, Code::tokens_pre_outside,
                  "with pre_tokens < 0, -pre_tokens must be below the key length", -pre, kv.length(b));
  }
  return Status::ok();
}

template <class Problem>
Status mask(const Problem& p, SparseMode mode) {
  if (!reads_mask_tensor(mode)) {
    GLINT_REQUIRE(!p.attn_mask, Code::mask_unexpected,
                  "this sparse_mode implies its mask: pass no mask tensor (only modes 0 and 1 read one)", mode, 1);
    return Status::ok();
  }
  GLINT_REQUIRE(p.attn_mask || mode == SparseMode::default_mask, Code::mask_missing, "sparse_mode 1 needs attn_mask", 0,
                1);
  if (!p.attn_mask) return Status::ok();
  GLINT_PASS_ON(rules::mask_dtype(p.attn_mask.dtype, rules::MaskTypes::prompt));
  GLINT_REQUIRE(p.attn_mask.heads == 1, Code::mask_shape, "attn_mask must have 1 as its head axis", p.attn_mask.heads,
                1);
  return rules::mask_shape(p.attn_mask, p.shape, p.shape.q_len, p.shape.kv_len, false);
}

}  // namespace prompt_rules

template <class Element>
Status check_prompt(const PromptProblem<Element>& p, Layout layout, SparseMode mode) {
  GLINT_PASS_ON(rules::shape(p.shape));
  GLINT_PASS_ON(rules::scale(p.scale));
  GLINT_REQUIRE(layout == Layout::BSH || layout == Layout::BNSD || layout == Layout::BSND,
                Code::layout_not_for_operator, "prompt_flash_attention knows the layouts BSH, BNSD and BSND", layout,
                Layout::BSH);
  GLINT_PASS_ON(rules::inference_mode(mode));
  GLINT_PASS_ON(rules::lengths(p.q_lens, p.shape.batch, p.shape.q_len, rules::LengthList::may_be_longer));
  GLINT_PASS_ON(rules::lengths(p.kv_lens, p.shape.batch, p.shape.kv_len, rules::LengthList::may_be_longer));
  GLINT_PASS_ON(prompt_rules::mask(p, mode));
  GLINT_PASS_ON(prompt_rules::tokens(p, mode));
  if (p.pse_shift) {
    GLINT_REQUIRE(p.pse_shift.dtype == dtype_of<storage_t<Element>>, Code::dtype_pse,
                  "pse_shift must have the data type of query", p.pse_shift.dtype, dtype_of<storage_t<Element>>);
    GLINT_REQUIRE(p.pse_shift.form == PseForm::dense, Code::pse_shape, "pse_shift is a dense tensor", 1, 0);
    GLINT_PASS_ON(rules::pse_shape(p.pse_shift, p.shape, p.shape.q_len, p.shape.kv_len));
  }
  GLINT_REQUIRE(p.inner_precise >= 0 && p.inner_precise <= 3, Code::inner_precise_range,
                "inner_precise must be between 0 and 3", p.inner_precise, 3);
  if (p.limits == Limits::ascend)
    GLINT_PASS_ON(detail::ascend_inference(p.shape, dtype_of<storage_t<Element>>, detail::kPromptMaxima));
  return detail::inference_memory(detail::tensors(p, layout), p.attn_mask);
}

// The functor; see FlashAttentionScore for what its template arguments mean.
template <class LayoutTag, class Element, SparseMode mode = SparseMode::default_mask, class Recipe = recipe::Default>
struct PromptFlashAttention {
  static_assert(is_tensor_element<Element>,
                "glint::PromptFlashAttention: the element type must be float, half or bfloat16");
  static_assert((mode == SparseMode::custom) != std::is_same_v<typename Recipe::masks, MaskFromMode>,
                "glint::PromptFlashAttention: SparseMode::custom and Recipe::masks belong together");
  using Problem = PromptProblem<Element>;

  [[no_unique_address]] typename Recipe::masks masks{};
  [[no_unique_address]] typename Recipe::modifiers modifiers{};

  static Status check(const Problem& p) { return check_prompt(p, LayoutTag::kind, mode); }

  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    return detail::PrefillTiles<Recipe, storage_t<Element>>::workspace(
        p.shape, Sequences::lengths(p.shape.batch, p.shape.kv_len, p.kv_lens).longest(), workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    GLINT_PASS_ON(check(p));
    return detail::run_in_mode<mode, Recipe, storage_t<Element>>(detail::tensors(p, LayoutTag::kind),
                                                                 detail::masks(p, LayoutTag::kind, mode), masks,
                                                                 modifiers, executor, workspace);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }
};

}  // namespace GLINT_ABI
}  // namespace glint

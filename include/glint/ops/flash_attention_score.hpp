// FlashAttentionScore, the training operator, forward.
//
//   out = dropout(softmax(mask(scale * (q k^T) + pse))) v
//
// Source: mindspore.ops.flash_attention_score (seed 001) and npu_fusion_attention_v2 (seed 004); operator contract,
// section 1.1.  Shapes use B batch, N heads, S rows, D head size:
//   BSH (B,S,N*D)   BSND (B,S,N,D)   SBH (S,B,N*D)   BNSD (B,N,S,D)   TND (T,N,D), T the rows of all sequences
#pragma once

#include <array>

#include "glint/ops/attention.hpp"
#include "glint/ops/score_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

// T: float, half, bfloat16, or a type that StorageOf maps to one of them.
template <class Element>
struct ScoreProblem {
  const Element* q = nullptr;  // N heads, q_len rows
  const Element* k = nullptr;  // kv_heads heads, kv_len rows
  const Element* v = nullptr;  // the same with value_dim columns
  Element* out = nullptr;      // like q with value_dim columns

  Shape shape{};
  float scale = 1;    // no default 1/sqrt(D): the operator has none
  float q_scale = 1;  // multiplies q before anything else (operators 12.14)

  // Sparse modes 0, 4, 7, 8.  Mode 0 uses them only beside a mask tensor.
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 2147483647;
  MaskTensor attn_mask{};             // modes 0 and 1: (B|1, N|1, S1, S2); mode 5: (B, N|1, S1, S2)
  std::span<const index_t> prefix{};  // modes 5 and 6: one entry for each batch entry

  PseTensor pse{};   // pse_type 0 and 1
  Slopes slopes{};   // pse_type 2 and 3
  int pse_type = 1;  // 0: scale*qk + pse; 1: scale*(qk + pse); 2, 3: slopes, distance or its square root

  const float* sink = nullptr;  // (N): one more score that every row sees, never scaled, and that has no value

  DropoutOptions dropout{};

  std::span<const index_t> q_ends{};  // TND: cumulative, without a leading zero
  std::span<const index_t> kv_ends{};

  // Saved for the gradient; null means not wanted.  One float for each row: [B][N][S1], TND [T1][N].
  // A row that sees nothing: max -FLT_MAX, sum +FLT_MAX, lse -inf.
  float* softmax_max = nullptr;
  float* softmax_sum = nullptr;
  float* lse = nullptr;  // max + ln(sum), natural logarithm
  StatsLayout stats_layout = StatsLayout::token_major;
  index_t stats_repeat = 1;  // the documents store max and sum eight times: 8
  float empty_lse = -std::numeric_limits<float>::infinity();

  // 0 high precision, 1 high performance (README, "Two precisions"); 2 asks for zero rows where nothing is seen, which
  // glint always does.
  int inner_precise = 0;
  Limits limits = Limits::none;

  // For tensors that are slices of larger ones (fused QKV); empty means what the layout says.
  Strides q_strides{}, k_strides{}, v_strides{}, out_strides{};
};

namespace detail {

template <class Element>
AttentionOptions options(const ScoreProblem<Element>& p, Layout layout) {
  constexpr DType kType = dtype_of<storage_t<Element>>;
  const Shape& s = p.shape;
  const index_t dv = s.value_size();
  Shape shape = s;
  if (layout == Layout::TND) shape.batch = static_cast<index_t>(p.q_ends.size());
  AttentionOptions o;
  o.q = {p.q, kType, strides_or(p.q_strides, layout, {s.batch, s.heads, s.q_len, s.head_dim}), s.head_dim};
  o.out = {p.out, kType, strides_or(p.out_strides, layout, {s.batch, s.heads, s.q_len, dv}), dv};
  o.shape = shape;
  o.layout = layout;
  o.q_rows = score_rules::queries(p, layout);
  o.scale = p.scale * p.q_scale;
  o.products = p.inner_precise == 1 ? Products::pairs : Products::singles;
  o.pse = p.pse;
  o.pse_factor = p.pse_type == 1 ? p.scale : 1.0F;  // added before the scale
  o.slopes = p.slopes;
  o.slope_square_root = p.pse_type == 3;
  o.dropout = p.dropout;
  o.sink = p.sink;
  o.sink_type = DType::f32;
  o.softmax_max = p.softmax_max;
  o.softmax_sum = p.softmax_sum;
  o.lse = p.lse;
  o.stats_layout = p.stats_layout;
  o.stats_repeat = p.stats_repeat;
  o.empty_lse = p.empty_lse;
  return o;
}

template <class Element>
TensorKeys<storage_t<Element>> keys(const ScoreProblem<Element>& p, Layout layout) {
  const Shape& s = p.shape;
  const index_t heads = s.kv_head_count(), dv = s.value_size();
  return {{as_storage(p.k), strides_or(p.k_strides, layout, {s.batch, heads, s.kv_len, s.head_dim}), s.head_dim},
          {as_storage(p.v), strides_or(p.v_strides, layout, {s.batch, heads, s.kv_len, dv}), dv},
          score_rules::keys(p, layout),
          layout == Layout::TND};
}

template <class Element>
StaircaseAndDenseOf masks(const ScoreProblem<Element>& p, Layout layout, SparseMode mode) {
  const bool tokens_act = mode != SparseMode::default_mask || static_cast<bool>(p.attn_mask);
  const bool prefix_acts = mode == SparseMode::prefix_compressed ||
                           (mode == SparseMode::prefix && static_cast<bool>(score_rules::prefix_list(p, layout)));
  StaircaseAndDenseOf masks;
  masks.stairs.mode = mode;
  if (tokens_act) masks.stairs.tokens = {p.pre_tokens, p.next_tokens};
  if (prefix_acts) masks.stairs.prefix = p.prefix;
  if (layout == Layout::TND) masks.stairs.band_entry = band_entry(mode, Sequences::ends(p.q_ends));
  const MaskTensor& m = p.attn_mask;
  const index_t matrix = m.rows * m.columns;
  masks.dense = {m.data, m.batch == 1 ? 0 : m.heads * matrix, m.heads == 1 ? 0 : matrix, m.columns, size_of(m.dtype)};
  return masks;
}

struct ScoreDims {
  Dims q, k, v, out;
};

template <class Element>
ScoreDims dims(const ScoreProblem<Element>& p, Layout layout) {
  const Shape& s = p.shape;
  const index_t dv = s.value_size(), kv_heads = s.kv_head_count(), batch = layout == Layout::TND ? 1 : s.batch;
  return {.q = {batch, s.heads, s.q_len, s.head_dim},
          .k = {batch, kv_heads, s.kv_len, s.head_dim},
          .v = {batch, kv_heads, s.kv_len, dv},
          .out = {batch, s.heads, s.q_len, dv}};
}

// What the forward reads, and what it writes and the gradient reads.
template <class Element>
std::array<Extent, 8> input_extents(const ScoreProblem<Element>& p, Layout layout) {
  const ScoreDims d = dims(p, layout);
  const auto kv = keys(p, layout);
  return {slice_extent(p.q, options(p, layout).q.strides, d.q),
          slice_extent(p.k, kv.k.strides, d.k),
          slice_extent(p.v, kv.v.strides, d.v),
          mask_extent(p.attn_mask),
          pse_extent(p.pse),
          extent(p.slopes.data, p.slopes.batch * d.q.heads),
          extent(p.sink, d.q.heads),
          extent(p.dropout.mask.data(), static_cast<index_t>(p.dropout.mask.size()))};
}
template <class Element>
std::array<Extent, 4> output_extents(const ScoreProblem<Element>& p, Layout layout) {
  const Dims out = dims(p, layout).out;
  const index_t rows = out.batch * out.heads * out.rows;
  return {slice_extent(p.out, options(p, layout).out.strides, out), extent(p.softmax_max, rows * p.stats_repeat),
          extent(p.softmax_sum, rows * p.stats_repeat), extent(p.lse, rows)};
}

template <class Element>
Status memory(const ScoreProblem<Element>& p, Layout layout) {
  const ScoreDims d = dims(p, layout);
  if (d.q.batch == 0 || d.q.rows == 0) return Status::ok();  // nothing is read or written
  GLINT_REQUIRE(p.q != nullptr, Code::null_query, "query must not be null", 0, 1);
  GLINT_REQUIRE(p.k != nullptr || d.k.rows == 0, Code::null_key, "key must not be null", 0, 1);
  GLINT_REQUIRE(p.v != nullptr || d.v.rows == 0, Code::null_value, "value must not be null", 0, 1);
  GLINT_REQUIRE(p.out != nullptr, Code::null_output, "attention_out must not be null", 0, 1);
  GLINT_PASS_ON(rules::strides(p.q_strides, d.q.dim));
  GLINT_PASS_ON(rules::strides(p.k_strides, d.k.dim));
  GLINT_PASS_ON(rules::strides(p.v_strides, d.v.dim));
  GLINT_PASS_ON(rules::output_strides(p.out_strides, d.out));
  return rules::apart(output_extents(p, layout), input_extents(p, layout));
}

}  // namespace detail

// Is the problem legal?  Pure and public, so that a scheduler can ask in advance; operator() asks by itself.
template <class Element>
Status check_score(const ScoreProblem<Element>& p, Layout layout, SparseMode mode) {
  GLINT_PASS_ON(rules::shape(p.shape));
  GLINT_PASS_ON(rules::scale(p.scale));
  GLINT_PASS_ON(rules::scale(p.q_scale));
  GLINT_PASS_ON(rules::scale(p.scale * p.q_scale));
  GLINT_PASS_ON(score_rules::sequences(p, layout));
  GLINT_PASS_ON(score_rules::mode(mode, layout));
  GLINT_PASS_ON(score_rules::prefix(p, mode, layout));
  GLINT_PASS_ON(score_rules::mask(p, mode, layout));
  GLINT_PASS_ON(score_rules::tokens(p, mode, layout));
  GLINT_PASS_ON(score_rules::pse(p, mode, layout, dtype_of<storage_t<Element>>));
  GLINT_PASS_ON(score_rules::dropout(p, layout));
  GLINT_REQUIRE(p.inner_precise >= 0 && p.inner_precise <= 2, Code::inner_precise_range,
                "inner_precise must be 0, 1 or 2", p.inner_precise, 2);
  GLINT_REQUIRE(p.stats_repeat >= 1, Code::stats_shape_mismatch, "stats_repeat must be at least 1", p.stats_repeat, 1);
  GLINT_PASS_ON(score_rules::ascend(p, mode, layout, dtype_of<storage_t<Element>>));
  return detail::memory(p, layout);
}

// The functor.  LayoutTag: layout::BSH, BSND, SBH, BNSD or TND.  The sparse mode is authoritative: modes 2 to 4 and 6
// to 8 imply their triangle or band, and no 2048 x 2048 tensor is ever needed.  Same bits for any executor.
template <class LayoutTag, class Element, SparseMode mode = SparseMode::default_mask, class Recipe = recipe::Default>
struct FlashAttentionScore {
  static_assert(is_tensor_element<Element>,
                "glint::FlashAttentionScore: the element type must be float, half or bfloat16");
  static_assert((mode == SparseMode::custom) != std::is_same_v<typename Recipe::masks, MaskFromMode>,
                "glint::FlashAttentionScore: SparseMode::custom and Recipe::masks belong together");
  using Problem = ScoreProblem<Element>;

  [[no_unique_address]] typename Recipe::masks masks{};
  [[no_unique_address]] typename Recipe::modifiers modifiers{};

  static Status check(const Problem& p) { return check_score(p, LayoutTag::kind, mode); }

  // Bytes of scratch for `workers` workers of an executor.
  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    return detail::prefill_workspace<Recipe>(detail::options(p, LayoutTag::kind), detail::keys(p, LayoutTag::kind),
                                             workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    GLINT_PASS_ON(check(p));
    constexpr Layout kLayout = LayoutTag::kind;
    return detail::run_in_mode<mode, Recipe>(detail::options(p, kLayout), detail::keys(p, kLayout),
                                             detail::masks(p, kLayout, mode), masks, modifiers, executor, workspace);
  }

  // The same with one allocation for the workspace.
  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }
};

}  // namespace GLINT_ABI
}  // namespace glint

// IncreFlashAttention: decode, one new query row for each batch entry against its cache.
//
//   out = softmax(mask(scale * (q k^T) + pse_shift)) v
//
// Source: mindspore.ops.incre_flash_attention (seed 000) and npu_incre_flash_attention (seed 003); operator contract,
// sections 1.5 and 3.  Layouts BSH, BNSD and BSND.  The heads of a GQA group are the rows of one tile: the cache is
// read once for all of them.
#pragma once

#include "glint/ops/prompt_flash_attention.hpp"

namespace glint {
inline namespace GLINT_ABI {

// How the cache is passed to IncreFlashAttention, by its kind of source.
template <class Kv>
struct KvCache;
template <class Element>
struct KvCache<kv::Contiguous<Element>> {
  const Element* k = nullptr;  // kv_heads heads, kv_len rows, in the layout of q
  const Element* v = nullptr;
  Strides k_strides{}, v_strides{};  // empty: what the layout says
};

template <class Element, class Kv = kv::Contiguous<Element>>
struct IncreProblem {
  const Element* q = nullptr;  // one row for each batch entry
  KvCache<Kv> kv{};
  Element* out = nullptr;

  Shape shape{.q_len = 1};  // kv_len: the rows that the cache has room for
  float scale = 1;

  MaskTensor attn_mask{};              // (B|1, 1, 1, S2)
  PseTensor pse_shift{};               // (B|1, N|1, 1, S2), added after the scale
  std::span<const index_t> kv_lens{};  // actual lengths: empty, 1 or B entries

  float* lse = nullptr;  // [B][N]; a row that sees nothing: -inf
  float empty_lse = -std::numeric_limits<float>::infinity();

  int inner_precise = 1;  // 0 high precision, 1 high performance: the same here, where memory sets the pace
  Limits limits = Limits::none;

  Strides q_strides{}, out_strides{};
};

namespace detail {

template <class Element>
AttentionTensors<storage_t<Element>> tensors(const IncreProblem<Element>& p, Layout layout) {
  const Shape& s = p.shape;
  const index_t kv_heads = s.kv_head_count(), dv = s.value_size();
  return {.q = {as_storage(p.q), strides_or(p.q_strides, layout, {s.batch, s.heads, 1, s.head_dim}), s.head_dim},
          .k = {as_storage(p.kv.k), strides_or(p.kv.k_strides, layout, {s.batch, kv_heads, s.kv_len, s.head_dim}),
                s.head_dim},
          .v = {as_storage(p.kv.v), strides_or(p.kv.v_strides, layout, {s.batch, kv_heads, s.kv_len, dv}), dv},
          .out = {as_storage(p.out), strides_or(p.out_strides, layout, {s.batch, s.heads, 1, dv}), dv},
          .shape = s,
          .layout = layout,
          .q_rows = Sequences::uniform(s.batch, 1),
          .kv_rows = Sequences::lengths(s.batch, s.kv_len, p.kv_lens),
          .scale = p.scale,
          .pse = p.pse_shift,
          .lse = p.lse,
          .empty_lse = p.empty_lse};
}

// One HeadWork for each (batch, kv head): its rows are the query heads of the group.
template <class Element>
class DecodePlan {
 public:
  using Head = HeadWork<Element, mask::OneRow<mask::Dense>>;

  DecodePlan(const AttentionTensors<Element>& tensors, const MaskTensor& mask) : t_(tensors), mask_(mask) {}

  index_t groups() const { return t_.shape.batch * t_.shape.kv_head_count(); }
  index_t heads_per_group() const { return 1; }
  index_t max_rows() const { return t_.shape.heads / t_.shape.kv_head_count(); }
  index_t max_keys() const { return t_.kv_rows.longest(); }
  index_t head_dim() const { return t_.shape.head_dim; }
  index_t value_dim() const { return t_.shape.value_size(); }
  static constexpr Products products() { return Products::singles; }

  Head head(index_t group, index_t) const {
    const index_t kv_heads = t_.shape.kv_head_count(), rows = max_rows(), keys = t_.kv_rows.length(group / kv_heads);
    const index_t batch = group / kv_heads, kv_head = group % kv_heads, first = kv_head * rows;
    RowStats stats{.lse = t_.lse == nullptr ? nullptr : t_.lse + batch * t_.shape.heads + first};
    stats.empty_lse = t_.empty_lse;
    const std::uint8_t* const drop = mask_ ? mask_.data + (mask_.batch == 1 ? 0 : batch * mask_.columns) : nullptr;
    return {.q = {t_.q.at(batch, first, 0), rows, t_.q.strides.head, t_.q.dim},
            .kv = {t_.k.head(batch, kv_head, 0, keys), t_.v.head(batch, kv_head, 0, keys)},
            .out = {t_.out.at(batch, first, 0), rows, t_.out.strides.head, t_.out.dim},
            .scale = t_.scale,
            .mask = {{drop, mask_.columns, 1, keys}, rows},
            .bias = bias(batch, first),
            .stats = stats};
  }

 private:
  Bias bias(index_t batch, index_t first) const {
    const PseTensor& p = t_.pse;
    if (!p) return {};
    const index_t element = (p.batch == 1 ? 0 : batch * p.heads * p.columns) + (p.heads == 1 ? 0 : first * p.columns);
    return {.data = static_cast<const char*>(p.data) + element * size_of(p.dtype),
            .dtype = p.dtype,
            .row_stride = p.heads == 1 ? 0 : p.columns};
  }

  AttentionTensors<Element> t_;
  MaskTensor mask_;
};

}  // namespace detail

template <class Element>
Status check_incre(const IncreProblem<Element>& p, Layout layout) {
  GLINT_PASS_ON(rules::shape(p.shape));
  GLINT_PASS_ON(rules::scale(p.scale));
  GLINT_REQUIRE(layout == Layout::BSH || layout == Layout::BNSD || layout == Layout::BSND,
                Code::layout_not_for_operator, "incre_flash_attention knows the layouts BSH, BNSD and BSND", layout,
                Layout::BSH);
  GLINT_REQUIRE(p.shape.q_len == 1, Code::query_not_one_token, "incre_flash_attention takes one query row",
                p.shape.q_len, 1);
  GLINT_PASS_ON(rules::lengths(p.kv_lens, p.shape.batch, p.shape.kv_len, rules::LengthList::exact));
  if (p.attn_mask) {
    GLINT_REQUIRE(p.attn_mask.heads == 1, Code::mask_shape, "attn_mask must have 1 as its head axis", p.attn_mask.heads,
                  1);
    GLINT_PASS_ON(rules::mask_shape(p.attn_mask, p.shape, 1, p.shape.kv_len, false));
  }
  if (p.pse_shift) {
    GLINT_REQUIRE(p.pse_shift.dtype == dtype_of<storage_t<Element>>, Code::dtype_pse,
                  "pse_shift must have the data type of query", p.pse_shift.dtype, dtype_of<storage_t<Element>>);
    GLINT_REQUIRE(p.pse_shift.form == PseForm::dense, Code::pse_shape, "pse_shift is a dense tensor", 1, 0);
    GLINT_PASS_ON(rules::pse_shape(p.pse_shift, p.shape, 1, p.shape.kv_len));
  }
  GLINT_REQUIRE(p.inner_precise == 0 || p.inner_precise == 1, Code::inner_precise_range, "inner_precise must be 0 or 1",
                p.inner_precise, 1);
  if (p.limits == Limits::ascend) {
    GLINT_PASS_ON(detail::ascend_inference(p.shape, dtype_of<storage_t<Element>>, detail::kIncreMaxima));
    GLINT_REQUIRE(!p.pse_shift || p.shape.head_dim % 16 == 0, Code::limit_pse_head_dim,
                  "ascend: pse_shift needs a head size that is a multiple of 16", p.shape.head_dim, 16);
  }
  return detail::inference_memory(detail::tensors(p, layout), p.attn_mask);
}

// The functor.  Kv: how the cache is stored; kv::Contiguous<T> for now.
template <class LayoutTag, class Element, class Kv = kv::Contiguous<Element>, class Recipe = recipe::Default>
struct IncreFlashAttention {
  static_assert(is_tensor_element<Element>,
                "glint::IncreFlashAttention: the element type must be float, half or bfloat16");
  static_assert(std::is_same_v<Kv, kv::Contiguous<Element>>,
                "glint::IncreFlashAttention: the cache must be kv::Contiguous of the query's element type");
  using Problem = IncreProblem<Element, Kv>;

  static Status check(const Problem& p) { return check_incre(p, LayoutTag::kind); }

  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    return detail::DecodeTiles<Recipe>::workspace(
        p.shape, p.shape.heads / p.shape.kv_head_count(),
        Sequences::lengths(p.shape.batch, p.shape.kv_len, p.kv_lens).longest(), workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    GLINT_PASS_ON(check(p));
    const detail::DecodePlan plan(detail::tensors(p, LayoutTag::kind), p.attn_mask);
    return detail::DecodeTiles<Recipe>::run(plan, executor, workspace);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }
};

}  // namespace GLINT_ABI
}  // namespace glint

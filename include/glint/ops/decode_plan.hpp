// A decode problem as the kernel asks for it: head by head, with layouts, kinds of cache and modes resolved.
#pragma once

#include "glint/kernel/decode.hpp"
#include "glint/ops/decode_problem.hpp"
#include "glint/policy/recipe.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

template <class Element>
class IncrePlan {
 public:
  using Stored = Element;

  explicit IncrePlan(const DecodeProblem& problem) : p_(problem) {}

  index_t heads() const { return p_.shape.batch * kv_heads(); }
  index_t keys(index_t i) const { return p_.keys(i / kv_heads()); }
  decode::Extents extents() const {
    return {group() * p_.shape.q_len, p_.shape.q_len, p_.shape.head_dim, p_.rope_dim, p_.shape.value_size()};
  }

  decode::Head<Stored> head(index_t i) const {
    const index_t batch = i / kv_heads(), kv_head = i % kv_heads(), first = kv_head * group();
    decode::Head<Stored> head;
    head.heads = group();
    head.q_len = p_.shape.q_len;
    head.q = query(p_.q, p_.q_strides, p_.shape.head_dim, batch, first);
    head.kv = cache(p_.k, p_.v, p_.prefix_k, p_.prefix_v, batch, kv_head);
    if (p_.rope_dim > 0) {
      head.q_rope = query(p_.q_rope, p_.q_rope_strides, p_.rope_dim, batch, first);
      head.rope = cache(p_.k_rope, p_.k_rope, p_.prefix_k_rope, p_.prefix_k_rope, batch, kv_head);
    }
    head.scale = p_.scale;
    head.mask = mask(batch);
    head.bias = bias(batch, first);
    head.k_factors = factors(p_.k_antiquant, p_.shape.head_dim, batch, kv_head);
    head.v_factors = factors(p_.v_antiquant, p_.shape.value_size(), batch, kv_head);
    head.first_column = p_.first_row(batch);
    head.sink = NumberRef{p_.sink, p_.q_type}.from(first);
    head.out = output(batch, first);
    head.post_quant = post_quant(first);
    if (p_.lse != nullptr) head.lse = p_.lse + (batch * p_.shape.heads + first) * p_.shape.q_len;
    head.empty_lse = p_.empty_lse;
    head.fast = p_.inner_precise == 1;
    return head;
  }

 private:
  index_t kv_heads() const { return p_.shape.kv_head_count(); }
  index_t group() const { return p_.shape.heads / kv_heads(); }

  decode::QueryRows query(const void* data, const Strides& strides, index_t dim, index_t batch, index_t first) const {
    return {NumberRef{data, p_.q_type}.from(batch * strides.batch + first * strides.head), strides.head, strides.row,
            dim};
  }

  static const Stored* at(const void* data, index_t element) {
    return data == nullptr ? nullptr : static_cast<const Stored*>(data) + element;
  }

  // One tensor's rows of one head, as pages: one tensor is one page.
  struct Rows {
    const Stored* data;
    index_t block, row;
  };
  Rows rows(const CacheTensor& t, index_t batch, index_t kv_head) const {
    if (p_.kind == CacheKind::paged) return {at(t.data, kv_head * t.strides.head), t.strides.batch, t.strides.row};
    const index_t first = p_.first_row(batch);
    if (p_.kind != CacheKind::list)
      return {at(t.data, batch * t.strides.batch + kv_head * t.strides.head + first * t.strides.row), 0, t.strides.row};
    const CacheTensor own = cache_tensor(p_, t.list[batch], {}, 1, p_.list_rows[batch], t.dim);
    return {at(own.data, kv_head * own.strides.head), 0, own.strides.row};
  }

  decode::Cache<Stored> cache(const CacheTensor& k, const CacheTensor& v, const CacheTensor& prefix_k,
                              const CacheTensor& prefix_v, index_t batch, index_t kv_head) const {
    static constexpr std::int32_t kOnePage[1] = {0};
    const index_t keys = p_.own_keys(batch);
    const bool paged = p_.kind == CacheKind::paged;
    const Rows own_k = rows(k, batch, kv_head), own_v = rows(v, batch, kv_head);
    decode::Cache<Stored> cache;
    cache.prefix = {prefix(prefix_k, kv_head), prefix(prefix_v, kv_head)};
    cache.own = {.k = own_k.data,
                 .v = own_v.data,
                 .k_block_stride = own_k.block,
                 .v_block_stride = own_v.block,
                 .k_stride = own_k.row,
                 .v_stride = own_v.row,
                 .table = paged ? p_.block_table + batch * p_.max_blocks : kOnePage,
                 .block_size = paged      ? p_.block_size
                               : keys > 0 ? keys
                                          : 1,
                 .keys = keys};
    return cache;
  }
  HeadView<const Stored> prefix(const CacheTensor& t, index_t kv_head) const {
    return {at(t.data, kv_head * t.strides.head), p_.prefix_length, t.strides.row, t.dim};
  }

  // Columns of mask, bias and factors count the rows of a padded cache.
  decode::RowMask mask(index_t batch) const {
    const MaskTensor& m = p_.mask;
    decode::RowMask mask{.q_len = p_.shape.q_len, .keys = p_.keys(batch)};
    if (m) {
      mask.drop = m.data + (m.batch == 1 ? 0 : batch * m.rows * m.columns) + p_.first_row(batch);
      mask.drop_stride = m.rows == 1 ? 0 : m.columns;
    }
    mask.causal = p_.draft == DraftMask::causal;
    if (p_.draft == DraftMask::tree)
      mask.tree = p_.tree.data + (p_.tree.batch == 1 ? 0 : batch * p_.tree.rows * p_.tree.columns);
    return mask;
  }

  decode::RowBias bias(index_t batch, index_t first) const {
    const PseTensor& b = p_.pse;
    if (!b) return {};
    const index_t matrix = b.rows * b.columns;
    const index_t start = (b.batch == 1 ? 0 : batch * b.heads * matrix) + (b.heads == 1 ? 0 : first * matrix);
    return {NumberRef{b.data, b.dtype}.from(start + p_.first_row(batch)), b.heads == 1 ? 0 : matrix,
            b.rows == 1 ? 0 : b.columns};
  }

  // operators 4.3.
  decode::Factors factors(const Antiquant& a, index_t dim, index_t batch, index_t kv_head) const {
    using Kind = decode::Factors::Kind;
    if (!a) return {};
    const auto from = [&](Kind kind, index_t element, index_t block_stride = 0) -> decode::Factors {
      return {kind, NumberRef{a.scale, a.dtype}.from(element), NumberRef{a.offset, a.dtype}.from(element),
              block_stride};
    };
    const index_t heads = kv_heads();
    switch (a.mode) {
      case AntiquantMode::per_channel: return a.single ? from(Kind::single, 0) : from(Kind::channel, kv_head * dim);
      case AntiquantMode::per_head: return from(Kind::single, kv_head);
      case AntiquantMode::per_token: return from(Kind::token, batch * a.columns);
      case AntiquantMode::per_token_head: return from(Kind::token, (batch * heads + kv_head) * a.columns);
      case AntiquantMode::per_token_paged: return from(Kind::token_paged, 0, p_.block_size);
      case AntiquantMode::per_token_head_paged: break;
    }
    return from(Kind::token_paged, kv_head * p_.block_size, heads * p_.block_size);
  }

  decode::OutputRows output(index_t batch, index_t first) const {
    const DType dtype = p_.out_is_int8 ? DType::i8 : p_.q_type;
    const index_t element = batch * p_.out_strides.batch + first * p_.out_strides.head;
    return {static_cast<char*>(p_.out) + element * size_of(dtype), dtype, p_.out_strides.head, p_.out_strides.row,
            p_.shape.value_size()};
  }

  decode::OutputFactors post_quant(index_t first) const {
    const PostQuant& q = p_.post_quant;
    if (!q) return {};
    const bool single = q.channels == 1;
    const index_t dim = p_.shape.value_size(), start = single ? 0 : first * dim;
    return {NumberRef{q.scale, q.dtype}.from(start), NumberRef{q.offset, q.dtype}.from(start), single ? 0 : 1,
            single ? 0 : dim};
  }

  DecodeProblem p_;
};

// use(plan) with the plan for the cache's type.  Only: the one type it can have, or void if that is known at run time
// alone.
template <class Only, class Use>
auto with_plan(const DecodeProblem& p, const Use& use) {
  if constexpr (!std::is_void_v<Only>) {
    return use(IncrePlan<Only>(p));
  } else {
    switch (p.cache_type) {
      case DType::f16: return use(IncrePlan<half>(p));
      case DType::bf16: return use(IncrePlan<bfloat16>(p));
      case DType::i8: return use(IncrePlan<std::int8_t>(p));
      case DType::i4: return use(IncrePlan<int4x2>(p));
      default: return use(IncrePlan<float>(p));
    }
  }
}

template <class Recipe, class Only = void>
index_t decode_workspace(const DecodeProblem& p, index_t workers) {
  return with_plan<Only>(
      p, [&](const auto& plan) { return decode::workspace_bytes(plan, Recipe::decode_split, workers); });
}

template <class Recipe, class Only = void, class Pool>
Status run_decode(const DecodeProblem& p, Pool& executor, std::span<std::byte> workspace) {
  static_assert(Recipe::decode_split > 0 && Recipe::decode_split % decode::kKeys == 0,
                "glint: Recipe::decode_split must be a multiple of 256");
  return with_plan<Only>(
      p, [&](const auto& plan) { return decode::run(plan, Recipe::decode_split, executor, workspace); });
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

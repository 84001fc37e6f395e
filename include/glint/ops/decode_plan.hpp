// A decode problem as the kernel asks for it: head by head, with layouts, kinds of cache and modes resolved.
#pragma once

#include "glint/kernel/decode.hpp"
#include "glint/ops/cache_plan.hpp"
#include "glint/policy/recipe.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

template <class Element>
class IncrePlan {
 public:
  using Stored = Element;

  explicit IncrePlan(const InferenceProblem& problem) : p_(problem), keys_(problem) {}

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
    head.kv = keys_.cache(batch, kv_head);
    if (p_.rope_dim > 0) {
      head.q_rope = query(p_.q_rope, p_.q_rope_strides, p_.rope_dim, batch, first);
      head.rope = keys_.rope(batch, kv_head);
    }
    head.scale = p_.scale;
    head.mask = mask(batch);
    head.bias = bias(batch, first);
    head.k_factors = keys_.k_factors(batch, kv_head);
    head.v_factors = keys_.v_factors(batch, kv_head);
    head.first_column = p_.first_column(batch);
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

  // Columns of mask, bias and factors count the rows of a padded cache.
  decode::RowMask mask(index_t batch) const {
    const MaskTensor& m = p_.mask;
    decode::RowMask mask{.q_len = p_.shape.q_len, .keys = p_.keys(batch)};
    if (m) {
      mask.drop = m.data + (m.batch == 1 ? 0 : batch * m.rows * m.columns) + p_.first_column(batch);
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
    return {NumberRef{b.data, b.dtype}.from(start + p_.first_column(batch)), b.heads == 1 ? 0 : matrix,
            b.rows == 1 ? 0 : b.columns};
  }

  decode::OutputRows output(index_t batch, index_t first) const {
    const DType dtype = p_.out_is_int8 ? DType::i8 : p_.q_type;
    const index_t element = batch * p_.out_strides.batch + first * p_.out_strides.head;
    return {static_cast<char*>(p_.out) + element * size_of(dtype), dtype, p_.out_strides.head, p_.out_strides.row,
            p_.shape.value_size()};
  }

  OutputFactors post_quant(index_t first) const {
    const PostQuant& q = p_.post_quant;
    if (!q) return {};
    const bool single = q.channels == 1;
    const index_t dim = p_.shape.value_size(), start = single ? 0 : first * dim;
    return {NumberRef{q.scale, q.dtype}.from(start), NumberRef{q.offset, q.dtype}.from(start), single ? 0 : 1,
            single ? 0 : dim};
  }

  InferenceProblem p_;
  CacheKeys<Stored> keys_;
};

template <class Recipe, class Stored>
index_t keys_of_part(const InferenceProblem& p) {
  return recipe::split_of(Recipe::decode_split, dtype_of<Stored>, p.shape.head_dim);
}

template <class Recipe, class Only = void>
index_t decode_workspace(const InferenceProblem& p, index_t workers) {
  return with_stored<Only>(p, [&](auto stored) {
    using Stored = decltype(stored);
    return decode::workspace_bytes(IncrePlan<Stored>(p), keys_of_part<Recipe, Stored>(p), workers);
  });
}

template <class Recipe, class Only = void, class Pool>
Status run_decode(const InferenceProblem& p, Pool& executor, std::span<std::byte> workspace) {
  static_assert(recipe::are_whole_parts(Recipe::decode_split, decode::kKeys),
                "glint: Recipe::decode_split, or a tuning table's, must be a multiple of 256");
  return with_stored<Only>(p, [&](auto stored) {
    using Stored = decltype(stored);
    return decode::run(IncrePlan<Stored>(p), keys_of_part<Recipe, Stored>(p), executor, workspace);
  });
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

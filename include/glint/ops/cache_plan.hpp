// The keys of an inference problem, head by head, as both kernels read them: wherever they lie they become a prefix and
// pages, with the factors of integers beside them.
#pragma once

#include "glint/ops/inference_problem.hpp"
#include "glint/policy/quantization.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

// multiply_bytes: the queries are int8 too, and are multiplied with the keys as they are.
template <class Element, bool multiply_bytes = false>
class CacheKeys {
 public:
  using element = Element;
  using Stored = Element;
  static constexpr bool kBytes = multiply_bytes;

  explicit CacheKeys(const InferenceProblem& problem) : p_(problem) {}

  // As AttentionPlan asks for them; first_column: operators 5.
  index_t length(index_t b) const { return p_.keys(b); }
  index_t longest() const { return p_.longest(); }
  index_t first_column(index_t b) const { return p_.first_column(b); }
  bool stages(index_t keys) const {
    const bool pages_split = p_.kind == CacheKind::paged && p_.block_size % keys != 0;
    return !std::is_same_v<Stored, float> || pages_split || p_.prefix_length % keys != 0;
  }
  template <class Head>
  void place(index_t batch, index_t kv_head, Head& head) const {
    head.kv = cache(batch, kv_head);
    if (p_.rope_dim > 0) head.rope = rope(batch, kv_head);
    if (kBytes) return;
    head.k_factors = k_factors(batch, kv_head);
    head.v_factors = v_factors(batch, kv_head);
    head.first_column = first_column(batch);
  }

  kv::Cache<Stored> cache(index_t batch, index_t kv_head) const {
    return cache(p_.k, p_.v, p_.prefix_k, p_.prefix_v, batch, kv_head);
  }
  kv::Cache<Stored> rope(index_t batch, index_t kv_head) const {
    return cache(p_.k_rope, p_.k_rope, p_.prefix_k_rope, p_.prefix_k_rope, batch, kv_head);
  }
  CacheFactors k_factors(index_t batch, index_t kv_head) const {
    return factors(p_.k_antiquant, p_.shape.head_dim, batch, kv_head);
  }
  CacheFactors v_factors(index_t batch, index_t kv_head) const {
    return factors(p_.v_antiquant, p_.shape.value_size(), batch, kv_head);
  }

 private:
  static const Stored* at(const void* data, index_t first) {
    return data == nullptr ? nullptr : static_cast<const Stored*>(data) + first;
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
      return {
          at(t.data, (p_.ragged() ? 0 : batch * t.strides.batch) + kv_head * t.strides.head + first * t.strides.row), 0,
          t.strides.row};
    const CacheTensor own = cache_tensor(p_, t.list[batch], {}, 1, p_.list_rows[batch], t.dim);
    return {at(own.data, kv_head * own.strides.head), 0, own.strides.row};
  }

  kv::Cache<Stored> cache(const CacheTensor& k, const CacheTensor& v, const CacheTensor& prefix_k,
                          const CacheTensor& prefix_v, index_t batch, index_t kv_head) const {
    static constexpr std::int32_t kOnePage[1] = {0};
    const index_t keys = p_.own_keys(batch);
    const bool paged = p_.kind == CacheKind::paged;
    const Rows own_k = rows(k, batch, kv_head), own_v = rows(v, batch, kv_head);
    kv::Cache<Stored> cache;
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

  // operators 4.3.
  CacheFactors factors(const Antiquant& a, index_t dim, index_t batch, index_t kv_head) const {
    using Kind = CacheFactors::Kind;
    if (!a) return {};
    const auto from = [&](Kind kind, index_t first, index_t block_stride = 0) -> CacheFactors {
      return {kind, NumberRef{a.scale, a.dtype}.from(first), NumberRef{a.offset, a.dtype}.from(first), block_stride};
    };
    const index_t heads = p_.shape.kv_head_count();
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

  InferenceProblem p_;
};

// use(Stored{}) with the type of the cache.  Only: the one type it can have, or void if that is known at run time
// alone.
template <class Only, class Use>
auto with_stored(const InferenceProblem& p, const Use& use) {
  if constexpr (!std::is_void_v<Only>) {
    return use(Only{});
  } else {
    switch (p.cache_type) {
      case DType::f16: return use(half{});
      case DType::bf16: return use(bfloat16{});
      case DType::i8: return use(std::int8_t{});
      case DType::i4: return use(int4x2{});
      default: return use(float{});
    }
  }
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

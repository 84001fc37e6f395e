// One decode call with its types erased: both doors fill this, the rules (incre_rules.hpp) read it, and the plan
// (decode_plan.hpp) hands it to the kernel head by head.  What depends on the type of q or out happens once for each
// row, not for each key, so only the type of the cache reaches a template.
#pragma once

#include "glint/ops/incre_problem.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

enum class CacheKind : std::uint8_t { contiguous, left_padded, paged, list };

// K, V or the rope part of K.  Strides count elements of storage; for pages, batch is the stride between blocks.
struct CacheTensor {
  const void* data = nullptr;
  const void* const* list = nullptr;  // CacheKind::list: one pointer for each entry
  Strides strides{};
  index_t dim = 0;  // numbers in a row
};

struct DecodeProblem {
  DType q_type = DType::none, cache_type = DType::none;
  Layout layout = Layout::BSH;
  Shape shape{};

  const void* q = nullptr;
  const void* q_rope = nullptr;
  Strides q_strides{}, q_rope_strides{};
  index_t rope_dim = 0;

  CacheKind kind = CacheKind::contiguous;
  CacheTensor k{}, v{}, k_rope{};
  index_t padding = 0;                        // left_padded; not negative
  const std::int32_t* block_table = nullptr;  // paged
  index_t max_blocks = 0, block_size = 0, blocks = 0;
  PageLayout pages = PageLayout::token_major;
  index_t list_size = 0;
  const index_t* list_rows = nullptr;  // list

  CacheTensor prefix_k{}, prefix_v{}, prefix_k_rope{};  // data null: none
  index_t prefix_rows = 0, prefix_length = 0;

  void* out = nullptr;  // of q_type, or int8 with post_quant
  Strides out_strides{};
  bool out_is_int8 = false;

  float scale = 1;
  MaskTensor mask{};
  PseTensor pse{};
  std::span<const index_t> kv_lens{};
  DraftMask draft = DraftMask::none;
  MaskTensor tree{};
  Antiquant k_antiquant{}, v_antiquant{};
  PostQuant post_quant{};
  const void* sink = nullptr;  // [N], of q_type
  float* lse = nullptr;
  float empty_lse = -std::numeric_limits<float>::infinity();
  int inner_precise = 1;
  Limits limits = Limits::none;

  // Rows that entry b's own cache has room for.
  index_t capacity(index_t b) const {
    if (kind == CacheKind::paged) return max_blocks * block_size;
    return kind == CacheKind::list ? list_rows[b] : shape.kv_len;
  }
  // Keys of entry b's own cache that count: its actual length, and none where left padding leaves no room.
  index_t own_keys(index_t b) const {
    if (kv_lens.empty()) return capacity(b);
    const index_t length = kv_lens[kv_lens.size() == 1 ? 0 : static_cast<std::size_t>(b)];
    return kind == CacheKind::left_padded && shape.kv_len - padding - length < 0 ? 0 : length;
  }
  // Rows before entry b's first key, and before its columns of mask, pse_shift and per-token factors.
  index_t first_row(index_t b) const {
    return kind == CacheKind::left_padded && own_keys(b) > 0 ? shape.kv_len - padding - own_keys(b) : 0;
  }
  index_t keys(index_t b) const { return prefix_length + own_keys(b); }
};

// A problem's operands that do not depend on where its cache lies.
template <class Element, class Kv>
DecodeProblem erase_operands(const IncreProblem<Element, Kv>& p, Layout layout) {
  const Shape& s = p.shape;
  using Stored = storage_t<typename Kv::element>;
  DecodeProblem d;
  d.q_type = dtype_of<storage_t<Element>>;
  d.cache_type = dtype_of<Stored>;
  d.layout = layout;
  d.shape = s;
  d.q = p.q;
  d.q_strides = strides_or(p.q_strides, layout, {s.batch, s.heads, s.q_len, s.head_dim});
  d.q_rope = p.q_rope;
  d.rope_dim = p.rope_dim;
  d.q_rope_strides = strides_or(p.q_rope_strides, layout, {s.batch, s.heads, s.q_len, p.rope_dim});
  d.out_is_int8 = p.out_int8 != nullptr;
  d.out = d.out_is_int8 ? static_cast<void*>(p.out_int8) : static_cast<void*>(p.out);
  d.out_strides = strides_or(p.out_strides, layout, {s.batch, s.heads, s.q_len, s.value_size()});
  d.scale = p.scale;
  d.mask = p.attn_mask;
  d.pse = p.pse_shift;
  d.kv_lens = p.kv_lens;
  d.draft = p.draft;
  d.tree = p.draft_tree;
  d.k_antiquant = p.k_antiquant;
  d.v_antiquant = p.v_antiquant;
  d.post_quant = p.post_quant;
  d.sink = p.learnable_sink;
  d.lse = p.lse;
  d.empty_lse = p.empty_lse;
  d.inner_precise = p.inner_precise;
  d.limits = p.limits;
  return d;
}

// Strides of `rows` rows of `dim` numbers for each kv head, in elements of storage.
template <class Stored>
Strides cache_strides(Strides given, Layout layout, index_t batch, index_t heads, index_t rows, index_t dim) {
  return strides_or(given, layout, {batch, heads, rows, dim / numbers_in<Stored>});
}

constexpr Strides page_strides(PageLayout pages, index_t heads, index_t block_size, index_t width) {
  const index_t block = heads * block_size * width;
  return pages == PageLayout::head_major ? Strides{block, block_size * width, width}
                                         : Strides{block, width, heads * width};
}

template <class Stored>
void erase_prefix(const SharedPrefix<Stored>& prefix, DecodeProblem& d) {
  const Shape& s = d.shape;
  const index_t heads = s.kv_head_count();
  d.prefix_rows = prefix.rows;
  d.prefix_length = !prefix ? 0 : prefix.length < 0 ? prefix.rows : prefix.length;
  const auto tensor = [&](const Stored* data, index_t dim) -> CacheTensor {
    return {data, nullptr, cache_strides<Stored>({}, d.layout, 1, heads, prefix.rows, dim), dim};
  };
  d.prefix_k = tensor(prefix.k, s.head_dim);
  d.prefix_v = tensor(prefix.v, s.value_size());
  d.prefix_k_rope = tensor(prefix.k_rope, d.rope_dim);
}

template <class Stored, class Cache>
void erase_tensor(const Cache& cache, DecodeProblem& d) {
  const Shape& s = d.shape;
  const auto tensor = [&](const Stored* data, Strides strides, index_t dim) -> CacheTensor {
    return {data, nullptr, cache_strides<Stored>(strides, d.layout, s.batch, s.kv_head_count(), s.kv_len, dim), dim};
  };
  d.k = tensor(cache.k, cache.k_strides, s.head_dim);
  d.v = tensor(cache.v, cache.v_strides, s.value_size());
  d.k_rope = tensor(cache.k_rope, cache.k_rope_strides, d.rope_dim);
}

template <class Stored>
void erase_cache(const KvCache<kv::Contiguous<Stored>>& cache, DecodeProblem& d) {
  d.kind = CacheKind::contiguous;
  erase_tensor<Stored>(cache, d);
}

template <class Stored>
void erase_cache(const KvCache<kv::LeftPadded<Stored>>& cache, DecodeProblem& d) {
  // Without actual lengths the padding is ignored (operators 5).
  d.kind = d.kv_lens.empty() ? CacheKind::contiguous : CacheKind::left_padded;
  d.padding = cache.padding > 0 ? cache.padding : 0;
  erase_tensor<Stored>(cache, d);
}

template <class Stored>
void erase_cache(const KvCache<kv::Paged<Stored>>& cache, DecodeProblem& d) {
  const Shape& s = d.shape;
  d.kind = CacheKind::paged;
  d.block_table = cache.block_table;
  d.max_blocks = cache.max_blocks;
  d.block_size = cache.block_size;
  d.blocks = cache.blocks;
  d.pages = cache.pages;
  const auto pool = [&](const Stored* data, index_t dim) -> CacheTensor {
    return {data, nullptr,
            page_strides(cache.pages, s.kv_head_count(), cache.block_size, dim / numbers_in<Stored>), dim};
  };
  d.k = pool(cache.k, s.head_dim);
  d.v = pool(cache.v, s.value_size());
  d.k_rope = pool(cache.k_rope, d.rope_dim);
}

template <class Stored>
void erase_cache(const KvCache<kv::List<Stored>>& cache, DecodeProblem& d) {
  d.kind = CacheKind::list;
  d.list_size = static_cast<index_t>(cache.rows.size() < cache.k.size() ? cache.rows.size() : cache.k.size());
  if (static_cast<index_t>(cache.v.size()) < d.list_size) d.list_size = static_cast<index_t>(cache.v.size());
  d.list_rows = cache.rows.data();
  // Strides depend on each entry's rows; the plan works them out.
  const auto list = [](std::span<const Stored* const> tensors, index_t dim) -> CacheTensor {
    return {nullptr, reinterpret_cast<const void* const*>(tensors.data()), {}, dim};
  };
  d.k = list(cache.k, d.shape.head_dim);
  d.v = list(cache.v, d.shape.value_size());
  d.k_rope = list(cache.k_rope, d.rope_dim);
}

template <class Element, class Kv>
DecodeProblem erase(const IncreProblem<Element, Kv>& p, Layout layout) {
  DecodeProblem d = erase_operands(p, layout);
  erase_prefix(p.prefix, d);
  erase_cache(p.kv, d);
  return d;
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

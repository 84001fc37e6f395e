// What kv_append is asked: new rows of K and V, and the cache that they go to.  B batch, N2 kv heads, D head_dim or
// value_dim.
#pragma once

#include "glint/ops/inference_problem.hpp"
#include "glint/ops/row_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

// A cache as KvCache describes it, to be written.  Stored: float, half, bfloat16, std::int8_t or int4x2 (whose strides
// count bytes).
template <class Source>
struct KvTarget;

// One tensor: N2 heads of shape.kv_len rows, in the layout of the new rows, for each batch entry.
template <class Stored>
struct KvTarget<kv::Contiguous<Stored>> {
  Stored* k = nullptr;
  Stored* v = nullptr;
  Strides k_strides{}, v_strides{};  // empty: what the layout says
};

// Pages.  Of the table, only the entries for the new rows are read.
template <class Stored>
struct KvTarget<kv::Paged<Stored>> {
  Stored* k = nullptr;  // the pools
  Stored* v = nullptr;
  const std::int32_t* block_table = nullptr;  // [B][max_blocks]
  index_t max_blocks = 0;
  index_t block_size = 0;
  index_t blocks = 0;  // in a pool
  PageLayout pages = PageLayout::token_major;
};

// The factors of an integer cache, of K or of V.
//   per_channel (or single), per_head   given in `scale` and `offset`
//   per_token, per_token_head           chosen here, written to `chosen`: plain caches
//   per_token_paged, per_token_head_paged   the same for paged caches
// Given: x_int = saturate(round_to_even(x / scale - offset)).  Chosen: without offset, scale = max|x| / 127 (7 for
// int4), but never below the smallest normal float, and 1 for a token of zeros; only the new tokens' factors are
// written.  A NaN counts as 0, an infinity as the largest float.
struct AppendFactors {
  const void* scale = nullptr;
  const void* offset = nullptr;  // null: 0
  DType dtype = DType::f32;      // of scale and offset: f32, f16 or bf16
  AntiquantMode mode = AntiquantMode::per_channel;
  bool single = false;      // per_channel: one factor for the whole tensor
  float* chosen = nullptr;  // in the shape of the mode
  index_t columns = 0;      // of per_token and per_token_head: at least the rows of the cache

  // What decode reads the cache with.
  constexpr Antiquant antiquant() const {
    if (chosen != nullptr) return {.scale = chosen, .mode = mode, .columns = columns};
    return {.scale = scale, .offset = offset, .dtype = dtype, .mode = mode, .single = single};
  }
};

template <class Element, class Kv = kv::Contiguous<Element>>
struct KvAppendProblem {
  // shape.q_len new rows for each batch entry.  v and kv.v may both be null: one tensor, as in latent attention, where
  // V is a part of K, or the rope part of K.
  const Element* k = nullptr;
  const Element* v = nullptr;
  KvTarget<Kv> kv{};

  // As in the decode step that follows.  kv_len: the rows that a plain cache has room for; of the numbers of heads only
  // the kv heads count, and `heads` may be missing where kv_heads is given.
  Shape shape{};
  std::span<const index_t> lengths{};  // rows that each entry has already, 1 or B numbers: where the new rows go
  std::span<const index_t>
      new_rows{};  // how many of the q_len rows count, from the first; empty: all, or 1 or B numbers

  AppendFactors k_factors{}, v_factors{};
  Strides k_strides{}, v_strides{};  // of the new rows; empty: what the layout says
};

namespace detail {

// K or V with its types erased.  Strides count elements of storage and may be empty.
struct AppendTensor {
  const void* rows = nullptr;
  void* cache = nullptr;
  index_t dim = 0;  // numbers in a row
  Strides row_strides{}, cache_strides{};
  AppendFactors factors{};

  constexpr explicit operator bool() const { return rows != nullptr || cache != nullptr; }
};

struct AppendProblem {
  DType row_type = DType::none, cache_type = DType::none;
  Layout layout = Layout::BSH;
  Shape shape{};
  AppendTensor k{}, v{};
  bool paged = false;
  const std::int32_t* block_table = nullptr;
  index_t max_blocks = 0, block_size = 0, blocks = 0;
  PageLayout pages = PageLayout::token_major;
  std::span<const index_t> lengths{}, new_rows{};

  index_t heads() const { return shape.kv_head_count(); }
  index_t first(index_t b) const { return entry_of(lengths, b); }
  index_t count(index_t b) const { return new_rows.empty() ? shape.q_len : entry_of(new_rows, b); }

  Dims row_dims(const AppendTensor& t) const { return {shape.batch, heads(), shape.q_len, t.dim}; }
  // In elements of storage; the batch of pages are the blocks.
  Dims cache_dims(const AppendTensor& t) const {
    const index_t width = t.dim / (cache_type == DType::i4 ? numbers_in<int4x2> : 1);
    return paged ? Dims{blocks, heads(), block_size, width} : Dims{shape.batch, heads(), shape.kv_len, width};
  }
  Strides row_strides(const AppendTensor& t) const { return strides_or(t.row_strides, layout, row_dims(t)); }
  Strides cache_strides(const AppendTensor& t) const {
    const Dims d = cache_dims(t);
    return paged ? layout::strides(page_order(pages), d) : strides_or(t.cache_strides, layout, d);
  }

  // Where token t of entry b is: row `row` of entry or block `outer`.
  struct Place {
    index_t outer, row;
  };
  Place place(index_t b, index_t t) const {
    if (!paged) return {b, t};
    return {block_table[b * max_blocks + t / block_size], t % block_size};
  }
};

template <class Stored>
void erase_target(const KvTarget<kv::Contiguous<Stored>>& kv, AppendProblem& p) {
  p.k.cache = kv.k;
  p.v.cache = kv.v;
  p.k.cache_strides = kv.k_strides;
  p.v.cache_strides = kv.v_strides;
}

template <class Stored>
void erase_target(const KvTarget<kv::Paged<Stored>>& kv, AppendProblem& p) {
  p.paged = true;
  p.k.cache = kv.k;
  p.v.cache = kv.v;
  p.block_table = kv.block_table;
  p.max_blocks = kv.max_blocks;
  p.block_size = kv.block_size;
  p.blocks = kv.blocks;
  p.pages = kv.pages;
}

template <class Element, class Kv>
AppendProblem erase(const KvAppendProblem<Element, Kv>& given, Layout layout) {
  AppendProblem p;
  p.row_type = dtype_of<storage_t<Element>>;
  p.cache_type = dtype_of<storage_t<typename Kv::element>>;
  p.layout = layout;
  p.shape = given.shape;
  if (p.shape.heads == 0) p.shape.heads = p.shape.kv_heads;
  p.lengths = given.lengths;
  p.new_rows = given.new_rows;
  p.k = {given.k, nullptr, p.shape.head_dim, given.k_strides, {}, given.k_factors};
  p.v = {given.v, nullptr, p.shape.value_size(), given.v_strides, {}, given.v_factors};
  erase_target(given.kv, p);
  return p;
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

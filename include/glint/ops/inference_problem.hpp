// A call of an inference operator, prompt or incre, with its types erased: both doors of both fill this, the rules read
// it, and a plan hands it to a kernel head by head.  What depends on the type of q or out happens once for each row or
// tile, not for each key, so only the type of the cache reaches a template.
#pragma once

#include <cstddef>

#include "glint/ops/incre_problem.hpp"
#include "glint/ops/prompt_problem.hpp"
#include "glint/ops/rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

enum class CacheKind : std::uint8_t { contiguous, left_padded, paged, list };

// One value for each batch entry, `step` bytes apart: a user's span, or a field of the structs that he has a span of.
template <class Value>
struct PerEntry {
  const Value* first = nullptr;
  index_t count = 0;
  index_t step = sizeof(Value);

  constexpr PerEntry(const Value* first_value = nullptr, index_t values = 0, index_t bytes = sizeof(Value))
      : first(first_value), count(values), step(bytes) {}
  const Value& operator[](index_t b) const {
    return *reinterpret_cast<const Value*>(reinterpret_cast<const std::byte*>(first) + b * step);
  }
};

// K, V or the rope part of K.  Strides count elements of storage; for pages, batch is the stride between blocks.
struct CacheTensor {
  const void* data = nullptr;
  PerEntry<const void*> list{};  // CacheKind::list
  Strides strides{};
  index_t dim = 0;  // numbers in a row
};

struct InferenceProblem {
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
  PerEntry<index_t> list_rows{};  // list

  CacheTensor prefix_k{}, prefix_v{}, prefix_k_rope{};  // data null: none
  index_t prefix_rows = 0, prefix_length = 0;

  void* out = nullptr;  // of number_type(), or int8 with post_quant
  Strides out_strides{};
  bool out_is_int8 = false;
  bool two_outs = false;  // the typed door was given both pointers: not legal

  float scale = 1;
  MaskTensor mask{};
  PseTensor pse{};
  // Lengths, but ends with layout TND (and there lengths of keys in pages).
  std::span<const index_t> q_lens{}, kv_lens{};
  std::optional<index_t> q_padding{};  // not negative; only beside q_lens
  SparseMode mode = SparseMode::default_mask;
  Tokens tokens{};
  DraftMask draft = DraftMask::none;
  MaskTensor tree{};
  Antiquant k_antiquant{}, v_antiquant{};
  PostQuant post_quant{};
  Int8Scales int8{};           // q_type i8
  const void* sink = nullptr;  // [N], of number_type()
  float* lse = nullptr;
  float empty_lse = -std::numeric_limits<float>::infinity();
  int inner_precise = 1;
  Limits limits = Limits::none;

  // Of pse, sink and an output that is not int8.
  DType number_type() const { return q_type == DType::i8 ? DType::f16 : q_type; }
  bool ragged() const { return layout == Layout::TND; }
  // Of the tensors of q and out: TND has no batch axis.
  index_t tensor_batch() const { return ragged() ? 1 : shape.batch; }
  Sequences q_rows() const {
    return ragged() ? Sequences::ends(q_lens) : Sequences::lengths(shape.batch, shape.q_len, q_lens);
  }

  // Elements of storage that hold `dim` numbers of the cache.
  index_t stored(index_t dim) const { return cache_type == DType::i4 ? dim / 2 : dim; }
  // K and V in one tensor, sequence behind sequence.
  bool ragged_keys() const { return ragged() && kind == CacheKind::contiguous; }
  // Rows that entry b's own cache has room for.  Here and below, lists that are too short, which the rules refuse, have
  // nothing for an entry: workspace_bytes() asks before anybody has checked.
  index_t capacity(index_t b) const {
    if (kind == CacheKind::paged) return max_blocks * block_size;
    if (kind == CacheKind::list) return b < list_rows.count ? list_rows[b] : 0;
    return shape.kv_len;
  }
  // Keys of entry b's own cache that count: its actual length, and none where left padding leaves no room.
  index_t own_keys(index_t b) const {
    if (kv_lens.empty()) return capacity(b);
    const std::size_t at = kv_lens.size() == 1 && !ragged_keys() ? 0 : static_cast<std::size_t>(b);
    if (at >= kv_lens.size()) return 0;
    if (ragged_keys()) return Sequences::ends(kv_lens).length(b);
    const index_t length = kv_lens[at];
    return kind == CacheKind::left_padded && shape.kv_len - padding - length < 0 ? 0 : length;
  }
  // Columns of mask, pse_shift and per-token factors before entry b's first key: the padding in front of it.
  index_t first_column(index_t b) const {
    return kind == CacheKind::left_padded && own_keys(b) > 0 ? shape.kv_len - padding - own_keys(b) : 0;
  }
  // Rows of its tensor before it.
  index_t first_row(index_t b) const { return ragged_keys() ? Sequences::ends(kv_lens).first(b) : first_column(b); }
  index_t keys(index_t b) const { return prefix_length + own_keys(b); }
  // The keys of the longest entry.
  index_t longest() const {
    index_t longest = 0;
    for (index_t b = 0; b < shape.batch; ++b) longest = (std::max)(longest, keys(b));
    return longest;
  }
};

// The user's strides, or the layout's; none for extents whose products cannot be counted (the rules refuse them, or
// there is no element to address).
inline Strides safe_strides(Strides given, Layout layout, Dims d) {
  const bool counts = d.heads > 0 && d.rows > 0 && d.dim > 0 && rules::countable({d.heads, d.rows, d.dim});
  return counts ? strides_or(given, layout, d) : given;
}

// K, V or a rope part as one tensor in the layout of q, and as a pool of pages.
inline CacheTensor cache_tensor(const InferenceProblem& d, const void* data, Strides given, index_t batch, index_t rows,
                                index_t dim) {
  const Dims dims{batch, d.shape.kv_head_count(), rows, d.stored(dim)};
  return {data, nullptr, safe_strides(given, d.layout, dims), dim};
}
inline CacheTensor pool_tensor(const InferenceProblem& d, const void* data, index_t dim) {
  const Dims dims{d.blocks, d.shape.kv_head_count(), d.block_size, d.stored(dim)};
  return {data, nullptr, safe_strides({}, page_order(d.pages), dims), dim};
}

// What prompt and incre problems have in common, but for where the cache lies.
template <class Problem>
InferenceProblem erase_operands(const Problem& p, Layout layout, Layout out_layout) {
  const Shape& s = p.shape;
  InferenceProblem d;
  d.q_type = dtype_of<storage_t<std::remove_cvref_t<decltype(*p.q)>>>;
  d.cache_type = dtype_of<storage_t<typename Problem::Stored>>;
  d.layout = layout;
  d.shape = s;
  d.q = p.q;
  d.q_strides = safe_strides(p.q_strides, layout, {s.batch, s.heads, s.q_len, s.head_dim});
  d.q_rope = p.q_rope;
  d.rope_dim = p.rope_dim;
  d.q_rope_strides = safe_strides(p.q_rope_strides, layout, {s.batch, s.heads, s.q_len, p.rope_dim});
  d.out_is_int8 = p.out_int8 != nullptr || (p.out == nullptr && p.post_quant);
  d.two_outs = p.out_int8 != nullptr && p.out != nullptr;
  d.out = d.out_is_int8 ? static_cast<void*>(p.out_int8) : static_cast<void*>(p.out);
  d.out_strides = safe_strides(p.out_strides, out_layout, {s.batch, s.heads, s.q_len, s.value_size()});
  d.scale = p.scale;
  d.mask = p.attn_mask;
  d.pse = p.pse_shift;
  d.kv_lens = p.kv_lens;
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

template <class Stored>
void erase_prefix(const SharedPrefix<Stored>& prefix, InferenceProblem& d) {
  d.prefix_rows = prefix.rows;
  d.prefix_length = !prefix ? 0 : prefix.length == -1 ? prefix.rows : prefix.length;
  d.prefix_k = cache_tensor(d, prefix.k, {}, 1, prefix.rows, d.shape.head_dim);
  d.prefix_v = cache_tensor(d, prefix.v, {}, 1, prefix.rows, d.shape.value_size());
  d.prefix_k_rope = cache_tensor(d, prefix.k_rope, {}, 1, prefix.rows, d.rope_dim);
}

template <class Cache>
void erase_tensor(const Cache& cache, InferenceProblem& d) {
  const Shape& s = d.shape;
  d.k = cache_tensor(d, cache.k, cache.k_strides, s.batch, s.kv_len, s.head_dim);
  d.v = cache_tensor(d, cache.v, cache.v_strides, s.batch, s.kv_len, s.value_size());
  d.k_rope = cache_tensor(d, cache.k_rope, cache.k_rope_strides, s.batch, s.kv_len, d.rope_dim);
}

template <class Stored>
void erase_cache(const KvCache<kv::Contiguous<Stored>>& cache, InferenceProblem& d) {
  d.kind = CacheKind::contiguous;
  erase_tensor(cache, d);
}

template <class Stored>
void erase_cache(const KvCache<kv::LeftPadded<Stored>>& cache, InferenceProblem& d) {
  // Without actual lengths the padding is ignored (operators 5).
  d.kind = d.kv_lens.empty() ? CacheKind::contiguous : CacheKind::left_padded;
  d.padding = cache.padding > 0 ? cache.padding : 0;
  erase_tensor(cache, d);
}

template <class Stored>
void erase_cache(const KvCache<kv::Paged<Stored>>& cache, InferenceProblem& d) {
  d.kind = CacheKind::paged;
  d.block_table = cache.block_table;
  d.max_blocks = cache.max_blocks;
  d.block_size = cache.block_size;
  d.blocks = cache.blocks;
  d.pages = cache.pages;
  d.k = pool_tensor(d, cache.k, d.shape.head_dim);
  d.v = pool_tensor(d, cache.v, d.shape.value_size());
  d.k_rope = pool_tensor(d, cache.k_rope, d.rope_dim);
}

template <class Stored>
void erase_cache(const KvCache<kv::List<Stored>>& cache, InferenceProblem& d) {
  d.kind = CacheKind::list;
  d.list_rows = {cache.rows.data(), static_cast<index_t>(cache.rows.size())};
  // Strides depend on each entry's rows; the plan works them out.
  const auto list = [](std::span<const Stored* const> tensors, index_t dim) -> CacheTensor {
    return {
        nullptr, {reinterpret_cast<const void* const*>(tensors.data()), static_cast<index_t>(tensors.size())}, {}, dim};
  };
  d.k = list(cache.k, d.shape.head_dim);
  d.v = list(cache.v, d.shape.value_size());
  d.k_rope = list(cache.k_rope, d.rope_dim);
}

template <class Element, class Kv>
InferenceProblem erase(const IncreProblem<Element, Kv>& p, Layout layout) {
  InferenceProblem d = erase_operands(p, layout, layout);
  d.draft = p.draft;
  d.tree = p.draft_tree;
  erase_prefix(p.prefix, d);
  erase_cache(p.kv, d);
  return d;
}

template <class Element, class Kv>
InferenceProblem erase(const PromptProblem<Element, Kv>& p, Layout layout, Layout out_layout, SparseMode mode) {
  InferenceProblem d = erase_operands(p, layout, out_layout);
  if (layout == Layout::TND && p.shape.batch == 0) d.shape.batch = static_cast<index_t>(p.q_lens.size());
  d.q_lens = p.q_lens;
  if (p.q_padding && !p.q_lens.empty()) d.q_padding = *p.q_padding > 0 ? *p.q_padding : 0;
  d.mode = mode;
  d.tokens = {p.pre_tokens, p.next_tokens};
  d.int8 = p.int8;
  erase_prefix(p.prefix, d);
  erase_cache(p.kv, d);
  return d;
}

}  // namespace detail
}  // namespace GLINT_ABI
}  // namespace glint

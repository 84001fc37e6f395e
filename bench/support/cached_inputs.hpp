// A workload with a cache in memory: as many layers of a model as it takes for their caches to fall out of every cache
// of the CPU before they come again, and the typed problems or run-time calls that point at them.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "support/cached_workload.hpp"
#include "support/inputs.hpp"
#include "support/read_ceiling.hpp"

namespace bench {

// The caches of all rows whose caches hold this type lie in the same memory: gigabytes of random numbers take longer to
// make than to measure.  Standard normal, a million repeated, as random_normal.  Moves when it grows: rows that live at
// once ask for the same count.
template <class Stored>
const Stored* shared_pool(index_t count) {
  static Buffer<Stored> pool;
  static index_t size = 0;
  if (count <= size) return pool.data();
  constexpr index_t kDrawn = 1000003;  // a prime, so that no two heads are the same
  const Buffer<float> numbers = random_normal<float>(kDrawn * glint::numbers_in<Stored>, 7);
  pool = {};
  size = std::max(count, size * 3 / 2);
  pool = Buffer<Stored>(size);
  index_t made = 0;
  for (; made < std::min(size, kDrawn); ++made)
    pool.data()[made] = stored<Stored>(numbers.data() + made * glint::numbers_in<Stored>);
  for (index_t next; made < size; made += next) {
    next = std::min(size - made, kDrawn);
    std::memcpy(pool.data() + made, pool.data(), static_cast<std::size_t>(next) * sizeof(Stored));
  }
  return pool.data();
}

template <class Kv>
inline constexpr bool is_paged = false;
template <class Stored>
inline constexpr bool is_paged<glint::kv::Paged<Stored>> = true;
template <class Kv>
inline constexpr bool is_left_padded = false;
template <class Stored>
inline constexpr bool is_left_padded<glint::kv::LeftPadded<Stored>> = true;

template <class Element, class Kv>
struct CachedInputs {
  using Stored = typename Kv::element;
  static constexpr bool kIntegers = glint::is_integer_element<Stored>;

  CachedWorkload workload;
  float scale;
  index_t k_count, v_count, layers;  // elements of storage in a layer's k and v
  const Stored* pool;
  Buffer<Element> q, out;
  std::vector<index_t> lengths;  // for the kinds of caches that want them
  std::vector<std::int32_t> block_table{};
  index_t max_blocks = 0;
  Buffer<float> k_factors{}, v_factors{};  // of integer caches: [N2][D], or [B][rows] by token

  explicit CachedInputs(const CachedWorkload& w)
      : workload(w), scale(1 / std::sqrt(static_cast<float>(w.shape.head_dim))), lengths(w.kv_lens) {
    const Shape& s = w.shape;
    const index_t rows = s.batch * s.kv_head_count() * w.rows();
    if (lengths.empty() && (is_paged<Kv> || is_left_padded<Kv>))
      lengths.assign(static_cast<std::size_t>(s.batch), s.kv_len);
    k_count = rows * width(s.head_dim);
    v_count = w.v_in_k ? 0 : rows * width(s.value_size());
    const index_t numbers = queries() * (s.head_dim + s.value_size());
    const index_t bytes_of_layer = static_cast<index_t>(bytes()) + numbers * static_cast<index_t>(sizeof(Element));
    layers = w.in_cache ? 1 : w.layers > 0 ? w.layers : bytes_of_round() / bytes_of_layer + 1;
    pool = shared_pool<Stored>(layers * (k_count + v_count));
    q = random_normal<Element>(layers * queries() * s.head_dim, 1);
    // Not a number until the kernel has written it.
    const Element nan = glint::from_float<Element>(std::numeric_limits<float>::quiet_NaN());
    out = Buffer<Element>(layers * queries() * s.value_size(), nan);
    if constexpr (is_paged<Kv>) make_block_table();
    if constexpr (kIntegers) {
      k_factors = factors(w.by_token ? s.batch * w.rows() : s.kv_head_count() * s.head_dim, 1);
      v_factors = factors(w.by_token ? s.batch * w.rows() : s.kv_head_count() * s.value_size(), 2);
    }
  }

  index_t queries() const { return workload.shape.batch * workload.shape.heads * workload.shape.q_len; }
  static constexpr index_t width(index_t dim) { return dim / glint::numbers_in<Stored>; }
  const Stored* k(index_t layer) const { return pool + layer * (k_count + v_count); }
  const Stored* v(index_t layer) const { return workload.v_in_k ? k(layer) : k(layer) + k_count; }
  const Element* q_of(index_t layer) const { return q.data() + layer * queries() * workload.shape.head_dim; }
  Element* out_of(index_t layer) const { return out.data() + layer * queries() * workload.shape.value_size(); }
  std::span<const std::byte> bytes_of_first_layer() const {
    return std::as_bytes(std::span(pool, static_cast<std::size_t>(k_count + v_count)));
  }
  double bytes() const { return workload.bytes<Stored>(); }

  // Where a query row begins in a tensor of `dim` numbers a row.
  index_t query_at(index_t batch, index_t head, index_t row, index_t dim) const {
    const Shape& s = workload.shape;
    const glint::Strides strides = glint::layout::strides(workload.layout, {s.batch, s.heads, s.q_len, dim});
    return batch * strides.batch + head * strides.head + row * strides.row;
  }
  // Where key t begins, in elements of storage.
  index_t k_at(index_t batch, index_t kv_head, index_t t) const {
    return at(batch, kv_head, t, workload.shape.head_dim);
  }
  index_t v_at(index_t batch, index_t kv_head, index_t t) const {
    return workload.v_in_k ? k_at(batch, kv_head, t) : at(batch, kv_head, t, workload.shape.value_size());
  }

  // What number d of key t stands for, over what is stored.
  double k_factor(index_t batch, index_t kv_head, index_t t, index_t d) const {
    return factor(k_factors, workload.shape.head_dim, batch, kv_head, t, d);
  }
  double v_factor(index_t batch, index_t kv_head, index_t t, index_t d) const {
    return factor(v_factors, workload.shape.value_size(), batch, kv_head, t, d);
  }

  // Of either operator; PromptFlashAttention gets its mask from its mode.
  template <class Problem>
  Problem problem(index_t layer) const {
    const CachedWorkload& w = workload;
    Problem p{.q = q_of(layer), .out = out_of(layer), .shape = w.shape, .scale = scale};
    p.shape.kv_len = w.rows();
    p.kv.k = k(layer);
    p.kv.v = v(layer);
    p.kv_lens = lengths;
    if constexpr (requires { p.draft; }) p.draft = w.draft;
    if constexpr (is_paged<Kv>) {
      p.kv.block_table = block_table.data();
      p.kv.max_blocks = max_blocks;
      p.kv.block_size = w.block_size;
      p.kv.blocks = static_cast<index_t>(block_table.size());
      p.kv.pages = w.pages;
    } else if (w.v_in_k) {
      p.kv.v_strides = tensor_strides(w.shape.head_dim);
    }
    if constexpr (is_left_padded<Kv>) p.kv.padding = w.rows_after;
    if constexpr (kIntegers) {
      p.k_antiquant = antiquant(k_factors);
      p.v_antiquant = antiquant(v_factors);
    }
    return p;
  }

  glint::IncreFlashAttentionCall call(index_t layer) const {
    static_assert(!is_paged<Kv> && !is_left_padded<Kv>);
    const Shape& s = workload.shape;
    const Layout layout = workload.layout;
    const glint::DType type = glint::dtype_of<Element>, cache_type = glint::dtype_of<Stored>;
    glint::IncreFlashAttentionCall c;
    c.query = {q_of(layer), type, extents(layout, s.batch, s.heads, s.q_len, s.head_dim)};
    c.key = {k(layer), cache_type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.head_dim)};
    c.value = {v(layer), cache_type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.value_size())};
    c.attention_out = {out_of(layer), type, extents(layout, s.batch, s.heads, s.q_len, s.value_size())};
    c.num_heads = s.heads;
    c.num_key_value_heads = s.kv_head_count();
    c.input_layout = name(layout);
    c.scale_value = scale;
    c.actual_seq_lengths = lengths;
    if constexpr (kIntegers) {
      const glint::DType f32 = glint::DType::f32;
      c.key_antiquant_scale = {k_factors.data(), f32, {s.kv_head_count(), 1, s.head_dim}};
      c.value_antiquant_scale = {v_factors.data(), f32, {s.kv_head_count(), 1, s.value_size()}};
    }
    return c;
  }

 private:
  glint::Antiquant antiquant(const Buffer<float>& factors) const {
    if (!workload.by_token) return {.scale = factors.data()};
    return {.scale = factors.data(), .mode = glint::AntiquantMode::per_token, .columns = workload.rows()};
  }
  double factor(const Buffer<float>& factors, index_t dim, index_t batch, index_t kv_head, index_t t, index_t d) const {
    if (!kIntegers) return 1;
    return factors.data()[workload.by_token ? batch * workload.rows() + workload.rows_before + t : kv_head * dim + d];
  }
  glint::Strides tensor_strides(index_t dim) const {
    const Shape& s = workload.shape;
    return glint::layout::strides(workload.layout, {s.batch, s.kv_head_count(), workload.rows(), width(dim)});
  }
  index_t at(index_t batch, index_t kv_head, index_t t, index_t dim) const {
    const CachedWorkload& w = workload;
    if constexpr (is_paged<Kv>) {
      const auto entry = static_cast<std::size_t>(batch * max_blocks + t / w.block_size);
      const glint::Strides strides = glint::layout::strides(
          glint::page_order(w.pages),
          {static_cast<index_t>(block_table.size()), w.shape.kv_head_count(), w.block_size, width(dim)});
      return block_table[entry] * strides.batch + kv_head * strides.head + t % w.block_size * strides.row;
    } else {
      const glint::Strides strides = tensor_strides(dim);
      return batch * strides.batch + kv_head * strides.head + (w.rows_before + t) * strides.row;
    }
  }
  // The pages of all batch entries lie in random order, as after a while of serving.
  void make_block_table() {
    max_blocks = workload.rows() / workload.block_size;
    block_table.resize(static_cast<std::size_t>(workload.shape.batch * max_blocks));
    std::iota(block_table.begin(), block_table.end(), 0);
    std::shuffle(block_table.begin(), block_table.end(), std::mt19937(5));
  }
  static Buffer<float> factors(index_t count, unsigned seed) {
    Buffer<float> list(count);
    std::mt19937 engine(seed);
    std::uniform_real_distribution<float> about_one(0.75F, 1.25F);
    for (float& factor : list) factor = about_one(engine) / kSteps<Stored>;
    return list;
  }
};

}  // namespace bench

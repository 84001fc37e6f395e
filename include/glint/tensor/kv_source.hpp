// Where keys and values come from.  A kernel asks two questions: how many keys are there, and what is the longest
// contiguous run from key k.  Pages and padding are answered here; tiles are not known here, and a page size never
// dictates a tile size.
#pragma once

#include <concepts>
#include <span>

#include "glint/tensor/box.hpp"
#include "glint/tensor/view.hpp"

namespace glint {
inline namespace GLINT_ABI {

// `count` keys and their values, each at a constant stride.
template <class Element>
struct KvRun {
  const Element* k = nullptr;
  const Element* v = nullptr;
  index_t k_stride = 0;
  index_t v_stride = 0;
  index_t count = 0;
};

// One (batch, kv head).  run(k0, n) covers between 1 and n keys from k0, for 0 <= k0 < length(), n >= 1, and stays
// inside length(); walking the runs tiles [0, length()) without gap or overlap.
template <class Source>
concept KvSource = requires(const Source& s, index_t k) {
  typename Source::element;
  { s.length() } -> std::same_as<index_t>;
  { s.run(k, k) } -> std::same_as<KvRun<typename Source::element>>;
};

namespace kv {

// All keys at one stride: the trivial page.
template <class Element>
struct Contiguous {
  using element = Element;
  HeadView<const Element> k, v;

  index_t length() const { return k.rows; }
  KvRun<Element> run(index_t k0, index_t n) const {
    return {k.row(k0), v.row(k0), k.row_stride, v.row_stride, n < k.rows - k0 ? n : k.rows - k0};
  }
};

// Logical key t lies in slot t % block_size of block table[t / block_size].  The pools are addressed by block.
template <class Element>
struct Paged {
  using element = Element;
  const Element* k = nullptr;  // slot 0 of block 0 of this kv head
  const Element* v = nullptr;
  index_t k_block_stride = 0, v_block_stride = 0;
  index_t k_stride = 0, v_stride = 0;
  const std::int32_t* table = nullptr;  // this batch entry's row of the block table
  index_t block_size = 1;
  index_t keys = 0;

  index_t length() const { return keys; }
  KvRun<Element> run(index_t k0, index_t n) const {
    const index_t block = table[k0 / block_size], slot = k0 % block_size;
    index_t count = n < block_size - slot ? n : block_size - slot;
    count = count < keys - k0 ? count : keys - k0;
    return {k + (block * k_block_stride + slot * k_stride), v + (block * v_block_stride + slot * v_stride), k_stride,
            v_stride, count};
  }
};

// The last key sits `padding` rows before the end of a buffer of `rows` rows (operators 5): the keys are rows
// [rows - padding - keys, rows - padding).  If those bounds are negative there are no keys.
template <class Element>
struct LeftPadded {
  using element = Element;
  HeadView<const Element> k, v;  // the whole buffer
  index_t padding = 0;
  index_t keys = 0;

  index_t first() const { return k.rows - padding - keys; }
  index_t length() const { return first() < 0 ? 0 : keys; }
  KvRun<Element> run(index_t k0, index_t n) const {
    const index_t row = first() + k0;
    return {k.row(row), v.row(row), k.row_stride, v.row_stride, n < keys - k0 ? n : keys - k0};
  }
};

// A prefix shared by every batch entry, then the entry's own keys.
template <class Element, class Own>
struct SharedPrefix {
  using element = Element;
  Contiguous<Element> prefix;
  Own own;

  index_t length() const { return prefix.length() + own.length(); }
  KvRun<Element> run(index_t k0, index_t n) const {
    return k0 < prefix.length() ? prefix.run(k0, n) : own.run(k0 - prefix.length(), n);
  }
};

// What kernels read: a shared prefix, or none, and pages, of which any other tensor of keys is one.
template <class Element>
using Cache = SharedPrefix<Element, Paged<Element>>;

// Rows at one stride.
template <class Element>
Cache<Element> whole(HeadView<const Element> k, HeadView<const Element> v) {
  static constexpr std::int32_t kOnePage[1] = {0};
  return {.prefix = {},
          .own = {.k = k.data,
                  .v = v.data,
                  .k_stride = k.row_stride,
                  .v_stride = v.row_stride,
                  .table = kOnePage,
                  .block_size = k.rows > 0 ? k.rows : 1,
                  .keys = k.rows}};
}

// One tensor for each batch entry, each with its own length: the list hands out the entry's view.
template <class Element>
struct List {
  using element = Element;
  std::span<const Tensor<const Element>> k, v;
  std::span<const index_t> lengths;

  Contiguous<Element> head(index_t batch, index_t kv_head) const {
    const auto b = static_cast<std::size_t>(batch);
    return {k[b].head(0, kv_head, 0, lengths[b]), v[b].head(0, kv_head, 0, lengths[b])};
  }
};

}  // namespace kv
}  // namespace GLINT_ABI
}  // namespace glint

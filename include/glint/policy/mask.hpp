// Which key a query may see.  `visible` is the definition; everything else is a promise about it that lets a kernel
// skip work, and tests/laws/mask_laws.hpp checks the promises of any mask exhaustively, yours included.
//
//   visible(q, k)    the definition: true = kept
//   keys(q0, q1)     an interval that holds every key that some row in [q0, q1) sees    (the forward loop)
//   queries(k0, k1)  an interval that holds every row that sees some key in [k0, k1)    (the backward loop)
//   cover(box)       none: nothing in the box is visible; full: everything is; partial: look closer
//   bits(box, out)   optional: out[k - k0] has bit q - q0 set iff visible(q, k); at most 64 rows
//
// Coordinates are local to one (batch, head).  A mask never sees layouts, tiles or dtypes.
#pragma once

#include <concepts>

#include "glint/simd/bits.hpp"
#include "glint/tensor/box.hpp"

namespace glint {
inline namespace GLINT_ABI {

template <class Model>
concept Mask = requires(const Model& m, index_t i, Box box) {
  { m.visible(i, i) } -> std::same_as<bool>;
  { m.keys(i, i) } -> std::same_as<Interval>;
  { m.queries(i, i) } -> std::same_as<Interval>;
  { m.cover(box) } -> std::same_as<Cover>;
};

// A box of at most 64 query rows as bits: one word for each key, bit i for query q0 + i.
template <class Model>
concept MaskWithBits = Mask<Model> && requires(const Model& m, Box box, std::uint64_t* words) {
  m.bits(box, words);
};

template <Mask Model>
constexpr void mask_bits(const Model& mask, Box box, std::uint64_t* words) {
  if constexpr (MaskWithBits<Model>) {
    mask.bits(box, words);
  } else {
    for (index_t k = box.k0; k < box.k1; ++k) {
      std::uint64_t word = 0;
      for (index_t q = box.q0; q < box.q1; ++q) word |= std::uint64_t{mask.visible(q, k)} << (q - box.q0);
      words[k - box.k0] = word;
    }
  }
}

namespace mask {

// Bits [lo, hi) of a word, for any integers.
constexpr std::uint64_t bit_range(index_t lo, index_t hi) {
  const index_t from = lo < 0 ? 0 : lo, to = hi > 64 ? 64 : hi;
  if (from >= to) return 0;
  const std::uint64_t ones = to - from == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (to - from)) - 1;
  return ones << from;
}

// Everything is visible.
struct None {
  index_t nq = 0, nk = 0;

  constexpr bool visible(index_t, index_t) const { return true; }
  constexpr Interval keys(index_t, index_t) const { return {0, nk}; }
  constexpr Interval queries(index_t, index_t) const { return {0, nq}; }
  constexpr Cover cover(Box) const { return Cover::full; }
};

// "No bound on this side": far outside any sequence, and far from the end of index_t when a row number is added.
inline constexpr index_t kOpen = index_t{1} << 60;

// Row q sees key k when k < prefix, or q + lo <= k <= q + hi.  Causal, sliding window and prefix modes are all
// this one affine band.
struct Staircase {
  index_t nq = 0, nk = 0;
  index_t lo = -kOpen, hi = kOpen;
  index_t prefix = 0;

  constexpr bool visible(index_t q, index_t k) const { return k < prefix || (q + lo <= k && k <= q + hi); }

  constexpr Interval keys(index_t q0, index_t q1) const {
    if (q0 >= q1) return {};
    Interval band = intersect({q0 + lo, q1 + hi}, {0, nk});
    if (lo > hi || band.empty()) band = {};
    if (prefix <= 0) return band;
    const index_t end = prefix < nk ? prefix : nk;
    return {0, band.hi > end ? band.hi : end};
  }

  constexpr Interval queries(index_t k0, index_t k1) const {
    if (k0 >= k1) return {};
    if (k0 < prefix) return {0, nq};
    const Interval band = intersect({k0 - hi, k1 - lo}, {0, nq});
    return lo > hi || band.empty() ? Interval{} : band;
  }

  constexpr Cover cover(Box box) const {
    const bool above = box.k0 > box.q1 - 1 + hi;  // every key lies right of every row's band
    const bool below = box.k1 - 1 < box.q0 + lo;
    if ((lo > hi || above || below) && box.k0 >= prefix) return Cover::none;
    if (box.k1 <= prefix) return Cover::full;
    return box.q1 - 1 + lo <= box.k0 && box.k1 - 1 <= box.q0 + hi ? Cover::full : Cover::partial;
  }

  constexpr void bits(Box box, std::uint64_t* words) const {
    const index_t rows = box.q1 - box.q0;
    for (index_t k = box.k0; k < box.k1; ++k) {
      const index_t from = k - hi - box.q0, to = k - lo + 1 - box.q0;
      words[k - box.k0] = k < prefix ? bit_range(0, rows) : bit_range(from, to < rows ? to : rows);
    }
  }
};

// A tensor of numbers, one for each score: 0 keeps, anything else drops (the documents' polarity).  Null drops nothing.
struct Dense {
  const std::uint8_t* drop = nullptr;
  index_t row_stride = 0;  // in elements
  index_t nq = 0, nk = 0;
  index_t element_size = 1;  // 1: integers; 2 and 4: floating-point numbers, whose -0 keeps as well

  bool visible(index_t q, index_t k) const {
    if (drop == nullptr) return true;
    const std::uint8_t* const element = at(q, k);
    return element_size == 4   ? simd::is_zero<std::uint32_t>(element)
           : element_size == 2 ? simd::is_zero<std::uint16_t>(element)
                               : *element == 0;
  }
  Interval keys(index_t, index_t) const { return {0, nk}; }
  Interval queries(index_t, index_t) const { return {0, nq}; }
  // `partial` is all it knows without reading the box; bits() reads it once and tells.
  Cover cover(Box) const { return drop == nullptr ? Cover::full : Cover::partial; }

  void bits(Box box, std::uint64_t* words) const {
    if (drop == nullptr) {
      for (index_t k = box.k0; k < box.k1; ++k) words[k - box.k0] = bit_range(0, box.q1 - box.q0);
      return;
    }
    const std::uint8_t* const first = at(box.q0, box.k0);
    const index_t rows = box.q1 - box.q0, count = box.k1 - box.k0;
    if (element_size == 4) return simd::zeros(FloatRows<std::uint32_t>{first, row_stride, rows, count}, words);
    if (element_size == 2) return simd::zeros(FloatRows<std::uint16_t>{first, row_stride, rows, count}, words);
    simd::at_most(ByteRows{first, row_stride, rows, count}, 0, words);
  }

 private:
  const std::uint8_t* at(index_t q, index_t k) const { return drop + (q * row_stride + k) * element_size; }
};

// Visible to both.
template <class First, class Second>
struct Both {
  First first;
  Second second;

  constexpr bool visible(index_t q, index_t k) const { return first.visible(q, k) && second.visible(q, k); }
  constexpr Interval keys(index_t q0, index_t q1) const { return intersect(first.keys(q0, q1), second.keys(q0, q1)); }
  constexpr Interval queries(index_t k0, index_t k1) const {
    return intersect(first.queries(k0, k1), second.queries(k0, k1));
  }
  constexpr Cover cover(Box box) const {
    const Cover a = first.cover(box), b = second.cover(box);
    return a < b ? a : b;
  }
  void bits(Box box, std::uint64_t* words) const {
    if (first.cover(box) == Cover::full) return mask_bits(second, box, words);
    mask_bits(first, box, words);
    if (second.cover(box) == Cover::full) return;
    constexpr index_t kChunk = 64;
    std::uint64_t other[kChunk];
    for (index_t k = box.k0; k < box.k1; k += kChunk) {
      const Box part{box.q0, box.q1, k, k + kChunk < box.k1 ? k + kChunk : box.k1};
      mask_bits(second, part, other);
      for (index_t c = part.k0; c < part.k1; ++c) words[c - box.k0] &= other[c - part.k0];
    }
  }
};

// A first draft: any predicate, no promises.  Slow (every tile is asked score by score), right at once.
template <class Predicate>
struct Where {
  index_t nq = 0, nk = 0;
  Predicate keep;

  constexpr bool visible(index_t q, index_t k) const { return keep(q, k); }
  constexpr Interval keys(index_t, index_t) const { return {0, nk}; }
  constexpr Interval queries(index_t, index_t) const { return {0, nq}; }
  constexpr Cover cover(Box) const { return Cover::partial; }
};
template <class Predicate>
Where(index_t, index_t, Predicate) -> Where<Predicate>;

// Every mask as bytes, 1 = visible, [nq][nk]: for tests and pictures.
template <Mask Model>
constexpr void materialize(const Model& mask, index_t nq, index_t nk, std::uint8_t* out) {
  for (index_t q = 0; q < nq; ++q)
    for (index_t k = 0; k < nk; ++k) out[q * nk + k] = mask.visible(q, k) ? 1 : 0;
}

}  // namespace mask
}  // namespace GLINT_ABI
}  // namespace glint

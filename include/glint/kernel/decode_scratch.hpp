// The memory of one decode worker, and of partial results.
#pragma once

#include "glint/core/arena.hpp"
#include "glint/kernel/decode_head.hpp"
#include "glint/kernel/rows.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace decode {

// The extents that scratch must hold.
struct Extents {
  index_t rows = 0, q_len = 1;
  index_t dim = 0, rope_dim = 0, value_dim = 0;
};

// A row's maximum and sum, and its weighted sum of V, for all rows: of one part of the keys, or of all so far.
struct Partial {
  float* max;
  float* sum;
  float* o;  // [rows][padded(value_dim)]

  static constexpr index_t floats(const Extents& e) { return (padded(e.rows) + 16) * (2 + padded(e.value_dim)); }
  static Partial at(float* memory, const Extents& e) {
    const index_t rows = padded(e.rows) + 16;
    return {memory, memory + rows, memory + 2 * rows};
  }
};

struct Scratch {
  float* q;                 // [rows][padded(dim) + padded(rope_dim)]
  float* s;                 // [rows][kKeys]
  float* alpha;             // [rows]
  float* tile_max;          // [rows]
  float* part;              // Partial
  float* group;             // Partial
  float* whole;             // Partial
  float* k_offset;          // [dim], then of a tile's keys
  float* v_offset;          // [value_dim]
  float* v_scale;           // [value_dim]
  float* by_key;            // [4][kKeys]: K's scale and offset, V's scale and offset
  float* chain;             // [rows][padded(value_dim)]
  std::uint64_t* words[2];  // [q_len][kWords]
  std::byte* zeros;         // a row

  static constexpr index_t rows_of(const Extents& e) { return padded(e.rows) + 16; }
  static constexpr index_t widest(const Extents& e) {
    const index_t dim = e.dim > e.value_dim ? e.dim : e.value_dim;
    return padded(dim > e.rope_dim ? dim : e.rope_dim);
  }
  static constexpr index_t bytes(const Extents& e) {
    const index_t rows = rows_of(e);
    return aligned_bytes_of<float>(rows * (padded(e.dim) + padded(e.rope_dim))) +
           aligned_bytes_of<float>(rows * kKeys) + 2 * aligned_bytes_of<float>(rows) +
           3 * aligned_bytes_of<float>(Partial::floats(e)) + 3 * aligned_bytes_of<float>(widest(e)) +
           aligned_bytes_of<float>(4 * kKeys) + aligned_bytes_of<float>(rows * padded(e.value_dim)) +
           2 * aligned_bytes_of<std::uint64_t>(e.q_len * kWords) + aligned_bytes_of<float>(widest(e));
  }
  static Scratch at(std::byte* memory, const Extents& e) {
    Arena arena(memory);
    const index_t rows = rows_of(e);
    Scratch s;
    s.q = arena.take<float>(rows * (padded(e.dim) + padded(e.rope_dim)));
    s.s = arena.take<float>(rows * kKeys);
    s.alpha = arena.take<float>(rows);
    s.tile_max = arena.take<float>(rows);
    s.part = arena.take<float>(Partial::floats(e));
    s.group = arena.take<float>(Partial::floats(e));
    s.whole = arena.take<float>(Partial::floats(e));
    s.k_offset = arena.take<float>(widest(e));
    s.v_offset = arena.take<float>(widest(e));
    s.v_scale = arena.take<float>(widest(e));
    s.by_key = arena.take<float>(4 * kKeys);
    s.chain = arena.take<float>(rows * padded(e.value_dim));
    s.words[0] = arena.take<std::uint64_t>(e.q_len * kWords);
    s.words[1] = arena.take<std::uint64_t>(e.q_len * kWords);
    s.zeros = reinterpret_cast<std::byte*>(arena.take<float>(widest(e)));
    return s;
  }
};

template <class Stored>
constexpr Extents extents_of(const Head<Stored>& head) {
  return {head.rows(), head.q_len, head.q.dim, head.q_rope.dim, head.out.dim};
}

}  // namespace decode
}  // namespace GLINT_ABI
}  // namespace glint

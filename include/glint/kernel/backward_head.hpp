// What the gradient's kernels read and write: one head as the forward has it, with what is wanted of it; a block of its
// score matrix; and the scratch for one.
#pragma once

#include "glint/core/arena.hpp"
#include "glint/kernel/head.hpp"
#include "glint/kernel/rows.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Rows of a bias' gradient: the number for (q, k) goes to row(q)[k].  Null: not wanted, or not from here.
struct BiasGradient {
  void* data = nullptr;
  DType dtype = DType::none;
  index_t row_stride = 0;  // 0: one row, the sum of all

  explicit constexpr operator bool() const { return data != nullptr; }
};

// A part of a bias' gradient that several heads, batch entries or rows share: the sum of what all of them say.
struct BiasPlane {
  index_t first_batch = 0, batches = 0, first_head = 0, heads = 0;  // those who share it
  index_t all_heads = 0;
  index_t rows = 0, keys = 0;
  bool one_row = false;  // all rows share one, of `keys` numbers
  float factor = 1;      // what multiplied the bias
  BiasGradient to{};

  index_t members() const { return batches * heads; }
  // Counted through all heads of all batch entries.
  index_t member(index_t i) const { return (first_batch + i / heads) * all_heads + first_head + i % heads; }
};

// Forward: a HeadWork, whose out and statistics are read.
template <class Forward>
struct GradientHead {
  using element = typename Forward::element;

  Forward forward;
  QueryView d_out;
  OutputView d_q;
  BiasGradient d_bias{};  // of a bias that no other head shares

  QueryView out() const {
    const OutputView& o = forward.out;
    return {o.data, o.dtype, forward.q.rows, o.row_stride, o.dim};
  }
};

// Sums over more query tiles of a group than this are kept in parts that are added once, as the forward does it with
// keys (kKeyBlock): it holds the error contract where heads and rows are many.
inline constexpr index_t kTilesInPart = 256;

// Queries `rows` against keys `keys` of one head, and where sums are kept: those of queries as [tile][dim][row], by the
// tiles of the head, those of keys as [key][padded(dim)], without the scale.
template <class Head>
struct GradientBlock {
  const Head& head;
  Interval rows, keys;
  float* d_q = nullptr;
  float* d_k = nullptr;
  float* d_v = nullptr;
  float* d_k_parts = nullptr;  // the sums of closed parts, in the same form; null: one part is enough
  float* d_v_parts = nullptr;
  index_t first_tile = 0;         // of the block, counted through the heads of the group
  const Head* next = nullptr;     // the head that the same worker is likely to meet next
  OutputView k_rows{}, v_rows{};  // where d_k and d_v will go once this block has added to them; null: not yet
};

// One query tile of a block, as the products read it.
struct GradientTile {
  Interval rows;
  Interval keys;  // of the block, that any of the rows may see
  index_t lanes = 0;
  float* q = nullptr;             // [dim][row], in lanes
  float* d_out = nullptr;         // [value_dim][row]
  const float* q_rows = nullptr;  // as rows, of float or of pairs
  const float* d_out_rows = nullptr;
  index_t q_stride = 0, d_out_stride = 0;
  // p = exp(x - shift) * factor; delta = sum over d of d_out * out (rowD of operators 7).
  float *shift = nullptr, *factor = nullptr, *delta = nullptr;
  float* d_q = nullptr;  // [dim][row]
};

struct GradientExtents {
  index_t dim = 0, value_dim = 0;
};

// Of one worker.
template <class Tile>
struct GradientScratch {
  float *s, *ds, *raw;  // [column][row]: scores, then P; dP, then dS; scores before a modifier
  float* tile_max;      // [row]
  float* ones;          // [row]
  std::uint64_t *words, *keep;
  float *k, *v;      // keys, when they must be converted or interleaved
  float *d_k, *d_v;  // [column][padded dim]: sums of a tile over the queries of a block
  float* ds_pairs;   // [column / 2][row]
  float* bias;       // [column][row]: sums of a shared bias' gradient
  GradientTile* tiles;
  float *q, *d_out;  // of all tiles of a block
  float *q_rows, *d_out_rows;
  float* terms;

  // Memory: Arena or Tally.
  template <class Memory>
  static GradientScratch take(Memory& memory, const GradientExtents& e) {
    constexpr index_t kRows = Tile::rows, kColumns = Tile::columns;
    constexpr index_t kTiles = Tile::shared;
    const index_t width = padded(e.dim), value_width = padded(e.value_dim);
    GradientScratch s;
    s.s = memory.template take<float>(kColumns * kRows);
    s.ds = memory.template take<float>(kColumns * kRows);
    s.raw = memory.template take<float>(kColumns * kRows);
    s.tile_max = memory.template take<float>(kRows);
    s.ones = memory.template take<float>(kRows);
    s.words = memory.template take<std::uint64_t>(kColumns);
    s.keep = memory.template take<std::uint64_t>(kColumns);
    s.k = memory.template take<float>(kColumns * width);
    s.v = memory.template take<float>(kColumns * value_width);
    s.ds_pairs = memory.template take<float>(kColumns / 2 * kRows);
    s.bias = memory.template take<float>(kColumns * kRows);
    s.tiles = memory.template take<GradientTile>(kTiles);
    s.q = memory.template take<float>(kTiles * e.dim * kRows);
    s.d_out = memory.template take<float>(kTiles * e.value_dim * kRows);
    s.q_rows = memory.template take<float>(kTiles * kRows * width);
    s.d_out_rows = memory.template take<float>(kTiles * kRows * value_width);
    s.terms = memory.template take<float>(kTiles * 3 * kRows);
    return s;
  }
  static index_t bytes(const GradientExtents& e) {
    Tally tally;
    take(tally, e);
    return tally.bytes();
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

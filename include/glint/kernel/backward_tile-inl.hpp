// No guard: included once for each ISA.  The gradient of attention for one block of one head's score matrix.
//
//   S = scale * Q K^T, biased, modified, masked     P = exp(S - max) / sum      Dm = keep / keep_prob
//   dV += (P o Dm)^T dO     dP = (dO V^T) o Dm     dS = P o (dP - rowsum(dO o O))     dQ += dS K     dK += dS^T Q
//
// As in the forward (forward_tile-inl.hpp), queries lie in lanes for all products but those for dK and dV, whose lanes
// are numbers of a row, so that K, V, Q and dO are all read where they lie.  Excluded scores have p = ds = 0 by
// selection.  Sums have two levels, the rows or 64 keys of a tile and the tiles; those over rows a third, parts of many
// tiles.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// p of a row is exp(x - shift) / divisor; 0 behind the last row.
GLINT_INLINE void read_terms(const RowStats& stats, index_t row, float& shift, float& divisor) {
  const bool both = stats.max != nullptr && stats.sum != nullptr;
  shift = both ? stats.max[row * stats.row_stride] : stats.lse[row * stats.lse_stride];
  divisor = both ? stats.sum[row * stats.row_stride] : 1.0F;
}

template <index_t kRows, class Head>
GLINT_INLINE void start_terms(const Head& head, GradientTile& tile, float unit) {
  dot_rows(head.d_out, head.out(), tile.rows, kRows, tile.delta);
  fill(tile.shift, kRows, 0.0F);
  fill(tile.factor, kRows, 1.0F);
  for (index_t i = 0; i < tile.rows.size(); ++i)
    read_terms(head.forward.stats, tile.rows.lo + i, tile.shift[i], tile.factor[i]);
  for (index_t i = 0; i < kRows; i += kLanes) {
    store(tile.shift + i, load(tile.shift + i) / unit);
    store(tile.factor + i, splat(1.0F) / load(tile.factor + i));
  }
  for (index_t i = tile.rows.size(); i < kRows; ++i) tile.factor[i] = 0;
}

// Whole pairs of keys, so that the same keys are partners whatever the mask, and a partner that nobody sees is
// excluded.
GLINT_INLINE void even_out(Interval& keys, Interval all) {
  keys.lo -= (keys.lo - all.lo) % 2;
  keys.hi += keys.hi < all.hi ? (keys.hi - all.lo) % 2 : 0;
}

// Of an odd number of rows the last has a partner that is no row: let the mask exclude it.
GLINT_INLINE Cover exclude_partner(Box box, Cover cover, std::uint64_t* words) {
  const index_t rows = box.q1 - box.q0;
  if (cover != Cover::full || rows % 2 == 0) return cover;
  for (index_t c = 0; c < box.k1 - box.k0; ++c) words[c] = mask::bit_range(0, rows);
  return Cover::partial;
}

// Carves query tile `which` of the block from the scratch, and packs its rows.
template <class Products, class Tile, class Head>
GLINT_INLINE GradientTile start_tile(const Head& head, Interval rows, Interval keys, index_t which,
                                     const GradientScratch<Tile>& scratch) {
  constexpr index_t kRows = Tile::rows;
  const index_t dim = head.forward.q.dim, value_dim = head.d_out.dim;
  GradientTile tile;
  tile.rows = rows;
  tile.keys = intersect(head.forward.mask.keys(rows.lo, rows.hi), keys);
  if constexpr (Products::kPairs) even_out(tile.keys, keys);
  if (tile.keys.empty()) return tile;
  tile.lanes = lanes_for<kRows>(rows.size());
  tile.q = scratch.q + which * dim * kRows;
  tile.d_out = scratch.d_out + which * value_dim * kRows;
  tile.shift = scratch.terms + which * 3 * kRows;
  tile.factor = tile.shift + kRows;
  tile.delta = tile.factor + kRows;
  start_terms<kRows>(head, tile, Products::unit(head));
  Products::start(head, tile, scratch.q_rows + which * kRows * padded(dim),
                  scratch.d_out_rows + which * kRows * padded(value_dim));
  return tile;
}

// p and ds of a box, in scratch.s and scratch.ds.
template <class Products, class Tile, class Head>
GLINT_INLINE void differentiate_box(const TileBox<Head>& at, const typename Products::Staged& kv, const KeySums& sums,
                                    const GradientScratch<Tile>& scratch) {
  using Forward = decltype(Head::forward);
  const Forward& forward = at.head.forward;
  const index_t lanes = at.tile.lanes;
  Products::scores(at, kv, sums, scratch);
  if (forward.bias) add_bias<Tile::rows, AddBias>(forward.bias, at.box, nullptr, lanes, scratch.s, scratch.tile_max);
  if (forward.slope) modify_by_slope<Tile::rows>(forward.slope, at.box, lanes, scratch.s);
  if constexpr (kModifies<Forward>) {
    __builtin_memcpy(scratch.raw, scratch.s, static_cast<std::size_t>(at.count() * Tile::rows) * sizeof(float));
    modify<Tile::rows>(forward.modifier, at.box, lanes, scratch.s);
  }
  if (forward.dropout) forward.dropout.bits(at.box, scratch.keep);
  Products::differentiate(at, scratch);
  if constexpr (kModifies<Forward>)
    pull_back<Tile::rows>(forward.modifier, at.box, at.visible, lanes, scratch.raw, scratch.ds);
}

// The gradient of a bias that is this head's own: rows of dS, times what multiplied the bias.
template <class Tile>
GLINT_INLINE void store_bias_gradient(const BiasGradient& d_bias, Box box, float factor, const float* ds,
                                      const GradientScratch<Tile>& scratch) {
  float* const factors = scratch.tile_max;
  fill(factors, Tile::rows, factor);
  const index_t size = size_of(d_bias.dtype);
  const OutputView rows{
      static_cast<char*>(d_bias.data) + box.k0 * size, d_bias.dtype, box.q1, 0, d_bias.row_stride, box.k1 - box.k0};
  unpack_output<Tile::rows>(ds, factors, {box.q0, box.q1}, rows);
}
GLINT_INLINE void zero_bias_gradient(const BiasGradient& d_bias, Box box) {
  const index_t size = size_of(d_bias.dtype), bytes = (box.k1 - box.k0) * size;
  for (index_t q = box.q0; q < box.q1 && bytes > 0; ++q)
    __builtin_memset(static_cast<char*>(d_bias.data) + (q * d_bias.row_stride + box.k0) * size, 0,
                     static_cast<std::size_t>(bytes));
}

// One query tile against one key tile, whose keys are `span`.
template <class Products, class Tile, class Head>
GLINT_INLINE void differentiate_tile(const TileBox<Head>& at, const typename Products::Staged& kv, const KeySums& sums,
                                     const GradientScratch<Tile>& scratch) {
  differentiate_box<Products>(at, kv, sums, scratch);
  if (at.head.d_bias) store_bias_gradient(at.head.d_bias, at.box, at.head.forward.bias.factor, scratch.ds, scratch);
  Products::accumulate(at, kv, sums, scratch);
}

// What a query tile does with a key tile: nothing if the mask says so.
template <class Products, class Tile, class Head>
GLINT_INLINE void visit(const GradientBlock<Head>& block, const GradientTile& tile, Interval span,
                        typename Products::Staged& staged, const GradientScratch<Tile>& scratch) {
  const Head& head = block.head;
  const Interval seen = intersect(span, tile.keys);
  const Box box{tile.rows.lo, tile.rows.hi, seen.lo, seen.hi};
  Cover cover = seen.empty() ? Cover::none : look(head.forward.mask, box, scratch.words);
  if constexpr (Products::kPairs) cover = exclude_partner(box, cover, scratch.words);
  if (head.d_bias) {
    const Interval kept = cover == Cover::none ? Interval{span.lo, span.lo} : seen;
    zero_bias_gradient(head.d_bias, {tile.rows.lo, tile.rows.hi, span.lo, kept.lo});
    zero_bias_gradient(head.d_bias, {tile.rows.lo, tile.rows.hi, kept.hi, span.hi});
  }
  if (cover == Cover::none) return;
  if (staged.k == nullptr) staged = Products::stage(head, span, scratch);
  const index_t skipped = seen.lo - span.lo;
  const index_t k_stride = padded(head.forward.q.dim), v_stride = padded(head.d_out.dim);
  const KeySums sums{block.d_k + seen.lo * k_stride, block.d_v + seen.lo * v_stride, k_stride, v_stride};
  TileBox<Head> at{head, tile, box, cover == Cover::partial ? scratch.words : nullptr};
  at.next = behind<Tile>(block, tile, span);
  if (span.hi >= tile.keys.hi) at.d_q = rows_of(head.d_q, tile.rows);
  if (tile.rows.hi >= block.rows.hi) at.d_k = rows_of(block.k_rows, seen), at.d_v = rows_of(block.v_rows, seen);
  differentiate_tile<Products>(at, Products::skip(staged, skipped), sums, scratch);
}

// parts += sums, and the sums begin anew.
GLINT_NOINLINE inline void close_part(float* sums, index_t count, float* parts) {
  for (index_t i = 0; i < count; i += kLanes) {
    store(parts + i, load(parts + i) + load(sums + i));
    store(sums + i, splat(0.0F));
  }
}

// Closes the parts of the block's keys if the last `tiles` tiles, which end before `end`, filled one.  Parts end at
// tiles that depend on the head alone.
template <class Head>
GLINT_INLINE void close_parts(const GradientBlock<Head>& block, index_t end, index_t tiles) {
  if (block.d_k_parts == nullptr || (end - tiles) / kTilesInPart == end / kTilesInPart) return;
  const index_t k_stride = padded(block.head.forward.q.dim), v_stride = padded(block.head.d_out.dim);
  const index_t k = block.keys.lo * k_stride, v = block.keys.lo * v_stride, count = block.keys.size();
  close_part(block.d_k + k, count * k_stride, block.d_k_parts + k);
  close_part(block.d_v + v, count * v_stride, block.d_v_parts + v);
}

template <class Tile, class Head, class Products>
GLINT_NOINLINE void backward_block(const GradientBlock<Head>& block, const GradientExtents& extents,
                                   std::byte* memory) {
  constexpr index_t kRows = Tile::rows, kColumns = Tile::columns;
  Arena arena(memory);
  const auto scratch = GradientScratch<Tile>::take(arena, extents);
  const Head& head = block.head;
  const Interval seen = intersect(head.forward.mask.keys(block.rows.lo, block.rows.hi), block.keys);
  if (seen.empty() && !head.d_bias && block.d_k_parts == nullptr) return;
  fill(scratch.ones, kRows, 1.0F);
  for (index_t first = block.rows.lo; first < block.rows.hi; first += kRows * Tile::shared) {
    index_t tiles = 0;
    for (index_t q0 = first; q0 < block.rows.hi && tiles < Tile::shared; q0 += kRows, ++tiles) {
      const Interval rows = intersect({q0, q0 + kRows}, block.rows);
      scratch.tiles[tiles] = start_tile<Products>(head, rows, block.keys, tiles, scratch);
      scratch.tiles[tiles].d_q = block.d_q + q0 * head.forward.q.dim;
    }
    for (index_t k0 = block.keys.lo; k0 < block.keys.hi; k0 += kColumns) {
      const Interval span = intersect({k0, k0 + kColumns}, block.keys);
      typename Products::Staged staged{};
      for (index_t t = 0; t < tiles; ++t) visit<Products>(block, scratch.tiles[t], span, staged, scratch);
    }
    close_parts(block, block.first_tile + (first - block.rows.lo) / kRows + tiles, tiles);
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

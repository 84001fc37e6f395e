// No guard: included once for each ISA.  Forward attention for one group of query tiles.
//
//   S = scale * Q K^T       S' = mask(modify(S + bias))       P = exp(S' - max)       O = dropout(P) V / sum(P)
//
// The pipeline contract, in this order and nowhere else: scores; bias and modifiers; mask; online softmax; dropout on
// p; o += p v; o / l; rounding to the output type.  (pse_type 1, scale * (q k + bias), reaches us as a bias factor.)
//
// Queries lie in vector lanes: S^T[key][query], O^T[d][query].  K and V are only ever broadcast element by element,
// so they are read in place at any row stride.  Key tiles start at multiples of Columns whatever the mask, and
// excluded terms contribute exact zeros: a result depends on its own row's keys alone, not on which tiles were
// visited, who shares them, or how a mask was expressed.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// What the mask says about a box: with the bits at hand, `partial` is final.
template <class MaskModel>
GLINT_INLINE Cover look(const MaskModel& mask, Box box, std::uint64_t* words) {
  const Cover cover = mask.cover(box);
  if (cover != Cover::partial) return cover;
  mask_bits(mask, box, words);
  const std::uint64_t all = mask::bit_range(0, box.q1 - box.q0);
  std::uint64_t any = 0, every = all;
  for (index_t c = 0; c < box.k1 - box.k0; ++c) any |= words[c], every &= words[c];
  return any == 0 ? Cover::none : every == all ? Cover::full : Cover::partial;
}

// Bias, modifiers and mask, and the maximum of each lane wherever scores() could not know it.
template <class Product, class Tile, class Head>
GLINT_INLINE void modify_scores(const Head& head, Box box, const std::uint64_t* visible, bool has_maximum,
                                index_t lanes, const TileScratch<Tile>& scratch) {
  constexpr index_t kRows = Tile::rows;
  const bool more = kModifies<Head> || head.slope;
  if (head.bias)
    add_bias<kRows, typename Product::BiasSum>(head.bias, box, more ? nullptr : visible, lanes, scratch.s,
                                               scratch.tile_max);
  if (head.slope) modify_by_slope<kRows>(head.slope, box, lanes, scratch.s);
  if constexpr (kModifies<Head>) modify<kRows>(head.modifier, box, lanes, scratch.s);
  if (more || (!head.bias && (visible != nullptr || !has_maximum)))
    exclude_and_maximum<kRows>(visible, box.k1 - box.k0, lanes, scratch.s, scratch.tile_max);
}

// What is touched after the key tile before k0: the next one, or behind the last the output and the next task.
template <class Tile, class Head>
GLINT_INLINE Upcoming after(const QueryTile<Tile, Head>& tile, index_t k0, const NextTask& next) {
  Upcoming upcoming;
  const Head& head = *tile.head;
  if (k0 < tile.keys.hi) {
    const auto run = head.kv.run(k0, Tile::columns);
    upcoming.add(run.k, run.k_stride, run.count, head.q.dim);
  } else {
    const index_t size = size_of(head.out.dtype);
    upcoming.add({head.out.row(tile.rows.lo), head.out.row_stride * size, tile.rows.size(), head.out.dim * size});
    upcoming.add(next.q);
    upcoming.add(next.k);
  }
  return upcoming;
}

// One query tile against one key tile; products-inl.hpp says what a Product is.
template <class Product, class Tile, class Head>
GLINT_INLINE void attend(QueryTile<Tile, Head>& tile, Box box, Cover cover, const typename Product::Staged& kv,
                         const TileScratch<Tile>& scratch, const NextTask& next) {
  const Head& head = *tile.head;
  const index_t count = box.k1 - box.k0;
  const std::uint64_t* const visible = cover == Cover::partial ? scratch.words : nullptr;
  tile.enter_key_block(box.k0);

  Upcoming values;
  values.add(bias_rows(head.bias, box));
  Product::expect(tile, kv, box, next, values);
  const bool has_maximum = Product::scores(tile, kv, count, visible, scratch, values);
  modify_scores<Product>(head, box, visible, has_maximum, tile.state.lanes, scratch);
  if (head.dropout) head.dropout.bits(box, scratch.keep);
  Product::absorb(head, box, scratch, tile.state);
  Upcoming upcoming = after<Tile>(tile, next_key_tile<Tile>(box), next);
  Product::accumulate(tile, kv, box, visible, scratch, upcoming);
}

GLINT_INLINE void write_stats(const RowStats& stats, index_t row, SoftmaxState state) {
  const bool empty = state.empty();
  for (index_t i = 0; i < stats.repeat; ++i) {
    if (stats.max != nullptr) stats.max[row * stats.row_stride + i] = empty ? stats.empty_max : state.max;
    if (stats.sum != nullptr) stats.sum[row * stats.row_stride + i] = empty ? stats.empty_sum : state.sum;
  }
  if (stats.lse != nullptr) stats.lse[row * stats.lse_stride] = empty ? stats.empty_lse : state.lse();
}

// O = (O^T / l)^T, and the statistics.  alpha is free by now and holds 1 / l, or 0 for rows that saw nothing.
template <class Product, class Tile, class Head>
GLINT_INLINE void finish(QueryTile<Tile, Head>& tile) {
  const Head& head = *tile.head;
  const bool folded = tile.o_done != nullptr && tile.key_block >= 0;
  if (folded) tile.close_key_block();
  if (!folded && tile.first) fill(tile.o, head.out.dim * Tile::rows, 0.0F);  // no key was seen
  const LaneState& last = folded ? tile.done : tile.state;
  for (index_t i = 0; i < last.lanes; i += kLanes) {
    const Vec sum = Product::divisor(load(last.sum + i));
    store(last.alpha + i, select(sum == splat(0.0F), splat(0.0F), splat(1.0F) / sum));
  }
  if (head.stats)
    for (index_t i = 0; i < tile.rows.size(); ++i)
      write_stats(head.stats, tile.rows.lo + i, {last.max[i] * last.unit, last.sum[i]});
  Product::unpack(head, folded ? tile.o_done : tile.o, last.alpha, tile.rows);
}

// `count` query tiles of heads that share one KV head walk its keys together.
template <class Tile, class Head, class Product>
GLINT_NOINLINE void forward_tiles(const Head* heads, const Interval* rows, index_t count, std::byte* memory,
                                  const NextTask& next) {
  constexpr bool kHolds = is_integer_element<typename Head::element>;
  Arena arena(memory);
  const Head& any = heads[0];
  TileScratch<Tile> scratch{arena.take<float>(Tile::columns * Tile::rows),
                            arena.take<float>(Tile::rows),
                            arena.take<std::uint64_t>(Tile::columns),
                            arena.take<std::uint64_t>(Tile::columns),
                            arena.take<float>(Tile::columns * any.dim()),
                            arena.take<float>(Tile::columns * any.out.dim),
                            arena.take<float>(kHolds ? 2 * (padded(any.q.dim) + padded(any.out.dim)) : 0)};
  if constexpr (kHolds) spread_factors(any, scratch);
  QueryTile<Tile, Head> tiles[Tile::shared];
  Interval keys{any.kv.length(), 0};
  for (index_t t = 0; t < count; ++t) {
    tiles[t].start(heads[t], rows[t], arena);
    Product::start(tiles[t], scratch);
    tiles[t].see_sink();
    if (tiles[t].keys.empty()) continue;
    keys = {keys.lo < tiles[t].keys.lo ? keys.lo : tiles[t].keys.lo,
            keys.hi > tiles[t].keys.hi ? keys.hi : tiles[t].keys.hi};
  }
  for (index_t k0 = keys.lo / Tile::columns * Tile::columns; k0 < keys.hi; k0 += Tile::columns) {
    const Interval span = intersect({k0, k0 + Tile::columns}, keys);
    typename Product::Staged staged{};
    for (index_t t = 0; t < count; ++t) {
      const Interval seen = intersect(span, tiles[t].keys);
      if (seen.empty()) continue;
      const Box box{tiles[t].rows.lo, tiles[t].rows.hi, seen.lo, seen.hi};
      const Cover cover = look(heads[t].mask, box, scratch.words);
      if (cover == Cover::none) continue;
      if (staged.k == nullptr) staged = Product::stage(any, span, scratch);
      attend<Product>(tiles[t], box, cover, Product::skip(staged, seen.lo - span.lo), scratch, next);
    }
  }
  for (index_t t = 0; t < count; ++t) finish<Product>(tiles[t]);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

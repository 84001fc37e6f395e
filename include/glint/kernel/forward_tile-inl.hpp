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

// One query tile on its way through the keys.
template <class Tile, class Head>
struct QueryTile {
  const Head* head = nullptr;
  Interval rows;       // of q, within head->q.rows
  Interval keys;       // that any of them may see
  float* q = nullptr;  // [head_dim][Rows], scale applied
  float* o = nullptr;  // [value_dim][Rows]
  LaneState state{};
  float* o_done = nullptr;  // sums of closed key blocks; null when the keys fit in one
  LaneState done{};
  index_t key_block = -1;

  void start(const Head& work, Interval span, Arena& arena) {
    constexpr index_t kRows = Tile::rows;
    head = &work;
    rows = span;
    keys = intersect(work.mask.keys(span.lo, span.hi), {0, work.kv.length()});
    q = arena.take<float>(work.q.dim * kRows);
    o = arena.take<float>(work.out.dim * kRows);
    state = take_state(arena);
    clear(o, state);
    if constexpr (Tile::lanes == Lanes::head_dim) {
      pack_rows(work.q.row(span.lo), work.q.row_stride, span.size(), work.q.dim, work.scale, q);
    } else {
      pack_lanes<kRows>(work.q.row(span.lo), work.q.row_stride, span.size(), work.q.dim, work.scale, q);
    }
    if (work.kv.length() > kKeyBlock) {
      o_done = arena.take<float>(work.out.dim * kRows);
      done = take_state(arena);
      clear(o_done, done);
    }
  }

  // Enters the block of kKeyBlock keys that holds k; leaves the previous one by folding it away.
  void enter_key_block(index_t k) {
    if (o_done == nullptr) return;
    const index_t block = k / kKeyBlock;
    if (block != key_block && key_block >= 0) fold<Tile::rows>(state, o, done, o_done, head->out.dim);
    key_block = block;
  }

 private:
  static LaneState take_state(Arena& arena) {
    return {arena.take<float>(Tile::rows), arena.take<float>(Tile::rows), arena.take<float>(Tile::rows)};
  }
  void clear(float* sums, LaneState lanes) const {
    fill(sums, head->out.dim * Tile::rows, 0.0F);
    fill(lanes.max, Tile::rows, kLowest);
    fill(lanes.sum, Tile::rows, 0.0F);
  }
};

// K and V rows as float, in place where they already are that.
struct StagedKv {
  const float* k = nullptr;
  const float* v = nullptr;
  index_t k_stride = 0;
  index_t v_stride = 0;
};

// Buffers that the query tiles of a group use in turn.
template <class Tile>
struct TileScratch {
  float* s;              // [Columns][Rows]
  float* tile_max;       // [Rows]
  std::uint64_t* words;  // [Columns] mask bits
  std::uint64_t* keep;   // [Columns] dropout bits
  float* k;              // [Columns][head_dim], when K must be converted or gathered
  float* v;              // [Columns][value_dim]
};

// Keys [k0, k1) as one piece: any number of runs becomes one tile.
template <class Head>
GLINT_INLINE StagedKv stage(const Head& head, Interval keys, float* k, float* v) {
  using Element = typename Head::element;
  const auto whole = head.kv.run(keys.lo, keys.size());
  if constexpr (std::is_same_v<Element, float>)
    if (whole.count == keys.size()) return {whole.k, whole.v, whole.k_stride, whole.v_stride};
  const index_t k_dim = head.q.dim, v_dim = head.out.dim;
  for (index_t at = keys.lo; at < keys.hi;) {
    const auto run = head.kv.run(at, keys.hi - at);
    convert_rows(run.k, run.k_stride, run.count, k_dim, k + (at - keys.lo) * k_dim, k_dim);
    convert_rows(run.v, run.v_stride, run.count, v_dim, v + (at - keys.lo) * v_dim, v_dim);
    at += run.count;
  }
  return {k, v, k_dim, v_dim};
}

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
template <class Tile, class Head>
GLINT_INLINE void modify_scores(const Head& head, Box box, const std::uint64_t* visible,
                                const TileScratch<Tile>& scratch) {
  using Modifier = std::remove_cvref_t<decltype(head.modifier)>;
  constexpr index_t kRows = Tile::rows;
  constexpr bool kModifies = !std::is_same_v<Modifier, score::None>, kByRows = Tile::lanes == Lanes::head_dim;
  const bool more = kModifies || head.slope;
  if (head.bias) add_bias<kRows>(head.bias, box, more ? nullptr : visible, scratch.s, scratch.tile_max);
  if (head.slope) {
    const score::Alibi alibi{head.slope.slope, head.slope.offset};
    head.slope.square_root ? modify<kRows>(AlibiSquareRoot{alibi}, box, scratch.s)
                           : modify<kRows>(alibi, box, scratch.s);
  }
  if constexpr (kModifies) modify<kRows>(head.modifier, box, scratch.s);
  if (more || (!head.bias && (visible != nullptr || kByRows)))
    exclude_and_maximum<kRows>(visible, box.k1 - box.k0, scratch.s, scratch.tile_max);
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
    upcoming.add(head.out.row(tile.rows.lo), head.out.row_stride, tile.rows.size(), head.out.dim);
    upcoming.add(next.q);
    upcoming.add(next.k);
  }
  return upcoming;
}

// One query tile against one key tile.
template <class Tile, class Head>
GLINT_INLINE void attend(QueryTile<Tile, Head>& tile, Box box, Cover cover, const StagedKv& kv,
                         const TileScratch<Tile>& scratch, const NextTask& next) {
  constexpr index_t kRows = Tile::rows;
  const Head& head = *tile.head;
  const index_t count = box.k1 - box.k0;
  const std::uint64_t* const visible = cover == Cover::partial ? scratch.words : nullptr;
  tile.enter_key_block(box.k0);

  Upcoming values;
  values.add(bias_rows(head.bias, box));
  values.add(kv.v, kv.v_stride, count, head.out.dim);
  constexpr bool kByRows = Tile::lanes == Lanes::head_dim;
  if constexpr (kByRows) {
    scores_by_rows<kRows>(kv.k, kv.k_stride, tile.q, tile.rows.size(), head.q.dim, count, scratch.s, values);
  } else {
    scores<kRows>(kv.k, kv.k_stride, tile.q, head.q.dim, count, scratch.s, scratch.tile_max, values);
  }
  modify_scores(head, box, visible, scratch);
  absorb<kRows>(scratch.s, box.k0, count, scratch.tile_max, tile.state);
  if (head.dropout) {
    head.dropout.bits(box, scratch.keep);
    drop<kRows>(scratch.keep, count, 1.0F / head.dropout.keep_prob, scratch.s);
  }
  Upcoming upcoming = after<Tile>(tile, box.k0 / Tile::columns * Tile::columns + Tile::columns, next);
  const ValueRows v{kv.v, kv.v_stride, head.out.dim, box.k0, count};
  if (visible != nullptr && !all_finite(v.data, v.stride, count, v.dim)) {
    accumulate_selected<kRows>(visible, v, scratch.s, tile.o, tile.state.alpha);
  } else if constexpr (kByRows) {
    accumulate_by_rows<kRows>(v, scratch.s, tile.rows.size(), tile.o, tile.state.alpha, upcoming);
  } else {
    accumulate<kRows>(v, scratch.s, tile.o, tile.state.alpha, upcoming);
  }
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
template <class Tile, class Head>
GLINT_INLINE void finish(QueryTile<Tile, Head>& tile) {
  const Head& head = *tile.head;
  const bool folded = tile.o_done != nullptr && tile.key_block >= 0;
  if (folded) fold<Tile::rows>(tile.state, tile.o, tile.done, tile.o_done, head.out.dim);
  const LaneState& last = folded ? tile.done : tile.state;
  for (index_t i = 0; i < Tile::rows; i += kLanes) {
    const Vec sum = load(last.sum + i);
    store(last.alpha + i, select(sum == splat(0.0F), splat(0.0F), splat(1.0F) / sum));
  }
  if (head.stats)
    for (index_t i = 0; i < tile.rows.size(); ++i)
      write_stats(head.stats, tile.rows.lo + i, {last.max[i], last.sum[i]});
  unpack_lanes<Tile::rows>(folded ? tile.o_done : tile.o, last.alpha, tile.rows.size(), head.out.dim,
                           head.out.row(tile.rows.lo), head.out.row_stride);
}

// `count` query tiles of heads that share one KV head walk its keys together.
template <class Tile, class Head>
GLINT_NOINLINE void forward_tiles(const Head* heads, const Interval* rows, index_t count, std::byte* memory,
                                  const NextTask& next) {
  Arena arena(memory);
  const Head& any = heads[0];
  TileScratch<Tile> scratch{
      arena.take<float>(Tile::columns * Tile::rows), arena.take<float>(Tile::rows),
      arena.take<std::uint64_t>(Tile::columns),      arena.take<std::uint64_t>(Tile::columns),
      arena.take<float>(Tile::columns * any.q.dim),  arena.take<float>(Tile::columns * any.out.dim)};
  if constexpr (Tile::lanes == Lanes::head_dim)
    fill(scratch.s, Tile::columns * Tile::rows, 0.0F);  // lanes without a row
  QueryTile<Tile, Head> tiles[Tile::shared];
  Interval keys{any.kv.length(), 0};
  for (index_t t = 0; t < count; ++t) {
    tiles[t].start(heads[t], rows[t], arena);
    if (tiles[t].keys.empty()) continue;
    keys = {keys.lo < tiles[t].keys.lo ? keys.lo : tiles[t].keys.lo,
            keys.hi > tiles[t].keys.hi ? keys.hi : tiles[t].keys.hi};
  }
  for (index_t k0 = keys.lo / Tile::columns * Tile::columns; k0 < keys.hi; k0 += Tile::columns) {
    const Interval span = intersect({k0, k0 + Tile::columns}, keys);
    StagedKv staged{};
    for (index_t t = 0; t < count; ++t) {
      const Interval seen = intersect(span, tiles[t].keys);
      if (seen.empty()) continue;
      const Box box{tiles[t].rows.lo, tiles[t].rows.hi, seen.lo, seen.hi};
      const Cover cover = look(heads[t].mask, box, scratch.words);
      if (cover == Cover::none) continue;
      if (staged.k == nullptr) staged = stage(any, span, scratch.k, scratch.v);
      const index_t skip = seen.lo - span.lo;
      attend(tiles[t], box, cover,
             {staged.k + skip * staged.k_stride, staged.v + skip * staged.v_stride, staged.k_stride, staged.v_stride},
             scratch, next);
    }
  }
  for (index_t t = 0; t < count; ++t) finish(tiles[t]);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

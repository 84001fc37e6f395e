// No guard: included once for each ISA.  How a tile's two products are calculated: what a kernel asks of them, and the
// answer in float; others are pair_products-inl.hpp and byte_products-inl.hpp.  All leave scores as [key][query lane]
// and sums as [value_dim][query lane], so that mask, softmax and everything else are shared.
//
//   Staged                 K and V as the products read them
//   start(tile, scratch)   packs the query rows
//   stage(head, keys, ..)  keys [lo, hi) as one piece: any number of runs becomes one tile
//   skip(staged, n)        the same without its first n keys
//   expect(..)             rows of V to be asked for during the scores
//   scores(..)             s = scale * q k; true if tile_max holds the maximum of each lane
//   absorb(..)             s -> p, and dropout on p
//   accumulate(..)         o = alpha * o + p v
//   divisor(l)             what o is divided by
//   unpack(..)             rows of out = o * factor
//   BiasSum                how a bias is added to scores
//
// stage-inl.hpp: how K and V get there in float.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// The numbers of one register block of a tile.
template <class Tile>
inline constexpr index_t kBlockNumbers =
    WholeBlock<Tile::rows, typename Tile::block>::rows* WholeBlock<Tile::rows, typename Tile::block>::vecs* kLanes;

template <index_t kRows, class Block, class Element>
GLINT_INLINE void scores_of_part(const ScoreProduct<Element>& t, Interval keys, index_t lane, Upcoming& upcoming) {
  scores_of_lanes<kRows, Block>(t.k + keys.lo * t.k_stride, t.k_stride, t.q + lane, t.dim, keys.size(),
                                t.s + keys.lo * kRows + lane, t.tile_max == nullptr ? nullptr : t.tile_max + lane,
                                upcoming);
}

template <class Tile, class Product>
GLINT_INLINE void scores_of_box(const Product& t, Interval keys, Interval lanes, Upcoming& upcoming) {
  for_lane_groups<Tile::rows, typename Tile::block>(
      lanes.size(), [&](auto block, index_t first) __attribute__((always_inline)) {
        scores_of_part<Tile::rows, decltype(block)>(t, keys, lanes.lo + first, upcoming);
      });
}

// The first product.  steps: along the sum, of any one block.  Where the mask's words are given, lanes that see none of
// a strip of keys are left out: their scores will be excluded.
template <class Tile, class Product>
GLINT_INLINE void scores(const Product& t, index_t steps, const std::uint64_t* visible, Upcoming& upcoming) {
  constexpr index_t kStrip = 16;
  upcoming.spread_over(t.count * t.lanes / kBlockNumbers<Tile> * steps / kSteps);
  if (visible == nullptr) return scores_of_box<Tile>(t, {0, t.count}, {0, t.lanes}, upcoming);
  const auto lanes_at = [&](index_t c) {
    return lanes_that_see<Tile::rows>(visible + c, t.count - c < kStrip ? t.count - c : kStrip);
  };
  for (Interval keys{0, 0}; keys.lo < t.count; keys.lo = keys.hi) {
    const Interval lanes = lanes_at(keys.lo);
    for (keys.hi = keys.lo + kStrip; keys.hi < t.count; keys.hi += kStrip) {
      const Interval next = lanes_at(keys.hi);
      if (next.lo != lanes.lo || next.hi != lanes.hi) break;
    }
    scores_of_box<Tile>(t, intersect(keys, {0, t.count}), lanes, upcoming);
  }
}

// The second.  Values: ValueRows, ValuePairs or ByteRowQuads.  Where the mask's words are given and it pays, every unit
// of lanes takes only the keys that it sees: the others would add zeros.
template <class Tile, class Values>
GLINT_INLINE void accumulate(const Values& v, index_t steps, const float* p, const std::uint64_t* visible,
                             const RunningSum& sum, Upcoming& upcoming) {
  constexpr index_t kRows = Tile::rows, kUnit = kUnitVecs<kRows> * kLanes;
  upcoming.spread_over(v.dim * sum.lanes / kBlockNumbers<Tile> * steps / kSteps);
  using UnitBlock = BlockOf<kUnitVecs<kRows>, typename Tile::block>;
  Interval seen[kRows / kUnit];
  index_t total = 0;
  for (index_t lane = 0; visible != nullptr && lane < sum.lanes; lane += kUnit) {
    Interval& keys = seen[lane / kUnit] = keys_seen(visible, v.count, lane, kUnit);
    keys.lo -= keys.lo % Values::kKeysInRow;
    total += keys.size();
  }
  if (visible != nullptr && 16 * total * kUnit < 15 * v.count * sum.lanes) {
    for (index_t lane = 0; lane < sum.lanes; lane += kUnit) {
      const Interval keys = seen[lane / kUnit];
      accumulate_lanes<kRows, UnitBlock>(v.part(keys), p + keys.lo / Values::kKeysInRow * kRows, sum, lane, upcoming);
    }
    return;
  }
  for_lane_groups<kRows, typename Tile::block>(
      sum.lanes, [&](auto block, index_t lane) __attribute__((always_inline)) {
        accumulate_lanes<kRows, decltype(block)>(v, p, sum, lane, upcoming);
      });
}

// The first key of the key tile behind a box.
template <class Tile>
GLINT_INLINE index_t next_key_tile(Box box) {
  return box.k0 / Tile::columns * Tile::columns + Tile::columns;
}

// V of the next key tile or task, where V of this one has been read already.
template <class Tile, class Head>
GLINT_INLINE void expect_next_values(const QueryTile<Tile, Head>& tile, Box box, const NextTask& next,
                                     Upcoming& upcoming) {
  const index_t k0 = next_key_tile<Tile>(box);
  if (k0 >= tile.keys.hi) return upcoming.add(next.v);
  const auto run = tile.head->kv.run(k0, Tile::columns);
  upcoming.add(run.v, run.v_stride, run.count, tile.head->out.dim);
}

// In float.
template <class Tile>
struct FloatProducts {
  using Staged = StagedSingles;
  using BiasSum = AddBias;
  static constexpr index_t kRows = Tile::rows;

  template <class Head>
  static GLINT_INLINE void start(QueryTile<Tile, Head>& tile, const TileScratch<Tile>&) {
    const Head& head = *tile.head;
    pack_query<kRows>(head.q, tile.rows, head.scale, tile.q);
    if (head.q_rope.dim > 0) pack_query<kRows>(head.q_rope, tile.rows, head.scale, tile.q + head.q.dim * kRows);
  }
  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const TileScratch<Tile>& scratch) {
    return stage_singles(head, keys, scratch);
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride, kv.v + keys * kv.v_stride, kv.k_stride, kv.v_stride};
  }
  template <class Head>
  static GLINT_INLINE void expect(const QueryTile<Tile, Head>& tile, const Staged& kv, Box box, const NextTask& next,
                                  Upcoming& upcoming) {
    if constexpr (std::is_same_v<typename Head::element, float>) {
      upcoming.add(kv.v, kv.v_stride, box.k1 - box.k0, tile.head->out.dim);
    } else {
      expect_next_values(tile, box, next, upcoming);
    }
  }
  template <class Head>
  static GLINT_INLINE bool scores(const QueryTile<Tile, Head>& tile, const Staged& kv, index_t count,
                                  const std::uint64_t* visible, const TileScratch<Tile>& scratch, Upcoming& upcoming) {
    const ScoreProduct<float> product{kv.k,  kv.k_stride,      tile.q,    tile.head->dim(),
                                      count, tile.state.lanes, scratch.s, scratch.tile_max};
    glint::GLINT_ISA::scores<Tile>(product, product.dim, visible, upcoming);
    return true;
  }
  template <class Head>
  static GLINT_INLINE void absorb(const Head& head, Box box, const TileScratch<Tile>& scratch, const LaneState& state) {
    const index_t count = box.k1 - box.k0;
    glint::GLINT_ISA::absorb<kRows>(StoreSingles<kRows>{}, scratch.s, box.k0, count, scratch.tile_max, state);
    if (head.dropout) drop<kRows>(scratch.keep, count, state.lanes, 1.0F / head.dropout.keep_prob, scratch.s);
  }
  template <class Head>
  static GLINT_INLINE void accumulate(QueryTile<Tile, Head>& tile, const Staged& kv, Box box,
                                      const std::uint64_t* visible, const TileScratch<Tile>& scratch,
                                      Upcoming& upcoming) {
    const ValueRows<> v{kv.v, kv.v_stride, tile.head->out.dim, box.k0, box.k1 - box.k0};
    if (must_select(v, visible)) {
      accumulate_selected<kRows>(visible, v, scratch.s, tile.running_sum());
    } else {
      glint::GLINT_ISA::accumulate<Tile>(v, v.count, scratch.s, visible, tile.running_sum(), upcoming);
    }
  }
  static GLINT_INLINE Vec divisor(const Vec& sum) { return sum; }
  template <class Head>
  static GLINT_INLINE void unpack(const Head& head, const float* o, const float* factor, Interval rows) {
    unpack_output<kRows>(o, factor, rows, head.out);
  }

 private:
  // V holds a NaN or an infinity that not every row sees.
  static GLINT_INLINE bool must_select(const ValueRows<>& v, const std::uint64_t* visible) {
    return visible != nullptr && !all_finite(v.data, v.stride, v.count, v.dim);
  }
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

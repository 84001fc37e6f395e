// No guard: included once for each ISA.  How the five products of a tile's gradient are calculated: what a block asks
// of them, and the answer in float; with pairs of bfloat16 it is backward_pairs-inl.hpp.
//
//   start(head, tile, ..)   packs a query tile: q and d_out into lanes and as rows
//   stage(head, keys, ..)   keys [lo, hi) as one piece
//   skip(staged, n)         the same without its first n keys
//   scores(..)              s = scale * k q, dp = v d_out
//   differentiate(..)       s -> p, dp -> ds
//   accumulate(..)          d_v += p d_out, d_k += ds q, d_q += ds k
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

template <class Tile>
GLINT_INLINE TileScratch<Tile> tile_scratch(const GradientScratch<Tile>& s) {
  return {s.s, s.tile_max, s.words, s.keep, s.k, s.v, nullptr};
}

// What differentiate() starts from; unit: of scores and shift.
template <class Tile, class Head>
GLINT_INLINE ScoreGradient score_gradient(const TileBox<Head>& at, const GradientScratch<Tile>& scratch, float unit) {
  const Dropout& dropout = at.head.forward.dropout;
  return {scratch.s,
          scratch.ds,
          at.count(),
          at.tile.lanes,
          at.visible,
          dropout ? scratch.keep : nullptr,
          1.0F / dropout.keep_prob,
          at.tile.shift,
          at.tile.factor,
          at.tile.delta,
          unit};
}

GLINT_INLINE bool finite_values(const ValueRows<>& v) { return all_finite(v.data, v.stride, v.count, v.dim); }

// d_q = d_q + ds k: the product with V of the forward, without its rescaling.
template <class Tile, class Head, class Values>
GLINT_INLINE void add_to_queries(const TileBox<Head>& at, const Values& k, index_t steps, const float* ds,
                                 const GradientScratch<Tile>& scratch) {
  const RunningSum sum{at.tile.d_q, scratch.ones, false, at.tile.lanes};
  if (at.visible != nullptr && !finite_values(k)) {
    accumulate_selected<Tile::rows>(at.visible, k, ds, sum);
  } else {
    Upcoming next = at.next;
    accumulate<Tile>(k, steps, ds, at.visible, sum, next);
  }
}

template <class Tile>
struct GradientInSingles {
  using Staged = StagedSingles;
  static constexpr index_t kRows = Tile::rows;
  static constexpr bool kPairs = false;

  template <class Head>
  static GLINT_INLINE float unit(const Head&) {
    return 1;
  }

  template <class Head>
  static GLINT_INLINE void start(const Head& head, GradientTile& tile, float* q_rows, float* d_out_rows) {
    pack_query<kRows>(head.forward.q, tile.rows, head.forward.scale, tile.q);
    pack_query<kRows>(head.d_out, tile.rows, 1.0F, tile.d_out);
    const FloatRowsAt q = rows_as_floats(head.forward.q, tile.rows, q_rows);
    const FloatRowsAt d_out = rows_as_floats(head.d_out, tile.rows, d_out_rows);
    tile.q_rows = q.data, tile.q_stride = q.stride;
    tile.d_out_rows = d_out.data, tile.d_out_stride = d_out.stride;
  }
  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const GradientScratch<Tile>& scratch) {
    return stage_singles(head.forward, keys, tile_scratch(scratch));
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride, kv.v + keys * kv.v_stride, kv.k_stride, kv.v_stride};
  }

  template <class Head>
  static GLINT_INLINE void scores(const TileBox<Head>& at, const Staged& kv, const KeySums& sums,
                                  const GradientScratch<Tile>& scratch) {
    Upcoming for_values = values_ahead(at, kv, sums), for_keys = keys_ahead(at, sums);
    const ScoreProduct<float> s{kv.k,       kv.k_stride,   at.tile.q, at.head.forward.dim(),
                                at.count(), at.tile.lanes, scratch.s, nullptr};
    glint::GLINT_ISA::scores<Tile>(s, s.dim, at.visible, for_values);
    const ScoreProduct<float> dp{kv.v,       kv.v_stride,   at.tile.d_out, at.head.d_out.dim,
                                 at.count(), at.tile.lanes, scratch.ds,    nullptr};
    glint::GLINT_ISA::scores<Tile>(dp, dp.dim, at.visible, for_keys);
  }
  template <class Head>
  static GLINT_INLINE void differentiate(const TileBox<Head>& at, const GradientScratch<Tile>& scratch) {
    glint::GLINT_ISA::differentiate<kRows>(StoreGradientSingles<kRows>{}, score_gradient(at, scratch, 1.0F));
  }
  template <class Head>
  static GLINT_INLINE void accumulate(const TileBox<Head>& at, const Staged& kv, const KeySums& sums,
                                      const GradientScratch<Tile>& scratch) {
    const GradientTile& t = at.tile;
    add_rows(at, scratch.s, {t.d_out_rows, t.d_out_stride}, at.head.d_out.dim, sums.d_v, sums.v_stride);
    add_rows(at, scratch.ds, {t.q_rows, t.q_stride}, at.head.forward.q.dim, sums.d_k, sums.k_stride);
    const ValueRows<> k{kv.k, kv.k_stride, at.head.forward.q.dim, at.box.k0, at.count()};
    add_to_queries(at, k, k.count, scratch.ds, scratch);
  }

 private:
  template <class Head>
  static GLINT_INLINE void add_rows(const TileBox<Head>& at, const float* a, const FloatRowsAt& rows, index_t dim,
                                    float* sum, index_t sum_stride) {
    const RowSums<Singles> sums{a, kRows, 1, rows.data, rows.stride, (dim + kLanes - 1) / kLanes, sum, sum_stride};
    if (at.visible != nullptr && !all_finite(rows.data, rows.stride, at.rows(), dim)) {
      add_selected_rows(sums, at.rows(), at.count(), at.visible);
    } else {
      add_row_products<Tile, 1>(sums, at.rows(), at.count(), at.visible);
    }
  }
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

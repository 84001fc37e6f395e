// No guard: included once for each ISA.  The gradient's five products of bfloat16 by the dot instruction, which
// multiplies pairs of neighbours: along head_dim for the scores and dP, along the queries for dV and dK, along the keys
// for dQ.  P and dS are rounded to bfloat16; dS is stored twice, as pairs of queries and as pairs of keys.
// backward_products-inl.hpp says what the members are for.
#if GLINT_USE_AVX512
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Numbers of bfloat16 from one key's P to the next: they replace floats.
template <index_t kRows>
inline constexpr index_t kHalvesInRow = 2 * kRows;

// p and ds of two keys: rows of bfloat16 where s and dp were, and ds as pairs of the two keys.
template <index_t kRows>
struct StoreGradientPairs {
  static constexpr index_t kKeys = 2;
  static constexpr int kDegree = 3;
  float* pairs;  // [key / 2][row]

  template <int NV>
  GLINT_INLINE void operator()(const ScoreGradient& t, index_t c, index_t lane, const Vec (&p)[2][NV],
                               const Vec (&ds)[2][NV]) const {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) store(pairs + c / 2 * kRows + lane + j * kLanes, join_pairs(ds[0][j], ds[1][j]));
    GLINT_UNROLL
    for (int i = 0; i < 2; ++i) {
      if (c + i >= t.count) break;
      store_rows(p[i], t.s + (c + i) * kRows, lane);
      store_rows(ds[i], t.ds + (c + i) * kRows, lane);
    }
  }

 private:
  // Behind an odd number of vectors zeros follow, which the next group of lanes replaces.
  template <int NV>
  static GLINT_INLINE void store_rows(const Vec (&v)[NV], float* row, index_t lane) {
    GLINT_UNROLL
    for (int j = 0; j < NV; j += 2)
      store(row + (lane + j * kLanes) / 2, round_to_bf16(v[j], j + 1 < NV ? v[j + 1 < NV ? j + 1 : j] : Vec{}));
  }
};

// add_selected_rows for pairs: the half that a key does not see multiplies 0, not the row.
GLINT_NOINLINE inline void add_selected_rows(const RowSums<Pairs>& t, index_t rows, index_t count,
                                             const std::uint64_t* visible) {
  for (index_t c = 0; c < count; ++c) {
    for (index_t j = 0; j < t.vectors; ++j) {
      Vec total{};
      for (index_t r = 0; r < rows; r += 2) {
        const std::int32_t low = (visible[c] >> r & 1) != 0 ? 0xffff : 0;
        const std::int32_t high = r + 1 < rows && (visible[c] >> (r + 1) & 1) != 0 ? ~0xffff : 0;
        const IntVec pair = bits_of(load(t.rows + r / 2 * t.stride + j * kLanes)) & (low | high);
        Pairs::add(total, Pairs::broadcast(t.a + c * t.a_stride + r), from_bits(pair));
      }
      float* const at = t.sum + c * t.sum_stride + j * kLanes;
      store(at, load(at) + total);
    }
  }
}
GLINT_INLINE bool finite_values(const ValuePairs& v) { return all_finite(v); }

template <class Tile>
struct GradientInPairs {
  static constexpr index_t kRows = Tile::rows;
  static constexpr bool kPairs = true;
  struct Staged {
    const bfloat16* k = nullptr;
    const bfloat16* v = nullptr;
    const bfloat16* k_pairs = nullptr;  // interleaved
    index_t k_stride = 0, v_stride = 0, dim = 0;
  };

  // Scores stay unscaled where nothing but exp needs to know.
  template <class Head>
  static GLINT_INLINE float unit(const Head& head) {
    return ProductsOfPairs<Tile>::exp_scales(head.forward) ? head.forward.scale : 1.0F;
  }

  template <class Head>
  static GLINT_INLINE void start(const Head& head, GradientTile& tile, float* q_rows, float* d_out_rows) {
    pack(head.forward.q, tile.rows, tile.q, q_rows);
    pack(head.d_out, tile.rows, tile.d_out, d_out_rows);
    tile.q_rows = q_rows, tile.q_stride = head.forward.q.dim;
    tile.d_out_rows = d_out_rows, tile.d_out_stride = head.d_out.dim;
  }
  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const GradientScratch<Tile>& scratch) {
    const auto run = head.forward.kv.run(keys.lo, keys.size());  // one tensor's keys are one run
    bfloat16* const pairs = reinterpret_cast<bfloat16*>(scratch.k);
    interleave_rows(run.k, run.k_stride, keys.size(), head.forward.q.dim, pairs);
    return {run.k, run.v, pairs, run.k_stride, run.v_stride, head.forward.q.dim};
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride,
            kv.v + keys * kv.v_stride,
            kv.k_pairs + keys * kv.dim,
            kv.k_stride,
            kv.v_stride,
            kv.dim};
  }

  template <class Head>
  static GLINT_INLINE void scores(const TileBox<Head>& at, const Staged& kv, const KeySums& sums,
                                  const GradientScratch<Tile>& scratch) {
    const auto& forward = at.head.forward;
    Upcoming for_values = values_ahead(at, kv, sums), for_keys = keys_ahead(at, sums);
    const ScoreProduct<bfloat16> s{kv.k,       kv.k_stride,   at.tile.q, forward.q.dim,
                                   at.count(), at.tile.lanes, scratch.s, nullptr};
    glint::GLINT_ISA::scores<Tile>(s, s.dim / 2, at.visible, for_values);
    const ScoreProduct<bfloat16> dp{kv.v,       kv.v_stride,   at.tile.d_out, at.head.d_out.dim,
                                    at.count(), at.tile.lanes, scratch.ds,    nullptr};
    glint::GLINT_ISA::scores<Tile>(dp, dp.dim / 2, at.visible, for_keys);
    if (!ProductsOfPairs<Tile>::exp_scales(forward))
      scale_scores<kRows>(forward.scale, at.count(), at.tile.lanes, scratch.s, scratch.tile_max);
  }
  template <class Head>
  static GLINT_INLINE void differentiate(const TileBox<Head>& at, const GradientScratch<Tile>& scratch) {
    glint::GLINT_ISA::differentiate<kRows>(StoreGradientPairs<kRows>{scratch.ds_pairs},
                                           score_gradient(at, scratch, unit(at.head)));
  }
  template <class Head>
  static GLINT_INLINE void accumulate(const TileBox<Head>& at, const Staged& kv, const KeySums& sums,
                                      const GradientScratch<Tile>& scratch) {
    const GradientTile& t = at.tile;
    add_rows(at, scratch.s, t.d_out_rows, t.d_out_stride, sums.d_v, sums.v_stride);
    add_rows(at, scratch.ds, t.q_rows, t.q_stride, sums.d_k, sums.k_stride);
    add_to_queries(at, ValuePairs{kv.k_pairs, kv.dim, at.count()}, at.count() / 2, scratch.ds_pairs, scratch);
  }

 private:
  static GLINT_INLINE void pack(const QueryView& q, Interval rows, float* lanes, float* pairs) {
    const auto* const from = static_cast<const bfloat16*>(q.row(rows.lo));
    pack_pairs<kRows>(from, q.row_stride, rows.size(), q.dim, lanes);
    interleave_rows(from, q.row_stride, rows.size(), q.dim, reinterpret_cast<bfloat16*>(pairs));
  }
  // `stride`: of pairs, and so the numbers of a row.
  template <class Head>
  static GLINT_INLINE void add_rows(const TileBox<Head>& at, const float* a, const float* rows, index_t stride,
                                    float* sum, index_t sum_stride) {
    const RowSums<Pairs> sums{
        reinterpret_cast<const bfloat16*>(a), kHalvesInRow<kRows>, 2, rows, stride, stride / kLanes, sum, sum_stride};
    const ValuePairs all{reinterpret_cast<const bfloat16*>(rows), stride, at.rows()};
    if (at.visible != nullptr && !all_finite(all)) {
      add_selected_rows(sums, at.rows(), at.count(), at.visible);
    } else {
      add_row_products<Tile, 2>(sums, at.rows(), at.count(), at.visible);
    }
  }
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
#endif

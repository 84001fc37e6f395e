// No guard: included once for each ISA.  The products of a tile of bfloat16 by the dot instruction; products-inl.hpp
// says what its members are for.
#if GLINT_USE_AVX512
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// bfloat16 with the dot instruction; query rows in vector lanes.
template <class Tile>
struct ProductsOfPairs {
  static constexpr index_t kRows = Tile::rows;
  using BiasSum = AddBias;
  struct Staged {
    const bfloat16* k = nullptr;
    const bfloat16* v = nullptr;  // interleaved
    index_t k_stride = 0;
    index_t v_dim = 0;
  };

  // Scores stay unscaled where nothing but exp needs to know.  Of any other scale exp could not keep its promises.
  template <class Head>
  static GLINT_INLINE bool exp_scales(const Head& head) {
    return !kModifies<Head> && !head.bias && !head.slope && !head.sink && head.scale >= 0x1p-64F &&
           head.scale <= 0x1p64F;
  }

  template <class Head>
  static GLINT_INLINE void start(QueryTile<Tile, Head>& tile, const TileScratch<Tile>&) {
    const Head& head = *tile.head;
    pack_pairs<kRows>(static_cast<const bfloat16*>(head.q.row(tile.rows.lo)), head.q.row_stride, tile.rows.size(),
                      head.q.dim, tile.q);
    tile.state.unit = tile.done.unit = exp_scales(head) ? head.scale : 1.0F;
    tile.keys.lo -= tile.keys.lo % 2;  // so that the same keys are partners whatever the mask
  }

  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const TileScratch<Tile>& scratch) {
    const index_t k_dim = head.q.dim, v_dim = head.out.dim;
    bfloat16* const pairs = reinterpret_cast<bfloat16*>(scratch.v);
    const auto whole = head.kv.run(keys.lo, keys.size());
    if (whole.count == keys.size()) {
      interleave_rows(whole.v, whole.v_stride, keys.size(), v_dim, pairs);
      return {whole.k, pairs, whole.k_stride, v_dim};
    }
    bfloat16* const k_rows = reinterpret_cast<bfloat16*>(scratch.k);
    bfloat16* const v_rows = pairs + Tile::columns * v_dim;  // floats have room for twice as many bfloat16
    for (index_t at = keys.lo; at < keys.hi;) {
      const auto run = head.kv.run(at, keys.hi - at);
      copy_rows(run.k, run.k_stride, run.count, k_dim, k_rows + (at - keys.lo) * k_dim);
      copy_rows(run.v, run.v_stride, run.count, v_dim, v_rows + (at - keys.lo) * v_dim);
      at += run.count;
    }
    interleave_rows(v_rows, v_dim, keys.size(), v_dim, pairs);
    return {k_rows, pairs, k_dim, v_dim};
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride, kv.v + keys * kv.v_dim, kv.k_stride, kv.v_dim};
  }
  template <class Head>
  static GLINT_INLINE void expect(const QueryTile<Tile, Head>& tile, const Staged&, Box box, const NextTask& next,
                                  Upcoming& upcoming) {
    expect_next_values(tile, box, next, upcoming);
  }
  static GLINT_INLINE Vec divisor(const Vec& sum) { return sum; }
  template <class Head>
  static GLINT_INLINE void unpack(const Head& head, const float* o, const float* factor, Interval rows) {
    const OutputView& out = head.out;
    if (out.dtype != DType::bf16) return unpack_output<kRows>(o, factor, rows, out);
    unpack_pairs<kRows>(o, factor, rows.size(), out.dim, static_cast<bfloat16*>(out.row(rows.lo)), out.row_stride);
  }

  template <class Head>
  static GLINT_INLINE bool scores(const QueryTile<Tile, Head>& tile, const Staged& kv, index_t count,
                                  const std::uint64_t* visible, const TileScratch<Tile>& scratch, Upcoming& upcoming) {
    const index_t lanes = tile.state.lanes;
    const ScoreProduct<bfloat16> product{kv.k,  kv.k_stride, tile.q,    tile.head->q.dim,
                                         count, lanes,       scratch.s, scratch.tile_max};
    glint::GLINT_ISA::scores<Tile>(product, product.dim / 2, visible, upcoming);
    if (!exp_scales(*tile.head)) scale_scores<kRows>(tile.head->scale, count, lanes, scratch.s, scratch.tile_max);
    return true;
  }
  template <class Head>
  static GLINT_INLINE void absorb(const Head& head, Box box, const TileScratch<Tile>& scratch, const LaneState& state) {
    const index_t count = box.k1 - box.k0;
    if (head.dropout) {
      glint::GLINT_ISA::absorb<kRows>(StoreSingles<kRows>{}, scratch.s, box.k0, count, scratch.tile_max, state);
      drop<kRows>(scratch.keep, count, state.lanes, 1.0F / head.dropout.keep_prob, scratch.s);
      join_keys<kRows>(count, state.lanes, scratch.s);
    } else {
      glint::GLINT_ISA::absorb<kRows>(StorePairs<kRows>{}, scratch.s, box.k0, count, scratch.tile_max, state);
    }
  }
  template <class Head>
  static GLINT_INLINE void accumulate(QueryTile<Tile, Head>& tile, const Staged& kv, Box box,
                                      const std::uint64_t* visible, const TileScratch<Tile>& scratch,
                                      Upcoming& upcoming) {
    const ValuePairs v{kv.v, kv.v_dim, box.k1 - box.k0};
    if (visible != nullptr && !all_finite(v)) {
      accumulate_selected<kRows>(visible, v, scratch.s, tile.running_sum());
    } else {
      glint::GLINT_ISA::accumulate<Tile>(v, v.count / 2, scratch.s, visible, tile.running_sum(), upcoming);
    }
  }
};

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
#endif

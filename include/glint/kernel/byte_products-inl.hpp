// No guard: included once for each ISA.  The products of q, k and v that are all int8, with the documents' roundings;
// products-inl.hpp says what their members are for.  The operator that has them knows no dropout.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// What does not depend on how the products are calculated.
template <class Tile>
struct ByteProducts {
  using BiasSum = AddBiasAsHalf;
  static constexpr index_t kRows = Tile::rows;

  template <class Head, class Staged>
  static GLINT_INLINE void expect(const QueryTile<Tile, Head>& tile, const Staged&, Box box, const NextTask& next,
                                  Upcoming& upcoming) {
    expect_next_values(tile, box, next, upcoming);
  }
  template <template <index_t, bool> class StoreAs, class Head>
  static GLINT_INLINE void absorb_as(const Head& head, Box box, const TileScratch<Tile>& scratch,
                                     const LaneState& state) {
    const ByteFactors factors = byte_factors<Tile>(head);
    const auto absorb = [&](auto guarded) __attribute__((always_inline)) {
      const StoreAs<kRows, decltype(guarded)::value> store_as{decltype(store_as.quantize)::of(factors)};
      glint::GLINT_ISA::absorb<kRows>(store_as, scratch.s, box.k0, box.k1 - box.k0, scratch.tile_max, state);
    };
    factors.quant_guarded ? absorb(std::true_type{}) : absorb(std::false_type{});
  }
  // Calls visit with what finishes a block of O.
  template <class Head, class Visit>
  static GLINT_INLINE void with_block(const Head& head, const Visit& visit) {
    const ByteFactors factors = byte_factors<Tile>(head);
    if (factors.block_guarded) return visit(RoundBlock<true>{factors.dequant2});
    visit(RoundBlock<false>{factors.dequant2});
  }
  // The quotient's divisor is a half too.
  static GLINT_INLINE Vec divisor(const Vec& sum) { return as_half(sum); }
  // Quotients are halves that saturate.  Writing halves rounds, so here is only to be done what that cannot: where the
  // sums of all keys, without any rounding, stay below the largest half, nothing.
  template <class Head>
  static GLINT_INLINE void unpack(const Head& head, float* o, float* factor, Interval rows) {
    const float most = 128 * 128 * static_cast<float>(head.kv.length()) * __builtin_fabsf(head.int8.dequant2);
    if (most > kMostHalf / 2 || head.out.dtype != DType::f16) {
      round_output<kRows>(o, factor, lanes_for<kRows>(rows.size()), head.out.dim);
      fill(factor, kRows, 1.0F);
    }
    unpack_output<kRows>(o, factor, rows, head.out);
  }
};

// On every CPU: whole numbers in float.
template <class Tile>
struct BytesInFloat : ByteProducts<Tile> {
  using Common = ByteProducts<Tile>;
  using Common::kRows;
  using Staged = StagedSingles;

  template <class Head>
  static GLINT_INLINE void start(QueryTile<Tile, Head>& tile, const TileScratch<Tile>&) {
    const Head& head = *tile.head;
    pack_lanes<kRows>(static_cast<const std::int8_t*>(head.q.row(tile.rows.lo)), head.q.row_stride, tile.rows.size(),
                      head.q.dim, 1.0F, tile.q);
  }
  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const TileScratch<Tile>& scratch) {
    return stage_singles(head, keys, scratch);
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride, kv.v + keys * kv.v_stride, kv.k_stride, kv.v_stride};
  }
  template <class Head>
  static GLINT_INLINE bool scores(const QueryTile<Tile, Head>& tile, const Staged& kv, index_t count,
                                  const std::uint64_t* visible, const TileScratch<Tile>& scratch, Upcoming& upcoming) {
    const index_t lanes = tile.state.lanes;
    const ScoreProduct<float> product{kv.k,  kv.k_stride, tile.q,    tile.head->q.dim,
                                      count, lanes,       scratch.s, scratch.tile_max};
    glint::GLINT_ISA::scores<Tile>(product, product.dim, visible, upcoming);
    with_score_steps(
        byte_factors<Tile>(*tile.head), [&](const auto& to_score) __attribute__((always_inline)) {
          round_scores<kRows>(to_score, count, lanes, scratch.s, scratch.tile_max);
        });
    return true;
  }
  template <class Head>
  static GLINT_INLINE void absorb(const Head& head, Box box, const TileScratch<Tile>& scratch, const LaneState& state) {
    Common::template absorb_as<StoreWholes>(head, box, scratch, state);
  }
  template <class Head>
  static GLINT_INLINE void accumulate(QueryTile<Tile, Head>& tile, const Staged& kv, Box box,
                                      const std::uint64_t* visible, const TileScratch<Tile>& scratch,
                                      Upcoming& upcoming) {
    Common::with_block(
        *tile.head, [&](const auto& finish) __attribute__((always_inline)) {
          const ValueRows<std::remove_cvref_t<decltype(finish)>> v{kv.v,   kv.v_stride,     tile.head->out.dim,
                                                                   box.k0, box.k1 - box.k0, finish};
          glint::GLINT_ISA::accumulate<Tile>(v, v.count, scratch.s, visible, tile.running_sum(), upcoming);
        });
  }
};

#if GLINT_USE_AVX512
// With the dot instruction.
template <class Tile>
struct BytesByDot : ByteProducts<Tile> {
  using Common = ByteProducts<Tile>;
  using Common::kRows;
  struct Staged {
    const std::uint8_t* k = nullptr;  // with 128 added
    const std::int8_t* v = nullptr;   // interleaved
    index_t k_stride = 0;
    index_t v_dim = 0;
  };

  template <class Head>
  static GLINT_INLINE void start(QueryTile<Tile, Head>& tile, const TileScratch<Tile>&) {
    const Head& head = *tile.head;
    pack_quads<kRows>(static_cast<const std::int8_t*>(head.q.row(tile.rows.lo)), head.q.row_stride, tile.rows.size(),
                      head.q.dim, tile.q);
    tile.keys.lo -= tile.keys.lo % 4;  // V can only be skipped in fours
  }
  template <class Head>
  static GLINT_INLINE Staged stage(const Head& head, Interval keys, const TileScratch<Tile>& scratch) {
    const index_t k_dim = head.q.dim, v_dim = head.out.dim, k_stride = (k_dim + 3) / 4 * 4;
    std::uint8_t* const k_rows = reinterpret_cast<std::uint8_t*>(scratch.k);
    std::int8_t* const quads = reinterpret_cast<std::int8_t*>(scratch.v);
    std::int8_t* const v_rows = quads + Tile::columns * v_dim;  // floats have room for four times as many bytes
    const bool whole = head.kv.run(keys.lo, keys.size()).count == keys.size();
    for (index_t at = keys.lo; at < keys.hi;) {
      const auto run = head.kv.run(at, keys.hi - at);
      copy_unsigned_rows(run.k, run.k_stride, run.count, k_dim, k_rows + (at - keys.lo) * k_stride, k_stride);
      if (whole) {
        interleave_byte_rows(run.v, run.v_stride, run.count, v_dim, quads);
      } else {
        copy_rows(run.v, run.v_stride, run.count, v_dim, v_rows + (at - keys.lo) * v_dim);
      }
      at += run.count;
    }
    if (!whole) interleave_byte_rows(v_rows, v_dim, keys.size(), v_dim, quads);
    return {k_rows, quads, k_stride, v_dim};
  }
  static GLINT_INLINE Staged skip(const Staged& kv, index_t keys) {
    return {kv.k + keys * kv.k_stride, kv.v + keys * kv.v_dim, kv.k_stride, kv.v_dim};
  }
  template <class Head>
  static GLINT_INLINE bool scores(const QueryTile<Tile, Head>& tile, const Staged& kv, index_t count,
                                  const std::uint64_t* visible, const TileScratch<Tile>& scratch, Upcoming& upcoming) {
    const ByteFactors factors = byte_factors<Tile>(*tile.head);
    const QuadScores product{kv.k,      kv.k_stride,      tile.q, (tile.head->q.dim + 3) / 4, count, tile.state.lanes,
                             scratch.s, scratch.tile_max, factors};
    glint::GLINT_ISA::scores<Tile>(product, product.quads, visible, upcoming);
    return true;
  }
  template <class Head>
  static GLINT_INLINE void absorb(const Head& head, Box box, const TileScratch<Tile>& scratch, const LaneState& state) {
    Common::template absorb_as<StoreQuads>(head, box, scratch, state);
  }
  template <class Head>
  static GLINT_INLINE void accumulate(QueryTile<Tile, Head>& tile, const Staged& kv, Box box,
                                      const std::uint64_t* visible, const TileScratch<Tile>& scratch,
                                      Upcoming& upcoming) {
    Common::with_block(
        *tile.head, [&](const auto& finish) __attribute__((always_inline)) {
          const ByteRowQuads<std::remove_cvref_t<decltype(finish)>> v{kv.v, kv.v_dim, box.k1 - box.k0, finish};
          glint::GLINT_ISA::accumulate<Tile>(v, (v.count + 3) / 4, scratch.s, visible, tile.running_sum(), upcoming);
        });
  }
};
#endif

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

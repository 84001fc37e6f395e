// No guard: included once for each ISA.  The two products of a tile of bfloat16 with the CPU's dot instruction, which
// multiplies pairs of neighbours: along head_dim for the scores, along the keys for the product with V.  A pair of
// natural K is the 32-bit word that holds it, so K is read in place; V is interleaved once for each key tile.
#if GLINT_USE_AVX512
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// S^T = K q^T, unscaled, and the maximum of each lane.
template <index_t kRows, class Block>
GLINT_NOINLINE void scores_of_lanes(const bfloat16* k, index_t k_stride, const float* q, index_t dim, index_t count,
                                    float* s, float* tile_max, Upcoming& upcoming) {
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  constexpr int NV = Block::vecs;
  Vec top[NV];
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) top[j] = splat(kLowest);
  for_blocks<Block::rows>(
      count, [&](auto rows, index_t c) __attribute__((always_inline)) {
        constexpr int kCount = decltype(rows)::value;
        const bfloat16* const row = k + c * k_stride;
        Vec block[kCount][NV] = {};
        multiply_add(Broadcast<Pairs>{row, k_stride, 2}, q, kRows, dim / 2, block, request);
        if (dim % 2 != 0)
          multiply_add_once(Broadcast<LonePairs>{row + dim - 1, k_stride, 0}, 0, q + dim / 2 * kRows, block);
        if (tile_max != nullptr) raise<kCount, NV>(top, block);
        store_block<kRows>(s + c * kRows, block);
      });
  if (tile_max == nullptr) return;
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) store(tile_max + j * kLanes, top[j]);
}

// p[c / 2] = the pair p[c], p[c + 1] rounded; in place.
template <index_t kRows>
GLINT_NOINLINE void join_keys(index_t count, index_t lanes, float* p) {
  for (index_t c = 0; c < count; c += 2) {
    for (index_t lane = 0; lane < lanes; lane += kLanes) {
      float* const at = p + c * kRows + lane;
      store(p + c / 2 * kRows + lane, join_pairs(load(at), c + 1 < count ? load(at + kRows) : Vec{}));
    }
  }
}

// absorb: neighbouring keys as pairs, p rounded to bfloat16 once the sum has been taken.  A chain has an even number of
// keys, but for the last.
template <index_t kRows>
struct StorePairs {
  static constexpr index_t kKeys = 2;
  template <int NV>
  GLINT_INLINE void operator()(const Exponent& exponent, Vec (&x)[2][NV], Vec (&sum)[NV], float* s, index_t c,
                               index_t lane) const {
    exponentiate<3>(exponent, x, sum);
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) store(s + c / 2 * kRows + lane + j * kLanes, join_pairs(x[0][j], x[1][j]));
  }
};

// V as interleave_rows leaves it.
struct ValuePairs {
  const bfloat16* data;
  index_t dim;
  index_t count;  // keys

  ValuePairs part(Interval keys) const { return {data + keys.lo * dim, dim, keys.size()}; }
  static constexpr index_t kKeysInRow = 2;  // of p
};

// One chain: against the rounding of P to bfloat16 that of the sum is nothing.
template <index_t kRows, class Block>
GLINT_NOINLINE void accumulate_lanes(const ValuePairs& v, const float* p, const RunningSum& sum, index_t lane,
                                     Upcoming& upcoming) {
  const index_t pairs = (v.count + 1) / 2;
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  for_blocks<Block::rows>(
      v.dim, [&](auto rows, index_t d) __attribute__((always_inline)) {
        Vec block[decltype(rows)::value][Block::vecs] = {};
        multiply_add(Broadcast<Pairs>{v.data + 2 * d, 2, 2 * v.dim}, p + lane, kRows, pairs, block, request);
        rescale_and_add<kRows>(sum, d, lane, block);
      });
}

GLINT_NOINLINE inline bool all_finite(const ValuePairs& v) {
  constexpr std::int32_t kLow = 0x7f80, kHigh = 0x7f800000;
  const index_t size = (v.count + 1) / 2 * 2 * v.dim;
  IntVec seen{};
  for (index_t i = 0; i < size; i += 2 * kLanes) {
    const IntVec pairs = bits_of(load_pairs(v.data + i, size - i));
    seen |= ((pairs & kLow) == kLow) | ((pairs & kHigh) == kHigh);
  }
  std::int32_t any = 0;
  for (int i = 0; i < kLanes; ++i) any |= seen[i];
  return any == 0;
}

// The same sums in the same order where V holds a NaN or an infinity: lanes that do not see a key multiply 0, not V.
template <index_t kRows>
GLINT_NOINLINE void accumulate_selected(const std::uint64_t* visible, const ValuePairs& v, const float* p,
                                        const RunningSum& sum) {
  const IntVec low = IntVec{} + 0xffff;
  for (index_t lane = 0; lane < sum.lanes; lane += kLanes) {
    for (index_t d = 0; d < v.dim; ++d) {
      Vec block[1][1] = {};
      for (index_t c = 0; c < v.count; c += 2) {
        const IntVec pair = bits_of(Pairs::broadcast(v.data + c * v.dim + 2 * d));
        const auto seen = [&](index_t key, const IntVec& half) __attribute__((always_inline)) {
          const std::uint64_t word = key < v.count ? visible[key] : 0;
          return bits_of(select(lanes_of(word, static_cast<int>(lane)), from_bits(pair & half), Vec{}));
        };
        Pairs::add(block[0][0], from_bits(seen(c, low) | seen(c + 1, ~low)), load(p + c / 2 * kRows + lane));
      }
      rescale_and_add<kRows>(sum, d, lane, block);
    }
  }
}

// s *= scale, and the maximum of each lane.
template <index_t kRows>
GLINT_NOINLINE void scale_scores(float scale, index_t count, index_t lanes, float* s, float* tile_max) {
  for (index_t lane = 0; lane < lanes; lane += kLanes) {
    Vec top = splat(kLowest);
    for (index_t c = 0; c < count; ++c) {
      const Vec value = load(s + c * kRows + lane) * scale;
      store(s + c * kRows + lane, value);
      top = vmax(top, value);
    }
    store(tile_max + lane, top);
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
#endif

// No guard: included once for each ISA.  A tile of scores, [key][query lane]: made, biased, modified, masked.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// A register block, and its place in a tile whose rows are kRows wide.
template <index_t kRows, int kCount, int NV>
GLINT_INLINE void add_block(const float* from, Vec (&block)[kCount][NV]) {
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) block[i][j] += load(from + i * kRows + j * kLanes);
  }
}
template <int kCount, int NV>
GLINT_INLINE void add_block(Vec (&sum)[kCount][NV], const Vec (&block)[kCount][NV]) {
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) sum[i][j] += block[i][j];
  }
}
template <index_t kRows, int kCount, int NV>
GLINT_INLINE void store_block(float* to, const Vec (&block)[kCount][NV]) {
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) store(to + i * kRows + j * kLanes, block[i][j]);
  }
}
template <int kCount, int NV>
GLINT_INLINE void raise(Vec (&top)[NV], const Vec (&block)[kCount][NV]) {
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    GLINT_UNROLL
    for (int j = 0; j < NV; ++j) top[j] = vmax(top[j], block[i][j]);
  }
}

// A dot product longer than this is summed in parts: one chain of 512 dependent additions, all rounding the same way,
// is already past what the error contract allows for the lse.
inline constexpr index_t kDepthChain = 128;

// The first product of a tile: `count` keys against the query rows in `lanes` lanes.
template <class Element>
struct ScoreProduct {
  const Element* k;
  index_t k_stride;
  const float* q;  // packed
  index_t dim;
  index_t count, lanes;
  float* s;         // [count][kRows]
  float* tile_max;  // [kRows]; null: nobody asks
};

// S^T = K q^T, and the maximum of each lane.
template <index_t kRows, class Block>
GLINT_NOINLINE void scores_of_lanes(const float* k, index_t k_stride, const float* q, index_t dim, index_t count,
                                    float* s, float* tile_max, Upcoming& upcoming) {
  const auto request = [&upcoming]() __attribute__((always_inline)) { upcoming.request(); };
  constexpr int NV = Block::vecs;
  Vec top[NV];
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) top[j] = splat(kLowest);
  for_blocks<Block::rows>(
      count, [&](auto rows, index_t c) __attribute__((always_inline)) {
        constexpr int kCount = decltype(rows)::value;
        float* const target = s + c * kRows;
        for (index_t d = 0; d < dim; d += kDepthChain) {
          const bool last = d + kDepthChain >= dim;
          Vec block[kCount][NV] = {};
          multiply_add(Broadcast<Singles>{k + c * k_stride + d, k_stride, 1}, q + d * kRows, kRows,
                       last ? dim - d : kDepthChain, block, request);
          if (d > 0) add_block<kRows>(target, block);
          if (last && tile_max != nullptr) raise<kCount, NV>(top, block);
          store_block<kRows>(target, block);
        }
      });
  if (tile_max == nullptr) return;
  GLINT_UNROLL
  for (int j = 0; j < NV; ++j) store(tile_max + j * kLanes, top[j]);
}

// Keys [lo, hi) of a tile, outside which no row in the lanes from `lane` on sees any; words as from mask_bits.
GLINT_INLINE Interval keys_seen(const std::uint64_t* words, index_t count, index_t lane, index_t width) {
  const std::uint64_t rows = mask::bit_range(lane, lane + width);
  Interval keys{0, count};
  while (keys.lo < keys.hi && (words[keys.lo] & rows) == 0) ++keys.lo;
  while (keys.lo < keys.hi && (words[keys.hi - 1] & rows) == 0) --keys.hi;
  return keys;
}

// Lanes [lo, hi), in whole units, outside which no row sees any of `count` keys.
template <index_t kRows>
GLINT_INLINE Interval lanes_that_see(const std::uint64_t* words, index_t count) {
  constexpr index_t kUnit = kUnitVecs<kRows> * kLanes;
  std::uint64_t any = 0;
  for (index_t c = 0; c < count; ++c) any |= words[c];
  if (any == 0) return {};
  return {std::countr_zero(any) / kUnit * kUnit, (64 - std::countl_zero(any) + kUnit - 1) / kUnit * kUnit};
}

// Where the bias of a box lies, for prefetching.
GLINT_INLINE NextRows bias_rows(const Bias& bias, Box box) {
  if (!bias || bias.fold != Bias::Fold::plain) return {};
  const index_t size = size_of(bias.dtype), rows = bias.row_stride == 0 ? 1 : box.q1 - box.q0;
  return {static_cast<const char*>(bias.data) + bias.offset(box.q0, box.k0) * size, bias.row_stride * size, rows,
          (box.k1 - box.k0) * size};
}

// One square of lanes of the bias for queries q.. and keys k.., transposed so that row c is key k + c.
GLINT_INLINE void load_bias_square(const Bias& bias, index_t q, index_t k, index_t rows, index_t columns,
                                   Vec (&square)[kLanes]) {
  if (bias.fold == Bias::Fold::plain) {
    const index_t first = rows > 0 ? bias.offset(q, k) : 0;
    if (bias.dtype == DType::f32) {
      load_transposed(static_cast<const float*>(bias.data) + first, bias.row_stride, rows, columns, square);
    } else if (bias.dtype == DType::f16) {
      load_transposed(static_cast<const half*>(bias.data) + first, bias.row_stride, rows, columns, square);
    } else {
      load_transposed(static_cast<const bfloat16*>(bias.data) + first, bias.row_stride, rows, columns, square);
    }
  } else {
    for (int i = 0; i < kLanes; ++i) {
      alignas(64) float row[kLanes] = {};
      for (int c = 0; c < kLanes && c < columns && i < rows; ++c) row[c] = bias.at(q + i, k + c);
      square[i] = load(row);
    }
    transpose(square);
  }
}

// Excluded scores become -inf by selection, so that a NaN there goes no further.
// words: one for each key (see mask_bits), or null when nothing is excluded.
GLINT_INLINE Vec exclude(const std::uint64_t* words, index_t c, index_t lane, const Vec& s) {
  return words == nullptr ? s : select(lanes_of(words[c], static_cast<int>(lane)), s, minus_infinity());
}

// s + factor * bias.
struct AddBias {
  Vec factor;
  static GLINT_INLINE AddBias of(const Bias& bias) { return {splat(bias.factor)}; }
  GLINT_INLINE Vec operator()(const Vec& s, const Vec& bias) const { return fma(bias, factor, s); }
};

// s = sum(s, bias); then as exclude_and_maximum, in the same pass.
template <index_t kRows, class BiasSum>
GLINT_NOINLINE void add_bias(const Bias& bias, Box box, const std::uint64_t* words, index_t lanes, float* s,
                             float* tile_max) {
  const BiasSum sum = BiasSum::of(bias);
  for (index_t lane = 0; lane < lanes; lane += kLanes) {
    const index_t q = box.q0 + lane, rows = box.q1 - q;
    Vec top = splat(kLowest);
    for (index_t k = box.k0; k < box.k1; k += kLanes) {
      Vec square[kLanes];
      load_bias_square(bias, q, k, rows, box.k1 - k, square);
      const index_t c = k - box.k0;
      const auto finish = [&](int i) __attribute__((always_inline)) {
        float* const at = s + (c + i) * kRows + lane;
        const Vec value = exclude(words, c + i, lane, sum(load(at), square[i]));
        store(at, value);
        top = vmax(top, value);
      };
      if (box.k1 - k >= kLanes) {
        GLINT_UNROLL
        for (int i = 0; i < kLanes; ++i) finish(i);
      } else {
        for (int i = 0; i < box.k1 - k; ++i) finish(i);
      }
    }
    store(tile_max + lane, top);
  }
}

// Any lane modifier over the tile.
template <index_t kRows, class Modifier>
GLINT_NOINLINE void modify(const Modifier& modifier, Box box, index_t lanes, float* s) {
  for (index_t k = box.k0; k < box.k1; ++k) {
    for (index_t lane = 0; lane < lanes; lane += kLanes) {
      float* const at = s + (k - box.k0) * kRows + lane;
      Vec value = load(at);
      modifier(value, iota() + static_cast<float>(box.q0 + lane - k));
      store(at, value);
    }
  }
}

// pse type 3; type 2 is score::Alibi.
struct AlibiSquareRoot {
  score::Alibi linear;
  GLINT_INLINE void operator()(Vec& s, const Vec& q_minus_k) const {
    const Vec distance = q_minus_k + linear.offset;
    s -= linear.slope * square_root(vmax(distance, -distance));
  }
};

// The bias that the kernel generates.
template <index_t kRows>
GLINT_INLINE void modify_by_slope(const Slope& slope, Box box, index_t lanes, float* s) {
  const score::Alibi alibi{slope.slope, slope.offset};
  slope.square_root ? modify<kRows>(AlibiSquareRoot{alibi}, box, lanes, s) : modify<kRows>(alibi, box, lanes, s);
}

// Excludes, and takes the maximum of each lane.
template <index_t kRows>
GLINT_NOINLINE void exclude_and_maximum(const std::uint64_t* words, index_t count, index_t lanes, float* s,
                                        float* tile_max) {
  for_lane_groups<kRows>(
      lanes, [&](auto block, index_t lane) __attribute__((always_inline)) {
        constexpr int NV = decltype(block)::vecs;
        Vec top[NV];
        GLINT_UNROLL
        for (int j = 0; j < NV; ++j) top[j] = splat(kLowest);
        for (index_t c = 0; c < count; ++c) {
          GLINT_UNROLL
          for (int j = 0; j < NV; ++j) {
            float* const at = s + c * kRows + lane + j * kLanes;
            const Vec value = exclude(words, c, lane + j * kLanes, load(at));
            if (words != nullptr) store(at, value);
            top[j] = vmax(top[j], value);
          }
        }
        GLINT_UNROLL
        for (int j = 0; j < NV; ++j) store(tile_max + lane + j * kLanes, top[j]);
      });
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

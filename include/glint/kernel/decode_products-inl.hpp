// No guard: included once for each ISA.  The two products of decode: few query rows against many keys.  Vectors run
// along head_dim: a row of K or V is loaded once for a block of query rows, and one query row uses every lane.  Scores
// lie as [row][key].
//
// A query row's result is the same whoever shares its block: every (row, key) has one chain of multiply-adds along
// head_dim, one tree of additions across lanes, and chains over fixed sets of 64 keys.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Rows of a block.  Fewer rows than this are taken one by one, or padded with zeros to a whole block.
inline constexpr int kBlock = kLanes >= 4 ? 4 : 1;

constexpr index_t padded_rows(index_t rows) { return rows == 1 ? 1 : (rows + kBlock - 1) / kBlock * kBlock; }

// The sums of the lanes of kLanes vectors, vector i's in lane i; always the same tree of additions.
#if GLINT_USE_AVX512
GLINT_INLINE __m512 add_pairs(const Vec& a, const Vec& b) {
  return _mm512_add_ps(_mm512_maskz_unpacklo_ps(kAllLanes, (__m512)a, (__m512)b),
                       _mm512_maskz_unpackhi_ps(kAllLanes, (__m512)a, (__m512)b));
}
GLINT_INLINE __m512 add_quads(__m512 a, __m512 b) {
  const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
  return _mm512_add_ps(_mm512_castpd_ps(_mm512_maskz_unpacklo_pd(0xff, x, y)),
                       _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(0xff, x, y)));
}
GLINT_INLINE __m512 add_quarters(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_maskz_shuffle_f32x4(kAllLanes, a, b, 0x88),
                       _mm512_maskz_shuffle_f32x4(kAllLanes, a, b, 0xdd));
}
GLINT_INLINE Vec lane_sums(Vec (&v)[kLanes]) {
  __m512 quad[4];
  GLINT_UNROLL
  for (int i = 0; i < 4; ++i)
    quad[i] = add_quads(add_pairs(v[4 * i], v[4 * i + 1]), add_pairs(v[4 * i + 2], v[4 * i + 3]));
  return (Vec)add_quarters(add_quarters(quad[0], quad[1]), add_quarters(quad[2], quad[3]));
}
#else
template <int kHalf>
GLINT_INLINE void add_halves([[maybe_unused]] Vec (&v)[kLanes]) {
#if GLINT_LANES > 1
  GLINT_UNROLL
  for (int i = 0; i < kHalf; ++i) {
    Vec low, high;
    interleave(v[i], v[i + kHalf], low, high, std::make_integer_sequence<int, kLanes>());
    v[i] = low + high;
  }
  if constexpr (kHalf > 1) add_halves<kHalf / 2>(v);
#endif
}
GLINT_INLINE Vec lane_sums(Vec (&v)[kLanes]) {
  add_halves<kLanes / 2>(v);
  return v[0];
}
#endif

// K or V of a tile.
template <class Stored, class Load>
struct TileRows {
  const Stored* const* rows;  // past the last key, and where nobody sees a key, rows of zeros
  Load load;
  index_t dim;
  index_t ahead = 0;  // how much further on in the table lies the row to ask for; 0 where nothing lies behind
};

// One step along head_dim of a block: kRows query rows and kCount keys.
template <class Load, int kRows, int kCount>
GLINT_INLINE void dot_step(const Vec (&x)[kCount], const float* q, index_t q_stride, Vec (&sum)[kRows * kCount]) {
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Vec query = load(q + r * q_stride);
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) Load::add(sum[r * kCount + i], x[i], query);
  }
}

// Where the queries' partners of number d begin.
template <class Load>
GLINT_INLINE const float* query_at(const float* q, index_t d) {
  return q + d / (Load::kNumbers / kLanes);
}

// s[row][key] for kRows query rows and kLanes / kRows keys.
template <int kRows, bool kAsk, class Stored, class Load>
GLINT_INLINE void dot_block(const TileRows<Stored, Load>& k, index_t key, const float* q, index_t q_stride, float* s,
                            bool add) {
  constexpr int kCount = kLanes / kRows, kLines = static_cast<int>(row_bytes<Stored>(Load::kNumbers) * kCount / 64);
  const Stored* const* const row = k.rows + key;
  Vec sum[kLanes], x[kCount];
  GLINT_UNROLL
  for (int i = 0; i < kLanes; ++i) sum[i] = splat(0.0F);
  index_t d = 0;
  Ahead<Stored> ahead{row + k.ahead, row_bytes<Stored>(k.dim)};
  GLINT_PRAGMA(GCC unroll 1)
  for (; d + Load::kNumbers <= k.dim; d += Load::kNumbers) {
    if constexpr (kAsk) ahead.template ask<kLines>();
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) x[i] = k.load(row[i], key + i, d);
    dot_step<Load, kRows, kCount>(x, query_at<Load>(q, d), q_stride, sum);
  }
  if (d < k.dim) {
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) x[i] = k.load(row[i], key + i, d, k.dim - d);
    dot_step<Load, kRows, kCount>(x, query_at<Load>(q, d), q_stride, sum);
  }
  alignas(64) float lane[kLanes];
  Vec total = lane_sums(sum);
  if (add) {
    GLINT_UNROLL
    for (int r = 0; r < kRows; ++r)
      __builtin_memcpy(lane + r * kCount, s + r * decode::kKeys + key, sizeof(float) * kCount);
    total += load(lane);
  }
  store(lane, total);
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r)
    __builtin_memcpy(s + r * decode::kKeys + key, lane + r * kCount, sizeof(float) * kCount);
}

// kCount vectors of one row's dot product.
template <int kCount, class Stored, class Load>
GLINT_INLINE void dot_vectors(const Load& load_row, const Stored* row, const Stored* later, index_t key, index_t d,
                              const float* q, Vec& sum) {
  constexpr index_t kBytes = row_bytes<Stored>(Load::kNumbers);
  GLINT_UNROLL
  for (int j = 0; j < kCount; ++j) {
    if (j * kBytes % Load::kAskEvery == 0) ask_for(later, row_bytes<Stored>(d) + j * kBytes);
    sum = Load::added(load_row(row, key, d + j * Load::kNumbers), load(query_at<Load>(q, d) + j * kLanes), sum);
  }
}

// The same for one query row and kLanes keys, key by key: rows are read from end to end, as memory likes it.
template <class Stored, class Load>
GLINT_INLINE void dot_keys(const TileRows<Stored, Load>& k, index_t key, const float* q, float* s, bool add) {
  constexpr int kAtOnce = 8 * kLanes / Load::kNumbers;
  Vec sum[kLanes];
  GLINT_PRAGMA(GCC unroll 1)
  for (int i = 0; i < kLanes; ++i) {
    const Stored* const row = k.rows[key + i];
    const Stored* const later = k.rows[key + i + k.ahead];
    Vec one = splat(0.0F);
    index_t d = 0;
    for (; d + kAtOnce * Load::kNumbers <= k.dim; d += kAtOnce * Load::kNumbers)
      dot_vectors<kAtOnce>(k.load, row, later, key + i, d, q, one);
    for (; d + Load::kNumbers <= k.dim; d += Load::kNumbers) dot_vectors<1>(k.load, row, later, key + i, d, q, one);
    if (d < k.dim) one = Load::added(k.load(row, key + i, d, k.dim - d), load(query_at<Load>(q, d)), one);
    sum[i] = one;
  }
  const Vec result = lane_sums(sum);
  store(s + key, add ? load(s + key) + result : result);
}

// s = q k^T, or s += q k^T: `rows` query rows (padded_rows of them are calculated), `count` keys rounded up to a block.
template <class Stored, class Load>
GLINT_NOINLINE void scores_by_rows(const TileRows<Stored, Load>& k, const float* q, index_t q_stride, index_t rows,
                                   index_t count, float* s, bool add) {
  if (rows == 1) {
    for (index_t key = 0; key < count; key += kLanes) dot_keys(k, key, q, s, add);
    return;
  }
  for (index_t key = 0; key < count; key += kLanes / kBlock) {
    dot_block<kBlock, true>(k, key, q, q_stride, s, add);
    for (index_t r = kBlock; r < rows; r += kBlock)
      dot_block<kBlock, false>(k, key, q + r * q_stride, q_stride, s + r * decode::kKeys, add);
  }
}

// Where weighted sums go: [row][width], o = alpha * o + sums.
struct WeighedSums {
  float* o;
  float* chain;  // a chain's sums so far
  index_t width;
  const float* alpha;
  bool first;  // o holds nothing yet
};

// Part of a chain of keys: [lo, hi) of the tile.
struct ChainPart {
  index_t lo, hi;
  bool begins, ends;  // the chain
  bool rescales;      // the tile's first chain: o *= alpha
};

// kColumns vectors from number d on; n: numbers left, if fewer than a unit.
template <int kRows, int kColumns, bool kAsk, class Stored, class Load>
GLINT_INLINE void weigh_block(const TileRows<Stored, Load>& v, index_t d, index_t n, const float* p, ChainPart keys,
                              const WeighedSums& to, index_t first_row, Ahead<Stored> ahead) {
  constexpr int kLines = static_cast<int>((row_bytes<Stored>(kColumns * kLanes) * Load::kKeys + 63) / 64);
  Vec sum[kRows][kColumns], x[kColumns];
  float* const chain = to.chain + first_row * to.width + d;
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j) sum[r][j] = keys.begins ? splat(0.0F) : load(chain + r * to.width + j * kLanes);
  }
  for (index_t key = keys.lo; key < keys.hi; key += Load::kKeys) {
    // One query row: line by line between the loads.  Several: a pass reads part of a row, and asks in memory's order.
    if constexpr (kAsk && kRows > 1) ahead.template ask<kLines>();
    v.load.columns(
        v.rows, key, d, n, x, [&](int i, int number) __attribute__((always_inline)) {
          if constexpr (kAsk && kRows == 1) {
            if (row_bytes<Stored>(number) % Load::kAskEvery == 0)
              ask_for(v.rows[key + i + v.ahead], row_bytes<Stored>(d + number));
          }
        });
    GLINT_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vec weight = Load::weight(p + r * decode::kKeys, key);
      GLINT_UNROLL
      for (int j = 0; j < kColumns; ++j) Load::add(sum[r][j], weight, x[j]);
    }
  }
  float* const o = to.o + first_row * to.width + d;
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const Vec alpha = splat(keys.rescales ? to.alpha[first_row + r] : 1.0F);
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      float* const at = o + r * to.width + j * kLanes;
      if (!keys.ends) {
        store(chain + r * to.width + j * kLanes, sum[r][j]);
      } else if (to.first && keys.rescales) {
        store(at, sum[r][j]);
      } else {
        store(at, fma(alpha, load(at), sum[r][j]));
      }
    }
  }
}

// All columns, for kRows query rows at a time.
template <int kRows, int kColumns, class Stored, class Load>
GLINT_INLINE void weigh_part(const TileRows<Stored, Load>& v, const float* p, index_t rows, ChainPart keys,
                             const WeighedSums& to) {
  constexpr index_t kUnit = Load::kUnit * kLanes;
  const index_t passes = (v.dim + kColumns * kLanes - 1) / (kColumns * kLanes), bytes = row_bytes<Stored>(v.dim);
  const auto columns_at = [&](auto units, index_t d, index_t n) __attribute__((always_inline)) {
    constexpr int kCount = decltype(units)::value * Load::kUnit;
    const index_t row = keys.lo + v.ahead + (keys.hi - keys.lo) * (d / (kColumns * kLanes)) / passes;
    weigh_block<kRows, kCount, true>(v, d, n, p, keys, to, 0, Ahead<Stored>{v.rows + row, bytes});
    for (index_t r = kRows; r < rows; r += kRows)
      weigh_block<kRows, kCount, false>(v, d, n, p + r * decode::kKeys, keys, to, r, Ahead<Stored>{v.rows, bytes});
  };
  const index_t whole = v.dim / kUnit * kUnit;
  for_blocks<kColumns / Load::kUnit>(
      v.dim / kUnit, [&](auto units, index_t j)
                         __attribute__((always_inline)) { columns_at(units, j * kUnit, kUnit); });
  if (whole < v.dim) columns_at(std::integral_constant<int, 1>{}, whole, v.dim - whole);
}

// o = alpha * o + p v for `rows` query rows.  Where a row of V needs several passes, few keys are taken at a time, so
// that the passes find it in the first-level cache and memory is read steadily.
template <class Stored, class Load>
GLINT_NOINLINE void weigh_by_rows(const TileRows<Stored, Load>& v, const float* p, index_t rows, index_t count,
                                  const WeighedSums& to) {
  constexpr int kColumns = kLanes == 16 ? 4 : 2, kColumnsAlone = 8;
  const bool one_pass = v.dim <= (rows == 1 ? kColumnsAlone : kColumns) * kLanes && rows <= kBlock;
  const index_t step = one_pass ? decode::kChain : 16;
  for (index_t key = 0; key < count; key += step) {
    const index_t hi = key + step < count ? key + step : count;
    const ChainPart keys{key, hi, key % decode::kChain == 0, hi % decode::kChain == 0 || hi == count,
                         key < decode::kChain};
    if (rows == 1) {
      weigh_part<1, kColumnsAlone>(v, p, 1, keys, to);
    } else {
      weigh_part<kBlock, kColumns>(v, p, rows, keys, to);
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

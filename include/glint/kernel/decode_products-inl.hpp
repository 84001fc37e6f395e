// No guard: included once for each ISA.  The two products of decode: few query rows against many keys.  Vectors run
// along head_dim: a row of K or V is loaded once for a block of query rows, and one query row uses every lane.  Scores
// lie as [row][key].
//
// A query row's result is the same whoever shares its block: every (row, key) has one chain of multiply-adds along
// head_dim, one tree of additions across lanes, and one chain over the keys of a tile.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Rows of a block.  Fewer rows than this are taken one by one, or padded with zeros to a whole block.
inline constexpr int kBlock = kLanes >= 4 ? 4 : 1;

constexpr index_t padded_rows(index_t rows) { return rows == 1 ? 1 : (rows + kBlock - 1) / kBlock * kBlock; }

// The sums of the lanes of kLanes vectors, one sum in each lane of the result; always the same tree of additions.
GLINT_INLINE Vec lane_sums(Vec (&v)[kLanes]) {
  transpose(v);
  GLINT_UNROLL
  for (int half = kLanes / 2; half > 0; half /= 2) {
    GLINT_UNROLL
    for (int i = 0; i < half; ++i) v[i] += v[i + half];
  }
  return v[0];
}

// Rows that will be read after these: one for each key of the tile, or none.
template <class Stored>
struct Ahead {
  const Stored* const* rows = nullptr;
  index_t bytes = 0;
};

// K or V of a tile.
template <class Stored, class Load>
struct TileRows {
  const Stored* const* rows;  // kKeys of them; past the last key, and where nobody sees a key, rows of zeros
  Load load;
  index_t dim;
};

// s[row][key] for kRows query rows and kLanes / kRows keys.
template <int kRows, bool kAsk, class Stored, class Load>
GLINT_INLINE void dot_block(const TileRows<Stored, Load>& k, index_t key, const float* q, index_t q_stride, float* s,
                            bool add, const Ahead<Stored>& ahead) {
  constexpr int kCount = kLanes / kRows;
  const Stored* row[kCount];
  GLINT_UNROLL
  for (int i = 0; i < kCount; ++i) row[i] = k.rows[key + i];
  Vec sum[kLanes] = {};
  const auto step = [&](index_t d, const auto& read) __attribute__((always_inline)) {
    Vec query[kRows];
    GLINT_UNROLL
    for (int r = 0; r < kRows; ++r) query[r] = load(q + r * q_stride + d);
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) {
      const Vec x = read(i);
      GLINT_UNROLL
      for (int r = 0; r < kRows; ++r) fma_into(sum[r * kCount + i], x, query[r]);
    }
  };
  index_t d = 0;
  for (; d + kLanes <= k.dim; d += kLanes) {
    if constexpr (kAsk) {
      const index_t byte = row_bytes<Stored>(d);
      if (byte % 64 == 0 && byte < ahead.bytes) {
        GLINT_UNROLL
        for (int i = 0; i < kCount; ++i) ask_for(ahead.rows[key + i], byte);
      }
    }
    step(d, [&](int i) __attribute__((always_inline)) { return k.load(row[i], key + i, d); });
  }
  if (d < k.dim)
    step(d, [&](int i) __attribute__((always_inline)) { return k.load(row[i], key + i, d, k.dim - d); });
  alignas(64) float result[kLanes];
  store(result, lane_sums(sum));
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    GLINT_UNROLL
    for (int i = 0; i < kCount; ++i) {
      float& at = s[r * decode::kKeys + key + i];
      at = add ? at + result[r * kCount + i] : result[r * kCount + i];
    }
  }
}

// s = q k^T, or s += q k^T: `rows` query rows (padded_rows of them are calculated), `count` keys rounded up to a block.
template <class Stored, class Load>
GLINT_NOINLINE void scores_by_rows(const TileRows<Stored, Load>& k, const float* q, index_t q_stride, index_t rows,
                                   index_t count, float* s, bool add, Ahead<Stored> ahead) {
  if (rows == 1) {
    for (index_t key = 0; key < count; key += kLanes) dot_block<1, true>(k, key, q, q_stride, s, add, ahead);
    return;
  }
  for (index_t key = 0; key < count; key += kLanes / kBlock) {
    dot_block<kBlock, true>(k, key, q, q_stride, s, add, ahead);
    for (index_t r = kBlock; r < rows; r += kBlock)
      dot_block<kBlock, false>(k, key, q + r * q_stride, q_stride, s + r * decode::kKeys, add, ahead);
  }
}

// Where weighted sums go: [row][width], o = alpha * o + sums.
struct WeighedSums {
  float* o;
  index_t width;
  const float* alpha;
  bool first;  // o holds nothing yet
};

template <int kRows, int kColumns, bool kAsk, class Stored, class Load>
GLINT_INLINE void weigh_block(const TileRows<Stored, Load>& v, index_t d, index_t n, const float* p, index_t count,
                              const WeighedSums& to, index_t first_row, const Ahead<Stored>& ahead) {
  Vec sum[kRows][kColumns] = {};
  const index_t from = row_bytes<Stored>(d), end = from + row_bytes<Stored>(kColumns * kLanes);
  const index_t last = end < ahead.bytes ? end : ahead.bytes;
  for (index_t key = 0; key < count; ++key) {
    const Stored* const row = v.rows[key];
    if constexpr (kAsk) {
      for (index_t byte = from; byte < last; byte += 64) ask_for(ahead.rows[key], byte);
    }
    Vec x[kColumns];
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j)
      x[j] = n < kLanes ? v.load(row, key, d, n) : v.load(row, key, d + j * kLanes);
    GLINT_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vec weight = splat(p[r * decode::kKeys + key]);
      GLINT_UNROLL
      for (int j = 0; j < kColumns; ++j) fma_into(sum[r][j], weight, x[j]);
    }
  }
  GLINT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    float* const o = to.o + (first_row + r) * to.width + d;
    const Vec alpha = splat(to.alpha[first_row + r]);
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j)
      store(o + j * kLanes, to.first ? sum[r][j] : fma(alpha, load(o + j * kLanes), sum[r][j]));
  }
}

template <int kColumns, class Stored, class Load>
GLINT_INLINE void weigh_columns(const TileRows<Stored, Load>& v, index_t d, index_t n, const float* p, index_t rows,
                                index_t count, const WeighedSums& to, const Ahead<Stored>& ahead) {
  weigh_block<kBlock, kColumns, true>(v, d, n, p, count, to, 0, ahead);
  for (index_t r = kBlock; r < rows; r += kBlock)
    weigh_block<kBlock, kColumns, false>(v, d, n, p + r * decode::kKeys, count, to, r, ahead);
}

// o = alpha * o + p v for `rows` query rows.
template <class Stored, class Load>
GLINT_NOINLINE void weigh_by_rows(const TileRows<Stored, Load>& v, const float* p, index_t rows, index_t count,
                                  const WeighedSums& to, Ahead<Stored> ahead) {
  const index_t vectors = v.dim / kLanes, rest = v.dim % kLanes;
  if (rows == 1) {
    for_blocks<8>(
        vectors, [&](auto columns, index_t j) __attribute__((always_inline)) {
          weigh_block<1, decltype(columns)::value, true>(v, j * kLanes, kLanes, p, count, to, 0, ahead);
        });
    if (rest > 0) weigh_block<1, 1, true>(v, vectors * kLanes, rest, p, count, to, 0, ahead);
    return;
  }
  constexpr int kColumns = kLanes == 16 ? 4 : 2;
  for_blocks<kColumns>(
      vectors, [&](auto columns, index_t j) __attribute__((always_inline)) {
        weigh_columns<decltype(columns)::value>(v, j * kLanes, kLanes, p, rows, count, to, ahead);
      });
  if (rest > 0) weigh_columns<1>(v, vectors * kLanes, rest, p, rows, count, to, ahead);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

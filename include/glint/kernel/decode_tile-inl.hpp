// No guard: included once for each ISA.  The two products of a tile with few query rows.  Vectors run along head_dim: a
// row of K or V is loaded once and used for all query rows, and one query row uses every lane.  The tile itself keeps
// the shape of the other orientation, S[key][row] and O^T[d][row], so that masks, softmax and everything else are
// shared.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// target[r * dim + d] = factor * source[r][d]
template <class Element>
GLINT_NOINLINE void pack_rows(const Element* source, index_t stride, index_t rows, index_t dim, float factor,
                              float* target) {
  convert_rows(source, stride, rows, dim, target, dim);
  for (index_t i = 0; i < rows * dim; ++i) target[i] *= factor;
}

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

// Dot products of kLanes / RowBlock keys with RowBlock query rows, one register for each.  Keys past the last repeat
// it.
template <int RowBlock>
GLINT_INLINE void dot_block(const float* k, index_t k_stride, index_t keys, const float* q, index_t dim,
                            float (&result)[kLanes]) {
  constexpr int kKeys = kLanes / RowBlock;
  const float* key[kKeys];
  GLINT_UNROLL
  for (int i = 0; i < kKeys; ++i) key[i] = k + (i < keys ? i : keys - 1) * k_stride;
  Vec sum[kLanes] = {};
  const auto add = [&](index_t d, index_t n) __attribute__((always_inline)) {
    Vec row[RowBlock];
    GLINT_UNROLL
    for (int r = 0; r < RowBlock; ++r) row[r] = load_some(q + r * dim + d, n);
    GLINT_UNROLL
    for (int i = 0; i < kKeys; ++i) {
      const Vec x = load_some(key[i] + d, n);
      GLINT_UNROLL
      for (int r = 0; r < RowBlock; ++r) sum[i * RowBlock + r] = fma(x, row[r], sum[i * RowBlock + r]);
    }
  };
  index_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) add(d, kLanes);
  if (d < dim) add(d, dim - d);
  store(result, lane_sums(sum));
}

// s[key * kRows + row] for query rows [first, first + RowBlock) and all keys.
template <index_t kRows, int RowBlock>
GLINT_INLINE void scores_of_rows(const float* k, index_t k_stride, const float* q, index_t first, index_t dim,
                                 index_t count, float* s, Upcoming& upcoming) {
  constexpr int kKeys = kLanes / RowBlock;
  alignas(64) float result[kLanes];
  for (index_t c = 0; c < count; c += kKeys) {
    upcoming.request();
    dot_block<RowBlock>(k + c * k_stride, k_stride, count - c, q + first * dim, dim, result);
    for (int i = 0; i < kKeys && c + i < count; ++i)
      for (int r = 0; r < RowBlock; ++r) s[(c + i) * kRows + first + r] = result[i * RowBlock + r];
  }
}

inline constexpr int kRowBlock = kLanes >= 4 ? 4 : 1;

// S = q K^T for `rows` query rows; lanes behind them keep what they hold.
template <index_t kRows>
GLINT_NOINLINE void scores_by_rows(const float* k, index_t k_stride, const float* q, index_t rows, index_t dim,
                                   index_t count, float* s, Upcoming& upcoming) {
  upcoming.spread_over(count * rows / kLanes);
  index_t r = 0;
  for (; r + kRowBlock <= rows; r += kRowBlock)
    scores_of_rows<kRows, kRowBlock>(k, k_stride, q, r, dim, count, s, upcoming);
  for (; r < rows; ++r) scores_of_rows<kRows, 1>(k, k_stride, q, r, dim, count, s, upcoming);
}

// sums[row][columns] += p^T V over one chain of keys, for RowBlock rows and kColumns vectors of head_dim.
template <index_t kRows, int RowBlock, int kColumns>
GLINT_INLINE void weigh(const ValueRows& v, index_t d, index_t n, const float* p, index_t first, index_t length,
                        float* sums, index_t width) {
  Vec sum[RowBlock][kColumns] = {};
  for (index_t c = first; c < first + length; ++c) {
    Vec row[kColumns];
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j) row[j] = load_some(v.data + c * v.stride + d + j * kLanes, n);
    GLINT_UNROLL
    for (int r = 0; r < RowBlock; ++r) {
      const Vec weight = splat(p[c * kRows + r]);
      GLINT_UNROLL
      for (int j = 0; j < kColumns; ++j) sum[r][j] = fma(weight, row[j], sum[r][j]);
    }
  }
  GLINT_UNROLL
  for (int r = 0; r < RowBlock; ++r) {
    GLINT_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      float* const at = sums + r * width + j * kLanes;
      store(at, load(at) + sum[r][j]);
    }
  }
}

// The product with V, transposed, kColumns vectors of head_dim at a time.
template <index_t kRows, int kColumns>
GLINT_INLINE void accumulate_columns(const ValueRows& v, index_t d, index_t n, const float* p, index_t rows,
                                     const RunningSum& sum) {
  constexpr index_t kWidth = kColumns * kLanes;
  alignas(64) float sums[kRows * kWidth] = {};
  for_chains(
      v.first_key, v.count, [&](index_t first, index_t length) __attribute__((always_inline)) {
        index_t r = 0;
        for (; r + kRowBlock <= rows; r += kRowBlock)
          weigh<kRows, kRowBlock, kColumns>(v, d, n, p + r, first, length, sums + r * kWidth, kWidth);
        for (; r < rows; ++r) weigh<kRows, 1, kColumns>(v, d, n, p + r, first, length, sums + r * kWidth, kWidth);
      });
  for (index_t lane = 0; lane < rows; lane += kLanes) {
    for (index_t column = 0; column < kWidth; column += kLanes) {
      Vec square[kLanes];
      load_square(sums + lane * kWidth + column, kWidth, rows - lane, kLanes, square);
      transpose(square);
      const index_t here = v.dim - d - column < kLanes ? v.dim - d - column : kLanes;
      for (index_t i = 0; i < here; ++i) {
        const Vec block[1][1] = {{square[i]}};
        rescale_and_add<kRows>(sum, d + column + i, lane, block);
      }
    }
  }
}

template <index_t kRows>
GLINT_NOINLINE void accumulate_by_rows(const ValueRows& v, const float* p, index_t rows, const RunningSum& sum,
                                       Upcoming& upcoming) {
  constexpr int kColumns = 4;
  upcoming.spread_over(v.dim / (kColumns * kLanes));
  index_t d = 0;
  for (; d + kColumns * kLanes <= v.dim; d += kColumns * kLanes) {
    upcoming.request();
    accumulate_columns<kRows, kColumns>(v, d, kLanes, p, rows, sum);
  }
  for (; d < v.dim; d += kLanes) accumulate_columns<kRows, 1>(v, d, v.dim - d, p, rows, sum);
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

// No guard: included once for each ISA.  Rows into lanes and back, and rows of 16-bit numbers into rows of floats.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

#if GLINT_LANES > 1
template <int... kIndex>
GLINT_INLINE void interleave(const Vec& a, const Vec& b, Vec& low, Vec& high, std::integer_sequence<int, kIndex...>) {
  low = __builtin_shufflevector(a, b, ((kIndex & 1) ? kLanes + kIndex / 2 : kIndex / 2)...);
  high = __builtin_shufflevector(a, b, ((kIndex & 1) ? kLanes + (kLanes + kIndex) / 2 : (kLanes + kIndex) / 2)...);
}
#endif

// Transposes a square of lanes in registers: log2(kLanes) rounds of interleaving row i with row i + kLanes/2.
GLINT_INLINE void transpose(Vec (&row)[kLanes]) {
#if GLINT_LANES > 1
  GLINT_UNROLL
  for (int step = 1; step < kLanes; step *= 2) {
    Vec next[kLanes];
    GLINT_UNROLL
    for (int i = 0; i < kLanes / 2; ++i) {
      interleave(row[i], row[i + kLanes / 2], next[2 * i], next[2 * i + 1], std::make_integer_sequence<int, kLanes>());
    }
    GLINT_UNROLL
    for (int i = 0; i < kLanes; ++i) row[i] = next[i];
  }
#else
  (void)row;
#endif
}

// Rows that will soon be read or written, asked for line by line while something else is computed.  They lie a stride
// apart, which the hardware's own prefetcher does not always follow, and a burst of requests would stall the core as
// surely as the misses themselves.  Into the second-level cache: the first is full of the tile at hand.
class Upcoming {
 public:
  template <class Element>
  GLINT_INLINE void add(const Element* data, index_t stride, index_t rows, index_t dim) {
    constexpr index_t kSize = sizeof(Element);
    add({.data = data, .stride = stride * kSize, .rows = rows, .bytes = dim * kSize});
  }
  GLINT_INLINE void add(const NextRows& rows) {
    if (rows.data != nullptr && rows.rows > 0 && count_ < kMost) list_[count_++] = rows;
  }

  // To be called before the first request: how many there will be.
  GLINT_INLINE void spread_over(index_t requests) {
    index_t lines = 0;
    for (int i = 0; i < count_; ++i) lines += list_[i].rows * ((list_[i].bytes + 63) / 64);
    lines_each_ = lines / (requests > 0 ? requests : 1) + 1;
    now_ = list_;
    row_ = static_cast<const char*>(now_->data);
  }

  GLINT_INLINE void request() {
    for (index_t lines = lines_each_; lines > 0 && row_ != nullptr; --lines) {
      __builtin_prefetch(row_ + at_, 0, 2);
      at_ += 64;
      if (at_ >= now_->bytes) next_row();
    }
  }

  GLINT_INLINE bool done() const { return row_ == nullptr; }

 private:
  // Scalar moves only: the registers of the micro-kernel around it are all taken.
  GLINT_INLINE void next_row() {
    at_ = 0;
    row_ += now_->stride;
    if (--now_->rows == 0) row_ = static_cast<const char*>((++now_)->data);
  }

  static constexpr int kMost = 4;
  NextRows list_[kMost + 1];  // ends with a null entry
  int count_ = 0;
  NextRows* now_ = nullptr;    // what is being asked for, its rows counted down
  const char* row_ = nullptr;  // its next row
  index_t at_ = 0, lines_each_ = 0;
};

// `count` is a multiple of kLanes.
GLINT_INLINE void fill(float* target, index_t count, float value) {
  for (index_t i = 0; i < count; i += kLanes) store(target + i, splat(value));
}

// Fills a square: lane c of row r is source row r's element c, 0 outside rows x columns.
template <class Element>
GLINT_INLINE void load_square(const Element* source, index_t stride, index_t rows, index_t columns,
                              Vec (&square)[kLanes]) {
  if (rows >= kLanes && columns >= kLanes) {
    GLINT_UNROLL
    for (int i = 0; i < kLanes; ++i) square[i] = load_as_float(source + i * stride);
  } else {
    for (int i = 0; i < kLanes; ++i) square[i] = i < rows ? load_some(source + i * stride, columns) : splat(0.0F);
  }
}

#if GLINT_LANES > 1
// Four floats of each of the rows 0, 4, 8.. as one vector.
GLINT_INLINE Vec load_quads(const float* row, index_t stride) {
#if GLINT_USE_AVX512
  __m512 quads = _mm512_maskz_broadcast_f32x4(kAllLanes, _mm_loadu_ps(row));
  quads = _mm512_mask_broadcast_f32x4(quads, 0x00f0, _mm_loadu_ps(row + 4 * stride));
  quads = _mm512_mask_broadcast_f32x4(quads, 0x0f00, _mm_loadu_ps(row + 8 * stride));
  return (Vec)_mm512_mask_broadcast_f32x4(quads, 0xf000, _mm_loadu_ps(row + 12 * stride));
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)), _mm_loadu_ps(row + 4 * stride), 1);
#else
  (void)stride;
  return load(row);
#endif
}

// In each four lanes: low = a0 b0 a1 b1, high = a2 b2 a3 b3.
template <int... kIndex>
GLINT_INLINE void interleave_quads(const Vec& a, const Vec& b, Vec& low, Vec& high,
                                   std::integer_sequence<int, kIndex...>) {
  low = __builtin_shufflevector(a, b, ((kIndex & 1) * kLanes + kIndex / 4 * 4 + kIndex % 4 / 2)...);
  high = __builtin_shufflevector(a, b, ((kIndex & 1) * kLanes + kIndex / 4 * 4 + kIndex % 4 / 2 + 2)...);
}

// A whole square, transposed.  Loads place the quads, which leaves half of the shuffles; every row is read in one go,
// because rows a power of two apart push each other out of L1.
GLINT_INLINE void load_columns(const float* source, index_t stride, Vec (&square)[kLanes]) {
  constexpr auto kOrder = std::make_integer_sequence<int, kLanes>();
  GLINT_UNROLL
  for (int i = 0; i < 4; ++i) {
    GLINT_UNROLL
    for (int c = 0; c < kLanes; c += 4) square[c + i] = load_quads(source + i * stride + c, stride);
  }
  GLINT_UNROLL
  for (int c = 0; c < kLanes; c += 4) {
    Vec even[2], odd[2];
    interleave_quads(square[c], square[c + 2], even[0], even[1], kOrder);
    interleave_quads(square[c + 1], square[c + 3], odd[0], odd[1], kOrder);
    interleave_quads(even[0], odd[0], square[c], square[c + 1], kOrder);
    interleave_quads(even[1], odd[1], square[c + 2], square[c + 3], kOrder);
  }
}
#endif

// load_square(), transposed: lane r of row c is source row r's element c.
template <class Element>
GLINT_INLINE void load_transposed(const Element* source, index_t stride, index_t rows, index_t columns,
                                  Vec (&square)[kLanes]) {
#if GLINT_LANES > 1
  if constexpr (std::is_same_v<Element, float>)
    if (rows >= kLanes && columns >= kLanes) return load_columns(source, stride, square);
#endif
  load_square(source, stride, rows, columns, square);
  transpose(square);
}

// lanes[d * kRows + r] = factor * source[r][d]; rows past the source are 0, as far as lanes_for(rows).
template <index_t kRows, class Element>
GLINT_NOINLINE void pack_lanes(const Element* source, index_t stride, index_t rows, index_t dim, float factor,
                               float* lanes) {
  for (index_t r = 0; r < lanes_for<kRows>(rows); r += kLanes) {
    for (index_t d = 0; d < dim; d += kLanes) {
      Vec square[kLanes];
      load_transposed(source + (r < rows ? r * stride + d : 0), stride, rows - r, dim - d, square);
      const int columns = dim - d < kLanes ? static_cast<int>(dim - d) : kLanes;
      for (int i = 0; i < columns; ++i) store(lanes + (d + i) * kRows + r, square[i] * factor);
    }
  }
}

// target[r][d] = lanes[d * kRows + r] * factor[r], rounded to T.
template <index_t kRows, class Element>
GLINT_NOINLINE void unpack_lanes(const float* lanes, const float* factor, index_t rows, index_t dim, Element* target,
                                 index_t stride) {
  for (index_t r = 0; r < rows; r += kLanes) {
    const Vec scale = load(factor + r);
    for (index_t d = 0; d < dim; d += kLanes) {
      const int height = rows - r < kLanes ? static_cast<int>(rows - r) : kLanes;
      const int width = dim - d < kLanes ? static_cast<int>(dim - d) : kLanes;
      Vec square[kLanes];
      GLINT_UNROLL
      for (int i = 0; i < kLanes; ++i) square[i] = i < width ? load(lanes + (d + i) * kRows + r) * scale : splat(0.0F);
      transpose(square);
      for (int i = 0; i < height; ++i) {
        Element* const row = target + (r + i) * stride + d;
        if (width == kLanes) {
          store_from_float(row, square[i]);
        } else {
          alignas(64) Element edge[kLanes];
          store_from_float(edge, square[i]);
          for (int c = 0; c < width; ++c) row[c] = edge[c];
        }
      }
    }
  }
}

// target[r][d] = source[r][d] as float, rows target_stride apart.
template <class Element>
GLINT_NOINLINE void convert_rows(const Element* source, index_t stride, index_t rows, index_t dim, float* target,
                                 index_t target_stride) {
  for (index_t r = 0; r < rows; ++r) {
    const Element* const from = source + r * stride;
    float* const to = target + r * target_stride;
    index_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) store(to + d, load_as_float(from + d));
    for (; d < dim; ++d) to[d] = to_float(from[d]);
  }
}

// Are all elements finite?  By bit patterns: -ffast-math removes comparisons with infinity.
GLINT_NOINLINE inline bool all_finite(const float* source, index_t stride, index_t rows, index_t dim) {
  constexpr std::int32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  IntVec most{};
  std::int32_t rest = 0;
  for (index_t r = 0; r < rows; ++r) {
    const float* const row = source + r * stride;
    index_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) {
      const IntVec magnitude = bits_of(load(row + d)) & kMagnitude;
      most = magnitude > most ? magnitude : most;
    }
    for (; d < dim; ++d) {
      const std::int32_t magnitude = std::bit_cast<std::int32_t>(row[d]) & kMagnitude;
      rest = magnitude > rest ? magnitude : rest;
    }
  }
#if GLINT_LANES == 1
  return most < kInfinity && rest < kInfinity;
#else
  for (int i = 0; i < kLanes; ++i) rest = most[i] > rest ? most[i] : rest;
  return rest < kInfinity;
#endif
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

// No guard: included once for each ISA.  Floats rounded to binary16 without leaving float; and bytes in fours, one
// four in each 32-bit lane, with the instruction that multiplies them.  It exists only where simd::int8_dot() says so,
// and is written as assembly, so that it needs no target region, and kernels no instantiation, of its own.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

inline constexpr float kMostHalf = 65504.0F;

// x to a multiple of the last place of `magic`, ties to even.
GLINT_INLINE Vec round_by(const Vec& x, const Vec& magic) {
  Vec sum = x + magic;
  GLINT_OPAQUE(sum);  // -ffast-math would take away what was added,
  Vec rounded = sum - magic;
  GLINT_OPAQUE(rounded);  // or multiply both
  return rounded;
}

inline constexpr std::int32_t kExponentBits = 0x7f800000;

// The nearest binary16, ties to even; what lies beyond the largest becomes the largest.  A NaN stays one.
GLINT_INLINE Vec as_half(const Vec& x) {
  constexpr std::int32_t kLeast = (127 - 14) << 23;  // below it all halves are multiples of 2^-24
  const Vec bounded = vmin(splat(kMostHalf), vmax(splat(-kMostHalf), x));
  const IntVec exponent = bits_of(bounded) & kExponentBits;
  // 1.5 * 2^13 above the power of two below x: 10 bits of mantissa remain, and the sum stays in one binade.
  return round_by(bounded, from_bits(exponent > kLeast ? exponent : IntVec{} + kLeast) * 12288.0F);
}

// Bits whose sums may overflow.
#if GLINT_LANES == 1
using BitsVec = std::uint32_t;
#else
typedef std::uint32_t BitsVec __attribute__((vector_size(4 * GLINT_LANES)));
#endif

// The same for 0 and for x between 2^-14 and the largest half; any other x is no error, its result means nothing.
GLINT_INLINE Vec as_normal_half(const Vec& x) {
  const BitsVec exponent = (BitsVec)(bits_of(x) & kExponentBits);
  return round_by(x, from_bits((IntVec)(exponent + ((13u << 23) + (1u << 22)))));
}

// The same for x between 1 and 2, give or take 2^-13.
GLINT_INLINE Vec mantissa_as_half(const Vec& x) { return round_by(x, splat(12288.0F)); }

// A half y by which halves x are multiplied, as a half, where 0 or normal: what is added and taken away again is
// 2^13 * x * y.  An even multiple of the last place that is kept, as x * y has at most 22 bits: that the sum may pass
// into the next binade, whose last place is twice as large, matters to odd ones only.  All numbers are exact, y having
// 11 bits, but the sum.
struct HalfFactor {
  Vec with, without;
  static GLINT_INLINE HalfFactor of(float y) { return {splat(y * 8193.0F), splat(y * -8192.0F)}; }
  GLINT_INLINE Vec sum(const Vec& x) const {
    Vec sum = x * with;
    GLINT_OPAQUE(sum);
    return sum;
  }
  GLINT_INLINE Vec product(const Vec& x, const Vec& sum) const {
    Vec rounded = fma(x, without, sum);
    GLINT_OPAQUE(rounded);
    return rounded;
  }
  GLINT_INLINE Vec operator()(const Vec& x) const { return product(x, sum(x)); }
};

#if GLINT_USE_AVX512
// sum += the four products of unsigned bytes with signed ones, added up in 32 bits.
GLINT_INLINE void dot_bytes_into(Vec& sum, const Vec& unsigned_bytes, const Vec& signed_bytes) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned_bytes), "v"(signed_bytes));
}

template <class Byte>
GLINT_INLINE Vec broadcast_quad(const Byte* a) {
  std::int32_t quad;
  __builtin_memcpy(&quad, a, 4);
  return from_bits(IntVec{} + quad);
}

// The products of the micro-kernel: one step along the sum is four elements.  The sums are 32-bit whole numbers, which
// a Vec only carries.
struct KeyQuads {
  using Element = std::uint8_t;
  static GLINT_INLINE Vec broadcast(const std::uint8_t* a) { return broadcast_quad(a); }
  static GLINT_INLINE void add(Vec& sum, const Vec& a, const Vec& b) { dot_bytes_into(sum, a, b); }
};
struct ValueQuads {
  using Element = std::int8_t;
  static GLINT_INLINE Vec broadcast(const std::int8_t* a) { return broadcast_quad(a); }
  static GLINT_INLINE void add(Vec& sum, const Vec& a, const Vec& b) { dot_bytes_into(sum, b, a); }
};

GLINT_INLINE Vec whole_to_float(const Vec& sums) { return (Vec)_mm512_maskz_cvtepi32_ps(kAllLanes, (__m512i)sums); }

// The lowest byte of each lane into byte kByte of `into`.
template <int kByte>
GLINT_INLINE __m512i place_byte(const __m512i& into, const Vec& from) {
  const __m512i order = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
  return _mm512_mask_shuffle_epi8(into, 0x1111111111111111u << kByte, (__m512i)from, order);
}

// The low bytes of four vectors, that of `a` lowest.
GLINT_INLINE Vec join_quads(const Vec& a, const Vec& b, const Vec& c, const Vec& d) {
  return (Vec)place_byte<3>(place_byte<2>(place_byte<1>((__m512i)a, b), c), d);
}

// 64 bytes; zeros behind the first n, and nothing past p[n - 1] is read.
GLINT_INLINE __m512i load_bytes(const std::int8_t* p, index_t n) {
  return n >= 64 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8((std::uint64_t{1} << n) - 1, p);
}

// lanes[(d / 4) * kRows + r] = source[r][d .. d + 3]; bytes past the source are 0, as far as lanes_for(rows).
template <index_t kRows>
GLINT_NOINLINE void pack_quads(const std::int8_t* source, index_t stride, index_t rows, index_t dim, float* lanes) {
  const index_t quads = (dim + 3) / 4;
  for (index_t r = 0; r < lanes_for<kRows>(rows); r += kLanes) {
    for (index_t quad = 0; quad < quads; quad += kLanes) {
      Vec square[kLanes];
      const std::int8_t* const corner = source + r * stride + 4 * quad;
      if (rows - r >= kLanes && quads - quad >= kLanes && dim % 4 == 0) {
        GLINT_UNROLL
        for (int i = 0; i < kLanes; ++i) square[i] = (Vec)_mm512_loadu_si512(corner + i * stride);
      } else {
        for (int i = 0; i < kLanes; ++i)
          square[i] = r + i < rows ? (Vec)load_bytes(corner + i * stride, dim - 4 * quad) : Vec{};
      }
      transpose(square);
      const index_t columns = quads - quad < kLanes ? quads - quad : kLanes;
      for (index_t i = 0; i < columns; ++i) store(lanes + (quad + i) * kRows + r, square[i]);
    }
  }
}

// target[r * target_stride + d] = source[r][d] + 128.
GLINT_NOINLINE inline void copy_unsigned_rows(const std::int8_t* source, index_t stride, index_t rows, index_t dim,
                                              std::uint8_t* target, index_t target_stride) {
  const __m512i sign = (__m512i)(IntVec{} + static_cast<std::int32_t>(0x80808080u));
  for (index_t r = 0; r < rows; ++r) {
    const std::int8_t* const from = source + r * stride;
    std::uint8_t* const to = target + r * target_stride;
    index_t d = 0;
    for (; d + 64 <= dim; d += 64) _mm512_storeu_si512(to + d, _mm512_loadu_si512(from + d) ^ sign);
    if (d < dim)
      _mm512_mask_storeu_epi8(to + d, (std::uint64_t{1} << (dim - d)) - 1, load_bytes(from + d, dim - d) ^ sign);
  }
}

// Two quarters of x, then two of y.
template <int kWhich>
GLINT_INLINE __m512i pick_quarters(const __m512i& x, const __m512i& y) {
  return _mm512_maskz_shuffle_i32x4(kAllLanes, x, y, kWhich);
}

// Four rows of 64 bytes: quad[i] holds the bytes of columns 16 i .. 16 i + 15, those of one column together.
GLINT_INLINE void interleave_bytes(const __m512i (&row)[4], __m512i (&quad)[4]) {
  const __m512i a = _mm512_unpacklo_epi8(row[0], row[1]), b = _mm512_unpackhi_epi8(row[0], row[1]);
  const __m512i c = _mm512_unpacklo_epi8(row[2], row[3]), d = _mm512_unpackhi_epi8(row[2], row[3]);
  const __m512i e = _mm512_unpacklo_epi16(a, c), f = _mm512_unpackhi_epi16(a, c);
  const __m512i g = _mm512_unpacklo_epi16(b, d), h = _mm512_unpackhi_epi16(b, d);
  const __m512i ef = pick_quarters<0x44>(e, f), gh = pick_quarters<0x44>(g, h);
  quad[0] = pick_quarters<0x88>(ef, gh), quad[1] = pick_quarters<0xdd>(ef, gh);
  const __m512i ef2 = pick_quarters<0xee>(e, f), gh2 = pick_quarters<0xee>(g, h);
  quad[2] = pick_quarters<0x88>(ef2, gh2), quad[3] = pick_quarters<0xdd>(ef2, gh2);
}

// The first n columns of what interleave_bytes made.
GLINT_INLINE void store_columns(const __m512i (&quad)[4], index_t n, std::int8_t* to) {
  if (n >= 64) {
    GLINT_UNROLL
    for (int i = 0; i < 4; ++i) _mm512_storeu_si512(to + 64 * i, quad[i]);
    return;
  }
  for (index_t i = 0; i < 4 && 16 * i < n; ++i) {
    const index_t columns = n - 16 * i;
    const __mmask16 some = columns >= 16 ? kAllLanes : static_cast<__mmask16>((1 << columns) - 1);
    _mm512_mask_storeu_epi32(to + 64 * i, some, quad[i]);
  }
}

// target[(r / 4) * 4 * dim + 4 * d + r % 4] = source[r][d]; rows behind the last are 0.
GLINT_NOINLINE inline void interleave_byte_rows(const std::int8_t* source, index_t stride, index_t rows, index_t dim,
                                                std::int8_t* target) {
  for (index_t r = 0; r < rows; r += 4) {
    std::int8_t* const to = target + r * dim;
    for (index_t d = 0; d < dim; d += 64) {
      __m512i row[4], quad[4];
      GLINT_UNROLL
      for (int i = 0; i < 4; ++i)
        row[i] = r + i < rows ? load_bytes(source + (r + i) * stride + d, dim - d) : __m512i{};
      interleave_bytes(row, quad);
      store_columns(quad, dim - d, to + 4 * d);
    }
  }
}

// target[r * dim + d] = source[r][d]
GLINT_INLINE void copy_rows(const std::int8_t* source, index_t stride, index_t rows, index_t dim, std::int8_t* target) {
  for (index_t r = 0; r < rows; ++r)
    __builtin_memcpy(target + r * dim, source + r * stride, static_cast<std::size_t>(dim));
}
#endif

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

// No guard: included once for each ISA.  A vector of GLINT_LANES floats on the compiler's vector extensions, and the
// few operations for which those are not enough.  With one lane the vector is a plain float, and the same kernels
// become plain loops.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

inline constexpr int kLanes = GLINT_LANES;
#if GLINT_USE_AVX512
// The zero-masked intrinsics with every lane on: the same instructions, but the unmasked ones pass an undefined
// vector that gcc 12 then warns about.
inline constexpr __mmask16 kAllLanes = 0xffff;
#endif

#if GLINT_LANES == 1
using Vec = float;
using IntVec = std::int32_t;
GLINT_INLINE IntVec bits_of(const Vec& v) { return std::bit_cast<IntVec>(v); }
GLINT_INLINE Vec from_bits(const IntVec& v) { return std::bit_cast<Vec>(v); }
GLINT_INLINE Vec load(const float* p) { return *p; }
GLINT_INLINE void store(float* p, const Vec& v) { *p = v; }
GLINT_INLINE Vec splat(float x) { return x; }
GLINT_INLINE Vec iota() { return 0.0F; }
GLINT_INLINE Vec select(bool take, const Vec& a, const Vec& b) { return take ? a : b; }
GLINT_INLINE bool lanes_of(std::uint64_t word, int first) { return (word >> first & 1) != 0; }
GLINT_INLINE Vec load_as_float(const float* p) { return *p; }
GLINT_INLINE Vec load_as_float(const bfloat16* p) { return to_float(*p); }
GLINT_INLINE Vec load_as_float(const half* p) { return to_float(*p); }
GLINT_INLINE Vec load_as_float(const std::int8_t* p) { return to_float(*p); }
template <class Element>
GLINT_INLINE void store_from_float(Element* p, const Vec& v) {
  *p = from_float<Element>(v);
}
#else
typedef float Vec __attribute__((vector_size(4 * GLINT_LANES)));
typedef std::int32_t IntVec __attribute__((vector_size(4 * GLINT_LANES)));
typedef std::uint16_t ShortVec __attribute__((vector_size(2 * GLINT_LANES)));
typedef float UnalignedVec __attribute__((vector_size(4 * GLINT_LANES), aligned(4), may_alias));
typedef std::uint16_t UnalignedShortVec __attribute__((vector_size(2 * GLINT_LANES), aligned(2), may_alias));

GLINT_INLINE IntVec bits_of(const Vec& v) { return (IntVec)v; }
GLINT_INLINE Vec from_bits(const IntVec& v) { return (Vec)v; }
GLINT_INLINE Vec load(const float* p) { return *(const UnalignedVec*)p; }
GLINT_INLINE void store(float* p, const Vec& v) { *(UnalignedVec*)p = v; }
GLINT_INLINE Vec splat(float x) { return x - Vec{}; }
GLINT_INLINE Vec select(const IntVec& take, const Vec& a, const Vec& b) { return take ? a : b; }

GLINT_INLINE IntVec int_iota() {
  IntVec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = i;
  return v;
}
GLINT_INLINE Vec iota() { return __builtin_convertvector(int_iota(), Vec); }

// The lanes i for which bit first + i of the word is set, as select() takes them.
#if GLINT_USE_AVX512
GLINT_INLINE __mmask16 lanes_of(std::uint64_t word, int first) { return static_cast<__mmask16>(word >> first); }
GLINT_INLINE Vec select(__mmask16 take, const Vec& a, const Vec& b) {
  return (Vec)_mm512_mask_blend_ps(take, (__m512)b, (__m512)a);
}
#else
GLINT_INLINE IntVec lanes_of(std::uint64_t word, int first) {
  const IntVec bit = (IntVec{} + 1) << int_iota();
  return ((IntVec{} + static_cast<std::int32_t>(word >> first & 0xffffu)) & bit) == bit;
}
#endif

// Written down where there is an instruction: gcc 12 takes the conversion of a wide vector apart.
GLINT_INLINE IntVec load_widened(const void* p) {
#if GLINT_USE_AVX512
  return (IntVec)_mm512_maskz_cvtepu16_epi32(kAllLanes, _mm256_loadu_si256((const __m256i*)p));
#elif GLINT_USE_X86_FMA
  return (IntVec)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p));
#else
  const ShortVec narrow = *(const UnalignedShortVec*)p;
  return __builtin_convertvector(narrow, IntVec);
#endif
}
GLINT_INLINE Vec load_as_float(const float* p) { return load(p); }
GLINT_INLINE Vec load_as_float(const bfloat16* p) { return from_bits(load_widened(p) << 16); }

GLINT_INLINE Vec load_as_float(const half* p) {
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_cvtph_ps(kAllLanes, _mm256_loadu_si256((const __m256i*)p));
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
#else
  const IntVec wide = load_widened(p);
  const IntVec sign = (wide & 0x8000) << 16, magnitude = wide & 0x7fff;
  // Denormals through an integer: a float denormal on the way would read as 0 where the user has set DAZ.
  const IntVec denormal = bits_of(__builtin_convertvector(magnitude, Vec) * 0x1p-24F);
  const IntVec finite = (magnitude < 0x400) ? denormal : (magnitude << 13) + (112 << 23);
  const IntVec special = (magnitude << 13) | 0x7f800000;
  return from_bits(sign | ((magnitude >= 0x7c00) ? special : finite));
#endif
}

GLINT_INLINE Vec load_as_float(const std::int8_t* p) {
#if GLINT_USE_AVX512
  const __m512i wide = _mm512_maskz_cvtepi8_epi32(kAllLanes, _mm_loadu_si128((const __m128i*)p));
  return (Vec)_mm512_maskz_cvtepi32_ps(kAllLanes, wide);
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
  Vec v{};
  for (int i = 0; i < kLanes; ++i) v[i] = to_float(p[i]);
  return v;
#endif
}

GLINT_INLINE void store_from_float(float* p, const Vec& v) { store(p, v); }

GLINT_INLINE void store_from_float(bfloat16* p, const Vec& v) {
  const IntVec bits = bits_of(v);
  const IntVec rounded = bits + 0x7fff + ((bits >> 16) & 1);
  const IntVec nan = (bits & 0x7fffffff) > 0x7f800000;
  const IntVec high = (nan ? (bits | 0x400000) : rounded) >> 16;
#if GLINT_USE_AVX512
  _mm256_storeu_si256((__m256i*)p, _mm512_maskz_cvtepi32_epi16(kAllLanes, (__m512i)high));
#else
  *(UnalignedShortVec*)p = __builtin_convertvector(high & 0xffff, ShortVec);
#endif
}

GLINT_INLINE void store_from_float(half* p, const Vec& v) {
#if GLINT_USE_AVX512
  _mm256_storeu_si256((__m256i*)p,
                      _mm512_maskz_cvtps_ph(kAllLanes, (__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif GLINT_USE_X86_FMA
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
#else
  for (int i = 0; i < kLanes; ++i) p[i] = from_float<half>(v[i]);
#endif
}
#endif

// a * b + c, fused where the ISA can.  Explicit, because -ffp-contract is the user's.
GLINT_INLINE Vec fma(const Vec& a, const Vec& b, const Vec& c) {
#if GLINT_USE_AVX512
  return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif GLINT_LANES == 4 && defined(__aarch64__)
  return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

// sum += a * b.  gcc 12 is told the one form of the instruction that adds in place: left to choose, it moves
// accumulators between registers (2 % of the products) and folds loads into multiply-adds, which then read the same row
// many times.
GLINT_INLINE void fma_into(Vec& sum, const Vec& a, const Vec& b) {
#if GLINT_USE_X86_FMA && !defined(__clang__)
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#else
  sum = fma(a, b, sum);
#endif
}

// a > b ? a : b.  A NaN in b wins, a NaN in a loses, on every ISA: vmax(bound, x) lets the NaN of x pass.
GLINT_INLINE Vec vmax(const Vec& a, const Vec& b) {
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_max_ps(kAllLanes, (__m512)a, (__m512)b);
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return a > b ? a : b;
#endif
}

// a < b ? a : b, with NaNs as above.
GLINT_INLINE Vec vmin(const Vec& a, const Vec& b) {
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_min_ps(kAllLanes, (__m512)a, (__m512)b);
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return a < b ? a : b;
#endif
}

GLINT_INLINE Vec square_root(const Vec& v) {
#if GLINT_USE_AVX512
  return (Vec)_mm512_maskz_sqrt_ps(kAllLanes, (__m512)v);
#elif GLINT_USE_X86_FMA
  return (Vec)_mm256_sqrt_ps((__m256)v);
#elif GLINT_LANES == 1
  return __builtin_sqrtf(v);
#else
  Vec root{};
  for (int i = 0; i < kLanes; ++i) root[i] = __builtin_sqrtf(v[i]);
  return root;
#endif
}

// The first n <= kLanes elements, zeros behind them; nothing past p[n-1] is read.
template <class Element>
GLINT_INLINE Vec load_some(const Element* p, index_t n) {
  if (n >= kLanes) return load_as_float(p);
  alignas(64) float lane[kLanes] = {};
  for (index_t i = 0; i < n; ++i) lane[i] = to_float(p[i]);
  return load(lane);
}

// All lanes combined into one; always in the same order.
template <class Combine>
GLINT_INLINE float across_lanes(const Vec& v, const Combine& combine) {
  alignas(64) float lane[kLanes];
  store(lane, v);
  GLINT_UNROLL
  for (int half = kLanes / 2; half > 0; half /= 2) {
    GLINT_UNROLL
    for (int i = 0; i < half; ++i) lane[i] = combine(lane[i], lane[i + half]);
  }
  return lane[0];
}
GLINT_INLINE float highest_lane(const Vec& v) {
  return across_lanes(
      v, [](float a, float b) __attribute__((always_inline)) { return a > b ? a : b; });
}
GLINT_INLINE float sum_of_lanes(const Vec& v) {
  return across_lanes(
      v, [](float a, float b) __attribute__((always_inline)) { return a + b; });
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

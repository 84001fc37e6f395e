// No guard: included once for each ISA.  Rows of any storage type as vectors of float, and floats as int8.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Numbers [d, d + kLanes) of a row.
template <class Stored>
GLINT_INLINE Vec load_numbers(const Stored* row, index_t d) {
  return load_as_float(row + d);
}
// The first n of them, zeros behind; nothing past the n-th is read.
template <class Stored>
GLINT_INLINE Vec load_numbers(const Stored* row, index_t d, index_t n) {
  return load_some(row + d, n);
}

#if GLINT_LANES == 1
GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d) { return static_cast<float>(row[d]); }
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d) { return static_cast<float>(number_at(row, d)); }
GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d, index_t) { return load_numbers(row, d); }
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d, index_t) { return load_numbers(row, d); }
#else
// kLanes bytes as integers.  Written down where there is an instruction: gcc 12 takes the conversion of a vector apart.
#if GLINT_USE_AVX512
GLINT_INLINE IntVec widen_bytes(const __m128i& bytes) { return (IntVec)_mm512_maskz_cvtepi8_epi32(kAllLanes, bytes); }
GLINT_INLINE __m128i load_bytes(const std::int8_t* p) { return _mm_loadu_si128((const __m128i*)p); }
GLINT_INLINE __m128i load_half_bytes(const int4x2* p) { return _mm_loadl_epi64((const __m128i*)p); }
#elif GLINT_USE_X86_FMA
GLINT_INLINE IntVec widen_bytes(const __m128i& bytes) { return (IntVec)_mm256_cvtepi8_epi32(bytes); }
GLINT_INLINE __m128i load_bytes(const std::int8_t* p) { return _mm_loadl_epi64((const __m128i*)p); }
GLINT_INLINE __m128i load_half_bytes(const int4x2* p) { return _mm_loadu_si32(p); }
#elif GLINT_HAVE_X86
GLINT_INLINE IntVec widen_bytes(const __m128i& bytes) {
  const __m128i twice = _mm_unpacklo_epi8(bytes, bytes);
  return (IntVec)_mm_srai_epi32(_mm_unpacklo_epi16(twice, twice), 24);
}
GLINT_INLINE __m128i load_bytes(const std::int8_t* p) { return _mm_loadu_si32(p); }
GLINT_INLINE __m128i load_half_bytes(const int4x2* p) { return _mm_loadu_si16(p); }
#else
typedef std::int8_t Bytes __attribute__((vector_size(16)));
GLINT_INLINE IntVec widen_bytes(const Bytes& bytes) {
  IntVec wide{};
  for (int i = 0; i < kLanes; ++i) wide[i] = bytes[i];
  return wide;
}
template <class Stored>
GLINT_INLINE Bytes load_few(const Stored* p, int count) {
  Bytes bytes{};
  __builtin_memcpy(&bytes, p, static_cast<std::size_t>(count));
  return bytes;
}
GLINT_INLINE Bytes load_bytes(const std::int8_t* p) { return load_few(p, kLanes); }
GLINT_INLINE Bytes load_half_bytes(const int4x2* p) { return load_few(p, kLanes / 2); }
#endif

GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d) {
  return __builtin_convertvector(widen_bytes(load_bytes(row + d)), Vec);
}

// Two numbers from each byte: the low nibble, then the high one.
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d) {
  const auto bytes = load_half_bytes(row + d / 2);
#if GLINT_HAVE_X86
  const __m128i nibble = _mm_set1_epi8(15), sign = _mm_set1_epi8(8);
  const __m128i low = _mm_and_si128(bytes, nibble), high = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
  const __m128i both = _mm_unpacklo_epi8(low, high);
  return __builtin_convertvector(widen_bytes(_mm_sub_epi8(_mm_xor_si128(both, sign), sign)), Vec);
#else
  IntVec wide{};
  for (int i = 0; i < kLanes; ++i)
    wide[i] = (bytes[i / 2] >> (i % 2 * 4) & 15) - ((bytes[i / 2] >> (i % 2 * 4) & 8) << 1);
  return __builtin_convertvector(wide, Vec);
#endif
}

GLINT_INLINE Vec load_numbers(const std::int8_t* row, index_t d, index_t n) {
  alignas(64) std::int8_t edge[kLanes] = {};
  for (index_t i = 0; i < n; ++i) edge[i] = row[d + i];
  return load_numbers(edge, 0);
}
GLINT_INLINE Vec load_numbers(const int4x2* row, index_t d, index_t n) {
  alignas(64) int4x2 edge[kLanes] = {};
  for (index_t i = 0; i < n / 2; ++i) edge[i] = row[d / 2 + i];
  return load_numbers(edge, 0);
}
#endif

// f(T{}) for the float type that `dtype` names, as with_float_type(), compiled for this ISA.
template <class Function>
GLINT_INLINE void with_number_type(DType dtype, const Function& f) {
  if (dtype == DType::f16) return f(half{});
  if (dtype == DType::bf16) return f(bfloat16{});
  f(float{});
}

// x + kWhole holds x, a number of at most 22 bits, rounded to a whole number in its low bits.
inline constexpr float kWhole = 12582912.0F;  // 1.5 * 2^23

// saturate(round_to_even(x)) in each lane; not a number becomes -128.
GLINT_INLINE void store_as_int8(std::int8_t* p, const Vec& x) {
  Vec whole = vmin(splat(127.0F), vmax(x, splat(-128.0F))) + kWhole;
  GLINT_OPAQUE(whole);
#if GLINT_USE_AVX512
  _mm_storeu_si128((__m128i*)p, _mm512_maskz_cvtepi32_epi8(kAllLanes, (__m512i)whole));
#elif GLINT_LANES == 1
  *p = static_cast<std::int8_t>(bits_of(whole));
#else
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<std::int8_t>(bits_of(whole)[i]);
#endif
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

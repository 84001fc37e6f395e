// No guard: included once for each ISA by bits-inl.hpp.  Which of up to 64 floating-point numbers in a row are 0 or -0,
// as bits of a word; `Bits` is the unsigned integer of their size.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Bit i: float i of those that fill eight bytes is 0 or -0.
template <class Bits>
GLINT_INLINE std::uint64_t few_zeros(const std::uint8_t* floats) {
  constexpr int kWidth = 8 * sizeof(Bits);
  constexpr std::uint64_t kOnes = ~std::uint64_t{0} / static_cast<Bits>(~Bits{0}), kMost = kOnes << (kWidth - 1);
  constexpr std::uint64_t kGather = kWidth == 16 ? 0x1000200040008000u : 0x4000000080000000u;
  std::uint64_t x;
  __builtin_memcpy(&x, floats, 8);
  const std::uint64_t result = ~((x & ~kMost) + ~kMost) & kMost;  // any bit below the sign carries into it
  return (result >> (kWidth - 1)) * kGather >> (64 - 64 / kWidth);
}

// The same for as many as one mask of comparisons holds.  Shifted left by one, a float has no sign.
#if GLINT_USE_X86_FMA
template <class Bits>
inline constexpr index_t kFloatsAtOnce = sizeof(Bits) == 2 ? 32 : 8;
template <class Bits>
GLINT_INLINE std::uint64_t many_zeros(const std::uint8_t* floats) {
  const __m256i zero = _mm256_setzero_si256(), x = _mm256_loadu_si256((const __m256i*)floats);
  if constexpr (sizeof(Bits) == 4) {
    const __m256i same = _mm256_cmpeq_epi32(_mm256_slli_epi32(x, 1), zero);
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(same)));
  } else {
    const __m256i y = _mm256_loadu_si256((const __m256i*)(floats + 32));
    const __m256i same = _mm256_packs_epi16(_mm256_cmpeq_epi16(_mm256_slli_epi16(x, 1), zero),
                                            _mm256_cmpeq_epi16(_mm256_slli_epi16(y, 1), zero));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(same, 0xd8)));
  }
}
#elif GLINT_HAVE_X86 && GLINT_LANES == 4
template <class Bits>
inline constexpr index_t kFloatsAtOnce = sizeof(Bits) == 2 ? 16 : 4;
template <class Bits>
GLINT_INLINE std::uint64_t many_zeros(const std::uint8_t* floats) {
  const __m128i zero = _mm_setzero_si128(), x = _mm_loadu_si128((const __m128i*)floats);
  if constexpr (sizeof(Bits) == 4) {
    const __m128i same = _mm_cmpeq_epi32(_mm_slli_epi32(x, 1), zero);
    return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(same)));
  } else {
    const __m128i y = _mm_loadu_si128((const __m128i*)(floats + 16));
    const __m128i same =
        _mm_packs_epi16(_mm_cmpeq_epi16(_mm_slli_epi16(x, 1), zero), _mm_cmpeq_epi16(_mm_slli_epi16(y, 1), zero));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(same));
  }
}
#else
template <class Bits>
inline constexpr index_t kFloatsAtOnce = 8 / sizeof(Bits);
template <class Bits>
GLINT_INLINE std::uint64_t many_zeros(const std::uint8_t* floats) {
  return few_zeros<Bits>(floats);
}
#endif

#if GLINT_USE_AVX512
// Bit i: float i of a vector's is there and is 0 or -0.
template <class Bits>
GLINT_INLINE std::uint64_t masked_zeros(const std::uint8_t* floats, std::uint64_t there) {
  if constexpr (sizeof(Bits) == 2) {
    const auto mask = static_cast<__mmask32>(there);
    return _mm512_mask_testn_epi16_mask(mask, _mm512_maskz_loadu_epi16(mask, floats), _mm512_set1_epi16(0x7fff));
  } else {
    const auto mask = static_cast<__mmask16>(there);
    return _mm512_mask_testn_epi32_mask(mask, _mm512_maskz_loadu_epi32(mask, floats), _mm512_set1_epi32(0x7fffffff));
  }
}
#endif

// Bit i: float i of `count` <= 64 is 0 or -0.
template <class Bits>
GLINT_INLINE std::uint64_t row_zeros(const std::uint8_t* floats, index_t count) {
  constexpr index_t kSize = sizeof(Bits);
  std::uint64_t word = 0;
#if GLINT_USE_AVX512
  const std::uint64_t there = ~std::uint64_t{0} >> (64 - count);
  GLINT_UNROLL
  for (index_t i = 0; i < 64; i += 64 / kSize) word |= masked_zeros<Bits>(floats + i * kSize, there >> i) << i;
#else
  constexpr index_t kMany = kFloatsAtOnce<Bits>, kFew = 8 / kSize;
  index_t i = 0;
  for (; i + kMany <= count; i += kMany) word |= many_zeros<Bits>(floats + i * kSize) << i;
  for (; i + kFew <= count; i += kFew) word |= few_zeros<Bits>(floats + i * kSize) << i;
  for (; i < count; ++i) word |= std::uint64_t{simd::is_zero<Bits>(floats + i * kSize)} << i;
#endif
  return word;
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

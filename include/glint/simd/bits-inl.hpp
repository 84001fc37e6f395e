// No guard: included once for each ISA by bits.hpp.  Rows of numbers or bits, 64 keys at a time, become columns.
#include "glint/simd/zeros-inl.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// A vector of 64-bit words, as wide as a vector of floats.
#if GLINT_LANES == 1
using WordVec = std::uint64_t;
typedef std::uint64_t UnalignedWordVec __attribute__((aligned(1), may_alias));
#else
typedef std::uint64_t WordVec __attribute__((vector_size(4 * GLINT_LANES)));
typedef std::uint64_t UnalignedWordVec __attribute__((vector_size(4 * GLINT_LANES), aligned(1), may_alias));
#endif
inline constexpr int kWords = static_cast<int>(sizeof(WordVec) / sizeof(std::uint64_t));
inline constexpr std::uint64_t kLow32 = 0xffffffffu;

// low, high = a0 b0 a1 b1 ...
#if GLINT_LANES == 1
GLINT_INLINE void interleave_words(WordVec a, WordVec b, WordVec& low, WordVec& high) { low = a, high = b; }
#else
template <int... kIndex>
GLINT_INLINE void interleave_words(const WordVec& a, const WordVec& b, WordVec& low, WordVec& high,
                                   std::integer_sequence<int, kIndex...>) {
  low = __builtin_shufflevector(a, b, ((kIndex & 1) ? kWords + kIndex / 2 : kIndex / 2)...);
  high = __builtin_shufflevector(a, b, ((kIndex & 1) ? kWords + (kWords + kIndex) / 2 : (kWords + kIndex) / 2)...);
}
GLINT_INLINE void interleave_words(const WordVec& a, const WordVec& b, WordVec& low, WordVec& high) {
  interleave_words(a, b, low, high, std::make_integer_sequence<int, kWords>());
}
#endif

// One round of the transpose: rows i and i + 32 trade the halves of all blocks of 2 * kShift bits, and become rows
// 2 * i and 2 * i + 1.  The index bits rotate, so that the next round's partners are 32 apart again.
template <int kShift>
GLINT_INLINE void trade_blocks(const WordVec (&row)[64 / kWords], WordVec (&next)[64 / kWords]) {
  constexpr int kHalf = 32 / kWords;
  constexpr std::uint64_t kLowBlocks = ~std::uint64_t{0} / ((std::uint64_t{1} << kShift) + 1);
  GLINT_PRAGMA(GCC unroll 8)
  for (int i = 0; i < kHalf; ++i) {
    const WordVec a = row[i], b = row[i + kHalf];
    const WordVec differ = ((a >> kShift) ^ b) & kLowBlocks;
    interleave_words(a ^ (differ << kShift), b ^ differ, next[2 * i], next[2 * i + 1]);
  }
}

// Bit c of word r goes to bit r of word c.
GLINT_INLINE void transpose_bits(const std::uint64_t* from, std::uint64_t* to) {
  WordVec row[64 / kWords], next[64 / kWords];
  GLINT_PRAGMA(GCC unroll 16)
  for (int i = 0; i < 64 / kWords; ++i) row[i] = *(const UnalignedWordVec*)(from + i * kWords);
  trade_blocks<32>(row, next);
  trade_blocks<16>(next, row);
  trade_blocks<8>(row, next);
  trade_blocks<4>(next, row);
  trade_blocks<2>(row, next);
  trade_blocks<1>(next, row);
  GLINT_PRAGMA(GCC unroll 16)
  for (int i = 0; i < 64 / kWords; ++i) *(UnalignedWordVec*)(to + i * kWords) = row[i];
}

// row_word(r, c, n): bits 0..n-1 for keys c..c+n-1 of row r, and zeros.
template <class RowWord>
GLINT_INLINE void transpose_rows(index_t rows, index_t count, std::uint64_t* words, const RowWord& row_word) {
  alignas(64) std::uint64_t square[64] = {};
  for (index_t c = 0; c < count; c += 64) {
    const index_t n = count - c < 64 ? count - c : 64;
    for (index_t r = 0; r < rows; ++r) square[r] = row_word(r, c, n);
    if (n == 64) {
      transpose_bits(square, words + c);
    } else {
      alignas(64) std::uint64_t column[64];
      transpose_bits(square, column);
      for (index_t i = 0; i < n; ++i) words[c + i] = column[i];
    }
  }
}

// Bit i: byte i of eight is at most `limit`.
GLINT_INLINE std::uint64_t eight_at_most(const std::uint8_t* bytes, std::uint8_t limit) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHigh = kOnes << 7;
  std::uint64_t x;
  __builtin_memcpy(&x, bytes, 8);
  const std::uint64_t y = limit * kOnes;
  const std::uint64_t low7 = (y | kHigh) - (x & ~kHigh);  // its high bits: the low seven bits compare
  const std::uint64_t result = ((y & ~x) | (~(x ^ y) & low7)) & kHigh;
  return (result >> 7) * 0x0102040810204080u >> 56;  // the multiplication gathers the bits in the top byte
}

// The same for as many bytes as a vector holds.
#if GLINT_USE_X86_FMA
inline constexpr index_t kBytesAtOnce = 32;
GLINT_INLINE std::uint64_t many_at_most(const std::uint8_t* bytes, std::uint8_t limit) {
  const __m256i x = _mm256_loadu_si256((const __m256i*)bytes);
  const __m256i least = _mm256_min_epu8(x, _mm256_set1_epi8(static_cast<char>(limit)));
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(least, x)));
}
#elif GLINT_HAVE_X86 && GLINT_LANES == 4
inline constexpr index_t kBytesAtOnce = 16;
GLINT_INLINE std::uint64_t many_at_most(const std::uint8_t* bytes, std::uint8_t limit) {
  const __m128i x = _mm_loadu_si128((const __m128i*)bytes);
  const __m128i least = _mm_min_epu8(x, _mm_set1_epi8(static_cast<char>(limit)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(least, x)));
}
#else
inline constexpr index_t kBytesAtOnce = 8;
GLINT_INLINE std::uint64_t many_at_most(const std::uint8_t* bytes, std::uint8_t limit) {
  return eight_at_most(bytes, limit);
}
#endif

// Bit i: byte i of `count` <= 64 is at most `limit`.
GLINT_INLINE std::uint64_t row_at_most(const std::uint8_t* bytes, index_t count, std::uint8_t limit) {
#if GLINT_USE_AVX512
  const __mmask64 there = ~std::uint64_t{0} >> (64 - count);  // bytes masked off may lie in a page that is not there
  return _mm512_mask_cmple_epu8_mask(there, _mm512_maskz_loadu_epi8(there, bytes),
                                     _mm512_set1_epi8(static_cast<char>(limit)));
#else
  std::uint64_t word = 0;
  index_t i = 0;
  for (; i + kBytesAtOnce <= count; i += kBytesAtOnce) word |= many_at_most(bytes + i, limit) << i;
  for (; i + 8 <= count; i += 8) word |= eight_at_most(bytes + i, limit) << i;
  for (; i < count; ++i) word |= std::uint64_t{bytes[i] <= limit} << i;
  return word;
#endif
}

GLINT_NOINLINE inline void at_most(const ByteRows& rows, std::uint8_t limit, std::uint64_t* words) {
  const ByteRows bytes = rows;  // `words` cannot change a copy
  transpose_rows(
      bytes.rows, bytes.count, words, [&](index_t r, index_t c, index_t n) __attribute__((always_inline)) {
        return row_at_most(bytes.data + r * bytes.stride + c, n, limit);
      });
}

// A tile's rows lie apart, which hardware does not foresee: the lines behind these keys are asked for, as most masks
// are read from left to right.
template <class Bits>
GLINT_NOINLINE void zeros(const FloatRows<Bits>& rows, std::uint64_t* words) {
  constexpr index_t kSize = sizeof(Bits), kLine = 64;
  const FloatRows<Bits> floats = rows;
  transpose_rows(
      floats.rows, floats.count, words, [&](index_t r, index_t c, index_t n) __attribute__((always_inline)) {
        const std::uint8_t* const row = floats.data + (r * floats.stride + c) * kSize;
        const std::uint8_t* const next = row + floats.count * kSize;
        for (index_t byte = 0; byte < 64 * kSize; byte += kLine) __builtin_prefetch(next + byte, 0, 2);
        return row_zeros<Bits>(row, n);
      });
}

// `count` <= 64 bits from bit `first` on; only the bytes that hold them are read.
GLINT_INLINE std::uint64_t read_bits(const std::uint8_t* stream, index_t first, index_t count) {
  const std::uint8_t* const bytes = stream + (first >> 3);
  const index_t shift = first & 7, size = (shift + count + 7) / 8;
  std::uint64_t word = 0;
  if (size >= 8) {
    __builtin_memcpy(&word, bytes, 8);
  } else {
    for (index_t i = 0; i < size; ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
  }
  word >>= shift;
  if (size == 9) word |= std::uint64_t{bytes[8]} << (64 - shift);
  return word & (~std::uint64_t{0} >> (64 - count));
}

GLINT_NOINLINE inline void columns(const BitRows& rows, std::uint64_t* words) {
  const BitRows bits = rows;
  transpose_rows(
      bits.rows, bits.count, words, [&](index_t r, index_t c, index_t n) __attribute__((always_inline)) {
        return read_bits(bits.stream, bits.first + r * bits.stride + c, n);
      });
}

// The 64-bit products of the low halves; the high halves may hold anything.
GLINT_INLINE WordVec multiply_low_halves(const WordVec& a, std::uint64_t b) {
#if GLINT_USE_AVX512
  return (WordVec)_mm512_maskz_mul_epu32(0xff, (__m512i)a, _mm512_set1_epi64(static_cast<long long>(b)));
#elif GLINT_USE_X86_FMA
  return (WordVec)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(static_cast<long long>(b)));
#elif GLINT_HAVE_X86 && GLINT_LANES == 4
  return (WordVec)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(static_cast<long long>(b)));
#elif GLINT_LANES == 4 && defined(__aarch64__)
  return (WordVec)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(static_cast<std::uint32_t>(b)));
#else
  return (a & kLow32) * b;
#endif
}

// Sixteen bytes for each of kWords counters, one after the other.
GLINT_INLINE void philox_bytes(std::uint64_t seed, const WordVec& low, const WordVec& high, std::uint8_t* bytes) {
  WordVec c0 = low, c1 = low >> 32, c2 = high, c3{};
  std::uint64_t k0 = seed & kLow32, k1 = seed >> 32;
  GLINT_UNROLL
  for (int round = 0; round < 7; ++round) {
    const WordVec p0 = multiply_low_halves(c0, 0xD2511F53u), p1 = multiply_low_halves(c2, 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ c1 ^ k0, c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ k1, c3 = p0;
    k0 = (k0 + 0x9E3779B9u) & kLow32, k1 = (k1 + 0xBB67AE85u) & kLow32;
  }
  WordVec first, second;
  interleave_words((c0 & kLow32) | (c1 << 32), (c2 & kLow32) | (c3 << 32), first, second);
  *(UnalignedWordVec*)bytes = first;
  *(UnalignedWordVec*)(bytes + sizeof(WordVec)) = second;
}

GLINT_NOINLINE inline void at_most(const PhiloxRows& rows, std::uint8_t limit, std::uint64_t* words) {
  constexpr index_t kGroups = 8, kRow = 16 * kGroups;
  static_assert(kGroups % kWords == 0);
  alignas(64) std::uint8_t bytes[64 * kRow];
  alignas(64) std::uint64_t lane[kWords];
  for (int i = 0; i < kWords; ++i) lane[i] = static_cast<std::uint64_t>(i);
  const WordVec iota = *(const UnalignedWordVec*)lane;
  index_t skip = rows.skip;
  std::uint64_t step = rows.step;
  for (index_t c = 0, n; c < rows.count; c += n, step += kGroups, skip = 0) {
    n = rows.count - c < kRow - skip ? rows.count - c : kRow - skip;
    for (index_t r = 0; r < rows.rows; ++r) {
      const std::uint64_t first = rows.start + step + static_cast<std::uint64_t>(r) * rows.stride;
      for (index_t i = 0; i < kGroups && 16 * i < skip + n; i += kWords) {
        const WordVec low = iota + (first + static_cast<std::uint64_t>(i));
        philox_bytes(rows.seed, low, (WordVec)(low < rows.start) & 1, bytes + r * kRow + 16 * i);
      }
    }
    at_most(ByteRows{bytes + skip, kRow, rows.rows, n}, limit, words + c);
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

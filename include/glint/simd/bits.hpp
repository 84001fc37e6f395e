// Masks and dropout as bits.  They are stored row by row, a number or a bit for each key, and a tile wants one word for
// each key with bit r for row r: whatever the source, it is read as one word for each row and 64 keys, and transposed.
//
// Ordinary functions, so that policies need not know of instruction sets; which CPU runs is looked up once a call,
// that is once for each tile.
#pragma once

#include "glint/simd/simd.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Bytes for `count` keys of up to 64 rows, `stride` apart.  Nothing between and behind them is read.
struct ByteRows {
  const std::uint8_t* data = nullptr;
  index_t stride = 0, rows = 0, count = 0;
};

// The same of floating-point numbers; `Bits` is the unsigned integer of their size, 16 or 32 bits, and counts strides.
template <class Bits>
struct FloatRows {
  const std::uint8_t* data = nullptr;
  index_t stride = 0, rows = 0, count = 0;
};

// Bits for `count` keys of up to 64 rows, the first one bit `first` of the stream, least significant bit first.
struct BitRows {
  const std::uint8_t* stream = nullptr;
  index_t first = 0, stride = 0, rows = 0, count = 0;
};

// Bytes made by Philox4x32-7, sixteen from each counter value: key c of row r takes byte (skip + c) % 16 of counter
// start + step + r * stride + (skip + c) / 16, a 64-bit sum whose carry out of `start` goes to the third word.
struct PhiloxRows {
  std::uint64_t seed = 0, start = 0, step = 0, stride = 0;
  index_t skip = 0, rows = 0, count = 0;
};

namespace simd {

// Is the floating-point number with these bits 0 or -0?  All of its bits but the sign are, which no flag can doubt: a
// denormal is not zero though the CPU may flush it, and NaN is not though -ffast-math may say so.
template <class Bits>
GLINT_INLINE bool is_zero(const std::uint8_t* number) {
  Bits bits;
  __builtin_memcpy(&bits, number, sizeof bits);
  return static_cast<Bits>(bits << 1) == 0;
}

}  // namespace simd
}  // namespace GLINT_ABI
}  // namespace glint

#define GLINT_ISA_BODY "glint/simd/bits-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace simd {

// words[c] has bit r set iff byte c of row r is at most `limit`.
inline void at_most(const ByteRows& bytes, std::uint8_t limit, std::uint64_t* words) {
  GLINT_ON_SELECTED_ISA(at_most(bytes, limit, words));
}
inline void at_most(const PhiloxRows& bytes, std::uint8_t limit, std::uint64_t* words) {
  GLINT_ON_SELECTED_ISA(at_most(bytes, limit, words));
}

// words[c] has bit r set iff number c of row r is 0 or -0.
template <class Bits>
void zeros(const FloatRows<Bits>& floats, std::uint64_t* words) {
  GLINT_ON_SELECTED_ISA(zeros(floats, words));
}

// words[c] has bit r set iff bit c of row r is set.
inline void columns(const BitRows& bits, std::uint64_t* words) { GLINT_ON_SELECTED_ISA(columns(bits, words)); }

}  // namespace simd
}  // namespace GLINT_ABI
}  // namespace glint

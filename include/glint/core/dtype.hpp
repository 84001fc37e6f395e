// Storage types against arithmetic types.  16-bit numbers are stored, never calculated with: `half` and
// `bfloat16` have no operators, and every kernel converts them to float on the way in and rounds on the way out.
#pragma once

#include <bit>

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct half {  // IEEE binary16
  std::uint16_t bits;
};
struct bfloat16 {  // the upper half of a binary32
  std::uint16_t bits;
};
struct int4x2 {  // two 4-bit two's complement numbers, the first in the low bits: eight make one int32 of the documents
  std::uint8_t bits;
};

enum class DType : std::uint8_t { none, f32, f16, bf16, i8, u8, boolean, i32, i64, u64, i4 };

// dtype_of<T>: the run-time name of a storage type.  Specialise StorageOf for a foreign 16-bit type (see eigen.hpp).
template <class Element>
struct StorageOf {
  using type = Element;
};
template <class Element>
using storage_t = typename StorageOf<Element>::type;

template <class Element>
inline constexpr DType dtype_of = DType::none;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<half> = DType::f16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<std::int8_t> = DType::i8;
template <>
inline constexpr DType dtype_of<int4x2> = DType::i4;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

// The types that q, k, v and the output may have.  (A cache may also hold std::int8_t or int4x2.)
template <class Element>
inline constexpr bool is_tensor_element =
    dtype_of<storage_t<Element>> == DType::f32 || dtype_of<storage_t<Element>> == DType::f16 ||
    dtype_of<storage_t<Element>> == DType::bf16;

// The types that a cache may have under queries of Element.
template <class Stored, class Element>
inline constexpr bool is_cache_element =
    dtype_of<storage_t<Stored>> == dtype_of<storage_t<Element>> || dtype_of<storage_t<Stored>> == DType::i8 ||
    dtype_of<storage_t<Stored>> == DType::i4 ||
    (dtype_of<storage_t<Element>> == DType::f32 && is_tensor_element<Stored>);

// Numbers in one element of storage.
template <class Element>
inline constexpr index_t numbers_in = 1;
template <>
inline constexpr index_t numbers_in<int4x2> = 2;

// Stored as integers, which mean nothing without factors.
template <class Element>
inline constexpr bool is_integer_element = std::is_same_v<Element, std::int8_t> || std::is_same_v<Element, int4x2>;

// Bytes of `numbers` numbers of a row; for int4x2 an even number.
template <class Element>
constexpr index_t row_bytes(index_t numbers) {
  return numbers * static_cast<index_t>(sizeof(Element)) / numbers_in<Element>;
}

// Bytes of one element of storage; one of i4 holds two numbers.
constexpr index_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::f16:
    case DType::bf16: return 2;
    case DType::i8:
    case DType::i4:
    case DType::u8:
    case DType::boolean: return 1;
    case DType::i64:
    case DType::u64: return 8;
    case DType::none: break;
  }
  return 0;
}

// f(T{}) for the float type that `dtype` names.
template <class Function>
constexpr auto with_float_type(DType dtype, const Function& f) {
  if (dtype == DType::f16) return f(half{});
  if (dtype == DType::bf16) return f(bfloat16{});
  return f(float{});
}

// Scalar conversions, exact on the way up and round-to-nearest-even on the way down.  The kernels have vector
// forms of the same functions; these serve edges, tests and users.
constexpr float to_float(float value) { return value; }
constexpr float to_float(std::int8_t value) { return static_cast<float>(value); }

// Number i of a row of 4-bit numbers.
constexpr int number_at(const int4x2* row, index_t i) {
  const int nibble = row[i / 2].bits >> (i % 2 * 4) & 15;
  return nibble < 8 ? nibble : nibble - 16;
}

constexpr float to_float(bfloat16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16); }

constexpr float to_float(half value) {
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  if (magnitude >= 0x400u) return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
  // Denormals through an integer: a float denormal on the way would read as 0 where the user has set DAZ.
  const float denormal = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(denormal));
}

template <class Element>
constexpr Element from_float(float value);

template <>
constexpr float from_float<float>(float value) {
  return value;
}

template <>
constexpr bfloat16 from_float<bfloat16>(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};  // quiet NaN
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

template <>
constexpr half from_float<half>(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // rounds past 65504
  if (magnitude < 0x38800000u) {
    // Below the smallest normal half: adding 0.5 leaves the half's denormal bits, rounded, in the low mantissa.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return {static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

}  // namespace GLINT_ABI
}  // namespace glint

// The types of numbers that a case names by an index, and how its numbers are chosen.
#pragma once

#include "glint/core/dtype.hpp"

namespace glint_test {

using glint::DType;
using glint::index_t;

enum Number : index_t { kF32, kF16, kBf16, kInt8, kInt4 };
inline constexpr DType kDTypes[] = {DType::f32, DType::f16, DType::bf16, DType::i8, DType::i4};

// The index of a type among them.
template <class Element>
inline constexpr index_t kNumber = kF32;
template <>
inline constexpr index_t kNumber<glint::half> = kF16;
template <>
inline constexpr index_t kNumber<glint::bfloat16> = kBf16;
template <>
inline constexpr index_t kNumber<std::int8_t> = kInt8;
template <>
inline constexpr index_t kNumber<glint::int4x2> = kInt4;

// init= of a case line.  What each does is said in init.hpp.
enum Init : index_t { kNormal, kUniform, kPoison, kHuge, kTies, kOneHot, kEmpty };

// init=empty: every other sequence has no keys, the first among them.
constexpr bool emptied(index_t init, index_t batch, std::size_t entry) {
  return init == kEmpty && batch > 1 && entry % 2 == 0;
}

}  // namespace glint_test

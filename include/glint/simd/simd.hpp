// Floor 1 as a whole: vectors, conversions, exp, the micro-kernel and packing, once for each ISA.
#pragma once

#include <limits>
#include <type_traits>
#include <utility>

#include "glint/core/dtype.hpp"
#include "glint/simd/isa.hpp"
#include "glint/simd/register_block.hpp"

#if GLINT_HAVE_X86
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

// Hides where a vector's value came from, so that no flag lets the optimiser reason about it.
#if GLINT_HAVE_X86
#define GLINT_OPAQUE(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define GLINT_OPAQUE(v) __asm__("" : "+w"(v))
#else
#define GLINT_OPAQUE(v) (void)0
#endif

namespace glint {
inline namespace GLINT_ABI {
// Rows that will be touched soon, in bytes: a hint for prefetching, never followed into arithmetic.
struct NextRows {
  const void* data = nullptr;
  index_t stride = 0, rows = 0, bytes = 0;
};
}  // namespace GLINT_ABI
}  // namespace glint

#define GLINT_ISA_BODY "glint/simd/floor-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

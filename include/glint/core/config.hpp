// The few macros of glint, its version, and the index type.  Everything else is a type or a function.
#pragma once

#include <cstddef>
#include <cstdint>

// The one source of truth for the version: CMake reads this line.
#define GLINT_VERSION 100  // 0.1.0 as 10000*major + 100*minor + patch

// Library code that is not in an ISA namespace is compiled with the user's flags.  Two translation units with
// different -m flags must never share such a function (the linker keeps one copy, and a baseline caller would
// jump into AVX-512 code), so the flags are part of every symbol's name.
#if defined(__AVX512F__)
#define GLINT_ABI_OF_FLAGS v0_avx512
#elif defined(__AVX2__)
#define GLINT_ABI_OF_FLAGS v0_avx2
#elif defined(__AVX__)
#define GLINT_ABI_OF_FLAGS v0_avx
#elif defined(__SSE4_2__)
#define GLINT_ABI_OF_FLAGS v0_sse42
#else
#define GLINT_ABI_OF_FLAGS v0_base
#endif
// So is whether there is a tuning table (simd/tuning.hpp): it decides what inline functions do.
#ifdef GLINT_TUNING_FILE
#define GLINT_JOIN_NAMES(a, b) a##b
#define GLINT_JOINED_NAMES(a, b) GLINT_JOIN_NAMES(a, b)
#define GLINT_ABI GLINT_JOINED_NAMES(GLINT_ABI_OF_FLAGS, _tuned)
#else
#define GLINT_ABI GLINT_ABI_OF_FLAGS
#endif

#define GLINT_INLINE __attribute__((always_inline)) inline
#define GLINT_NOINLINE __attribute__((noinline))
#define GLINT_UNROLL _Pragma("GCC unroll 64")
#define GLINT_PRAGMA(...) _Pragma(#__VA_ARGS__)

namespace glint {
inline namespace GLINT_ABI {

// Every extent, offset and stride.  Signed and 64-bit: products of strides pass 2^31 on real caches, and
// `nk - nq` must be allowed to be negative.  (Not `index`: POSIX has one.)
using index_t = std::int64_t;

}  // namespace GLINT_ABI
}  // namespace glint

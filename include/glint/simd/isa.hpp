// The instruction sets that glint carries code for, and the choice between them at run time.  Users pass no -m flags:
// each ISA's kernels live in their own namespace inside a target region, and a check of the CPU picks one.
//
// GLINT_FORCE_ISA=plain|base|avx2|avx512 in the environment overrides the choice (for tests and measurements); a name
// that this CPU or build lacks is ignored.
#pragma once

#include <cstdlib>
#include <initializer_list>

#include "glint/core/config.hpp"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define GLINT_HAVE_X86 1
#else
#define GLINT_HAVE_X86 0
#endif
#if defined(__GNUC__) || defined(__clang__)
#define GLINT_HAVE_VECTOR_EXTENSIONS 1
#else
#define GLINT_HAVE_VECTOR_EXTENSIONS 0
#endif

namespace glint {
inline namespace GLINT_ABI {

enum class Isa : int {
  plain,   // loops over floats: the fallback for compilers without vector extensions
  base,    // 128-bit vectors: SSE2 on x86-64, NEON on AArch64
  avx2,    // AVX2, FMA, F16C
  avx512,  // AVX-512 F, VL, BW, DQ
};

constexpr const char* name(Isa isa) {
  switch (isa) {
    case Isa::plain: return "plain";
    case Isa::base: return "base";
    case Isa::avx2: return "avx2";
    case Isa::avx512: break;
  }
  return "avx512";
}

namespace simd {

inline bool supported(Isa isa) {
#if GLINT_HAVE_X86
  __builtin_cpu_init();
  if (isa == Isa::avx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && supported(Isa::avx2);
  }
  // Every CPU with AVX2 and FMA has F16C; the compilers cannot ask for it by name.
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  if (isa == Isa::avx2 || isa == Isa::avx512) return false;
#endif
  return isa == Isa::plain || GLINT_HAVE_VECTOR_EXTENSIONS != 0;
}

constexpr bool same_text(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

inline Isa detect() {
  if (const char* const forced = std::getenv("GLINT_FORCE_ISA")) {
    for (const Isa isa : {Isa::plain, Isa::base, Isa::avx2, Isa::avx512})
      if (same_text(forced, name(isa)) && supported(isa)) return isa;
  }
  for (const Isa isa : {Isa::avx512, Isa::avx2, Isa::base})
    if (supported(isa)) return isa;
  return Isa::plain;
}

// Has this CPU the instruction for dot products of bfloat16 pairs, beside AVX-512?
inline bool detect_bf16_dot() {
#if GLINT_HAVE_X86
  return supported(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}
inline const bool has_bf16_dot = detect_bf16_dot();

// The same for products of bytes.
inline bool detect_int8_dot() {
#if GLINT_HAVE_X86
  return supported(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}
inline bool has_int8_dot = detect_int8_dot();  // a test may clear it

// What the kernels use.  Assign only before the first call, or between calls of a test.
inline Isa selected = detect();

// May kernels use those instructions?  Only as a part of AVX-512, so that GLINT_FORCE_ISA turns them off.
inline bool bf16_dot() { return selected == Isa::avx512 && has_bf16_dot; }
inline bool int8_dot() { return selected == Isa::avx512 && has_int8_dot; }

}  // namespace simd
}  // namespace GLINT_ABI
}  // namespace glint

// The body of a function in namespace glint that does `call` as the selected ISA's namespace has it.
#if GLINT_HAVE_X86
#define GLINT_ON_SELECTED_ISA(call)                                    \
  if (::glint::simd::selected == Isa::avx512) return isa_avx512::call; \
  if (::glint::simd::selected == Isa::avx2) return isa_avx2::call;     \
  if (::glint::simd::selected == Isa::base) return isa_base::call;     \
  return isa_plain::call
#elif GLINT_HAVE_VECTOR_EXTENSIONS
#define GLINT_ON_SELECTED_ISA(call)                                \
  if (::glint::simd::selected == Isa::base) return isa_base::call; \
  return isa_plain::call
#else
#define GLINT_ON_SELECTED_ISA(call) return isa_plain::call
#endif

// Includes GLINT_ISA_BODY once for each instruction set, inside that set's target region.  No guard: this file is a
// loop.  The body sees
//   GLINT_ISA     the namespace to put its code in: isa_plain, isa_base, isa_avx2, isa_avx512
//   GLINT_LANES   floats in one vector
//   GLINT_USE_X86_FMA, GLINT_USE_AVX512   which intrinsics it may call
// In a body, entry points are noinline and helpers always_inline: a helper that stayed out of line could be called
// from nowhere else, but an entry point that is inlined would drag its instructions into the baseline caller.

#ifndef GLINT_ISA_BODY
#error "define GLINT_ISA_BODY before including glint/simd/for_each_isa.hpp"
#endif

#ifndef GLINT_TARGET_BEGIN
#if defined(__clang__)
#define GLINT_TARGET_BEGIN(features) \
  GLINT_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define GLINT_TARGET_END _Pragma("clang attribute pop")
#else
// Tuned for no CPU in particular: under -march=native gcc 12 would schedule for the user's, and loses 20 % on some.
#define GLINT_TARGET_BEGIN(features) _Pragma("GCC push_options") GLINT_PRAGMA(GCC target(features ",tune=generic"))
#define GLINT_TARGET_END _Pragma("GCC pop_options")
#endif
#endif

#define GLINT_ISA isa_plain
#define GLINT_LANES 1
#define GLINT_USE_X86_FMA 0
#define GLINT_USE_AVX512 0
#include GLINT_ISA_BODY
#undef GLINT_ISA
#undef GLINT_LANES

#if GLINT_HAVE_VECTOR_EXTENSIONS
#define GLINT_ISA isa_base
#define GLINT_LANES 4
#include GLINT_ISA_BODY
#undef GLINT_ISA
#undef GLINT_LANES
#endif
#undef GLINT_USE_X86_FMA

#if GLINT_HAVE_X86
#define GLINT_USE_X86_FMA 1
GLINT_TARGET_BEGIN("avx2,fma,f16c,bmi2")
#define GLINT_ISA isa_avx2
#define GLINT_LANES 8
#include GLINT_ISA_BODY
#undef GLINT_ISA
#undef GLINT_LANES
#undef GLINT_USE_AVX512
GLINT_TARGET_END

#define GLINT_USE_AVX512 1
GLINT_TARGET_BEGIN("avx2,fma,f16c,bmi2,avx512f,avx512vl,avx512bw,avx512dq")
#define GLINT_ISA isa_avx512
#define GLINT_LANES 16
#include GLINT_ISA_BODY
#undef GLINT_ISA
#undef GLINT_LANES
GLINT_TARGET_END
#undef GLINT_USE_X86_FMA
#endif
#undef GLINT_USE_AVX512
#undef GLINT_ISA_BODY

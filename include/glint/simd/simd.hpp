// Floor 1 as a whole: vectors, conversions, exp, the micro-kernel and packing, once for each ISA.
#pragma once

#include "glint/core/dtype.hpp"
#include "glint/simd/isa.hpp"

#if GLINT_HAVE_X86
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

// Hides where a vector's value came from, so that no flag lets the optimiser reason about it.
#if GLINT_HAVE_X86
#define GLINT_OPAQUE(v) __asm__("" : "+x"(v))
#elif defined(__aarch64__)
#define GLINT_OPAQUE(v) __asm__("" : "+w"(v))
#else
#define GLINT_OPAQUE(v) (void)0
#endif

#define GLINT_ISA_BODY "glint/simd/floor-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

// What both kernels do to rows on their way in and out.
#pragma once

#include "glint/policy/quantization.hpp"
#include "glint/simd/simd.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Numbers of a row padded to whole vectors of any ISA, and to two of them for pairs.
constexpr index_t padded(index_t count) { return (count + 31) / 32 * 32; }

}  // namespace GLINT_ABI
}  // namespace glint

#define GLINT_ISA_BODY "glint/kernel/rows-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

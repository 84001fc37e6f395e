// Two partial results of one row become one, on the instruction set that was chosen at run time.
#pragma once

#include "glint/policy/softmax.hpp"
#include "glint/simd/simd.hpp"

#define GLINT_ISA_BODY "glint/kernel/merge-inl.hpp"
#include "glint/simd/for_each_isa.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace decode {

// state and o := both parts; see kernel/merge-inl.hpp.
inline void merge_rows(SoftmaxState& state, float* o, const SoftmaxState& part_state, const float* part, index_t dim) {
  GLINT_ON_SELECTED_ISA(merge_rows(state, o, part_state, part, dim));
}

}  // namespace decode
}  // namespace GLINT_ABI
}  // namespace glint

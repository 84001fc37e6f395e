// The shape of a micro-kernel.
#pragma once

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

// MR rows of NV vectors of sums stay in registers while a micro-kernel walks along them.  0 x 0: what suits the
// instruction set (microkernel-inl.hpp).  Every sum is added in the same order whatever the block, so bits do not
// depend on it.
template <int MR, int NV>
struct RegisterBlock {
  static constexpr int rows = MR;
  static constexpr int vecs = NV;
};
using OwnBlock = RegisterBlock<0, 0>;

}  // namespace GLINT_ABI
}  // namespace glint

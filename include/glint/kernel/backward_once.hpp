// The gradient's kernels compiled once for a program, as forward_once.hpp has it for the forward: include this in every
// source that calls FlashAttentionScoreGrad or its run-time door, and in one source define GLINT_BACKWARD_HERE before
// it. All of them must be compiled with the same -m flags.  Without this header nothing changes.
#pragma once

#include "glint/kernel/backward.hpp"
#include "glint/policy/any.hpp"
#include "glint/policy/recipe.hpp"

#ifdef GLINT_BACKWARD_HERE
#define GLINT_BACKWARD_WORD template
#else
#define GLINT_BACKWARD_WORD extern template
#endif

namespace glint {
inline namespace GLINT_ABI {
namespace backward {

template <class Element, class MaskModel>
using HeadOnce = GradientHead<HeadWork<Element, MaskModel>>;
template <class Element>
using TileOnce = recipe::BuiltIn::gradient_tile<Element>;
using StaircaseOnce = mask::Staircase;                        // modes that imply their mask
using TensorOnce = mask::Both<mask::Staircase, mask::Dense>;  // modes that read a mask tensor

}  // namespace backward

#define GLINT_BACKWARD_BLOCK(isa, Element, MaskModel, Way)                                                          \
  GLINT_BACKWARD_WORD void isa::backward_block<backward::TileOnce<Element>, backward::HeadOnce<Element, MaskModel>, \
                                               isa::Way<backward::TileOnce<Element>>>(                              \
      const GradientBlock<backward::HeadOnce<Element, MaskModel>>&, const GradientExtents&, std::byte*);
#define GLINT_BACKWARD_BIAS(isa, Element, MaskModel)                                                                   \
  GLINT_BACKWARD_WORD void isa::add_bias_gradient<backward::TileOnce<Element>, backward::HeadOnce<Element, MaskModel>, \
                                                  isa::GradientInSingles<backward::TileOnce<Element>>>(                \
      const backward::HeadOnce<Element, MaskModel>&, Interval, Interval, const GradientExtents&, std::byte*);
#define GLINT_BACKWARD_KERNELS(isa, Element, MaskModel)            \
  GLINT_BACKWARD_BLOCK(isa, Element, MaskModel, GradientInSingles) \
  GLINT_BACKWARD_BIAS(isa, Element, MaskModel)
#define GLINT_BACKWARD_ALL(isa, MaskModel)      \
  GLINT_BACKWARD_KERNELS(isa, float, MaskModel) \
  GLINT_BACKWARD_KERNELS(isa, half, MaskModel)  \
  GLINT_BACKWARD_KERNELS(isa, bfloat16, MaskModel)
#define GLINT_BACKWARD_MASKS(isa)                  \
  GLINT_BACKWARD_ALL(isa, backward::StaircaseOnce) \
  GLINT_BACKWARD_ALL(isa, backward::TensorOnce)    \
  GLINT_BACKWARD_ALL(isa, AnyMask)

GLINT_BACKWARD_MASKS(isa_plain)
#if GLINT_HAVE_VECTOR_EXTENSIONS
GLINT_BACKWARD_MASKS(isa_base)
#endif
#if GLINT_HAVE_X86
GLINT_BACKWARD_MASKS(isa_avx2)
GLINT_BACKWARD_MASKS(isa_avx512)
GLINT_BACKWARD_BLOCK(isa_avx512, bfloat16, backward::StaircaseOnce, GradientInPairs)
GLINT_BACKWARD_BLOCK(isa_avx512, bfloat16, backward::TensorOnce, GradientInPairs)
GLINT_BACKWARD_BLOCK(isa_avx512, bfloat16, AnyMask, GradientInPairs)
#endif

#undef GLINT_BACKWARD_MASKS
#undef GLINT_BACKWARD_ALL
#undef GLINT_BACKWARD_KERNELS
#undef GLINT_BACKWARD_BIAS
#undef GLINT_BACKWARD_BLOCK
#undef GLINT_BACKWARD_WORD

}  // namespace GLINT_ABI
}  // namespace glint

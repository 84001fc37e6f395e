// Prefill's kernels compiled once for a program, as decode_once.hpp has it for decode: those of recipe::BuiltIn, with
// the masks that sparse modes mean.  Include this in every source that calls FlashAttentionScore, PromptFlashAttention
// or their run-time doors, and in one source for each of 1, 2 and 3 define GLINT_FORWARD_HERE as that number before it
// (one source for all would take more than a minute).  All of them must be compiled with the same -m flags.  Without
// this header nothing changes.
#pragma once

#include "glint/kernel/forward.hpp"
#include "glint/policy/any.hpp"
#include "glint/policy/recipe.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace forward {

using StaircaseMask = mask::Staircase;                        // 1: modes that imply their mask
using TensorMask = mask::Both<mask::Staircase, mask::Dense>;  // 2: modes that read a mask tensor
using ErasedMask = AnyMask;                                   // 3: the run-time doors
using FloatTile = recipe::BuiltIn::tile<float>;
using HalfTile = recipe::BuiltIn::tile<half>;
using ByteTile = recipe::BuiltIn::tile<std::int8_t>;

}  // namespace forward

#ifndef GLINT_FORWARD_HERE
#define GLINT_FORWARD_HERE 0
#endif
#if GLINT_FORWARD_HERE == 1
#define GLINT_FORWARD_1 template
#else
#define GLINT_FORWARD_1 extern template
#endif
#if GLINT_FORWARD_HERE == 2
#define GLINT_FORWARD_2 template
#else
#define GLINT_FORWARD_2 extern template
#endif
#if GLINT_FORWARD_HERE == 3
#define GLINT_FORWARD_3 template
#else
#define GLINT_FORWARD_3 extern template
#endif

#define GLINT_FORWARD_KERNEL(word, isa, Mask, Element, Tile, Product)                                         \
  word void isa::forward_tiles<forward::Tile, HeadWork<Element, forward::Mask>, isa::Product<forward::Tile>>( \
      const HeadWork<Element, forward::Mask>*, const Interval*, index_t, std::byte*, const NextTask&);
#define GLINT_FORWARD_KERNELS(word, isa, Mask)                                \
  GLINT_FORWARD_KERNEL(word, isa, Mask, float, FloatTile, FloatProducts)      \
  GLINT_FORWARD_KERNEL(word, isa, Mask, half, HalfTile, FloatProducts)        \
  GLINT_FORWARD_KERNEL(word, isa, Mask, bfloat16, HalfTile, FloatProducts)    \
  GLINT_FORWARD_KERNEL(word, isa, Mask, std::int8_t, HalfTile, FloatProducts) \
  GLINT_FORWARD_KERNEL(word, isa, Mask, int4x2, HalfTile, FloatProducts)      \
  GLINT_FORWARD_KERNEL(word, isa, Mask, std::int8_t, ByteTile, BytesInFloat)
#define GLINT_FORWARD_DOTS(word, Mask)                                              \
  GLINT_FORWARD_KERNEL(word, isa_avx512, Mask, bfloat16, HalfTile, ProductsOfPairs) \
  GLINT_FORWARD_KERNEL(word, isa_avx512, Mask, std::int8_t, ByteTile, BytesByDot)
#define GLINT_FORWARD_ALL(isa)                               \
  GLINT_FORWARD_KERNELS(GLINT_FORWARD_1, isa, StaircaseMask) \
  GLINT_FORWARD_KERNELS(GLINT_FORWARD_2, isa, TensorMask)    \
  GLINT_FORWARD_KERNELS(GLINT_FORWARD_3, isa, ErasedMask)

GLINT_FORWARD_ALL(isa_plain)
#if GLINT_HAVE_VECTOR_EXTENSIONS
GLINT_FORWARD_ALL(isa_base)
#endif
#if GLINT_HAVE_X86
GLINT_FORWARD_ALL(isa_avx2)
GLINT_FORWARD_ALL(isa_avx512)
GLINT_FORWARD_DOTS(GLINT_FORWARD_1, StaircaseMask)
GLINT_FORWARD_DOTS(GLINT_FORWARD_2, TensorMask)
GLINT_FORWARD_DOTS(GLINT_FORWARD_3, ErasedMask)
#endif

#undef GLINT_FORWARD_ALL
#undef GLINT_FORWARD_DOTS
#undef GLINT_FORWARD_KERNELS
#undef GLINT_FORWARD_KERNEL
#undef GLINT_FORWARD_1
#undef GLINT_FORWARD_2
#undef GLINT_FORWARD_3

}  // namespace GLINT_ABI
}  // namespace glint

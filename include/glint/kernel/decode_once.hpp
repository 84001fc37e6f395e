// Decode's kernels compiled once for a program: a third of the time that a source with decode in it takes to compile.
// Include this in every source that calls IncreFlashAttention or incre_flash_attention, and in one source define
// GLINT_DECODE_HERE before it.  All of them must be compiled with the same -m flags.  Without this header nothing
// changes.
#pragma once

#include "glint/kernel/decode.hpp"

namespace glint {
inline namespace GLINT_ABI {

#ifdef GLINT_DECODE_HERE
#define GLINT_DECODE_TEMPLATE template
#else
#define GLINT_DECODE_TEMPLATE extern template
#endif
#define GLINT_DECODE_KERNELS(isa, Stored)                                                                       \
  GLINT_DECODE_TEMPLATE void isa::decode_splits<Stored>(const decode::Head<Stored>&, Interval, index_t, float*, \
                                                        std::byte*, const kv::Cache<Stored>*);                  \
  GLINT_DECODE_TEMPLATE void isa::decode_merge<Stored>(const decode::Head<Stored>&, index_t, float*, std::byte*);
#define GLINT_DECODE_ALL_KERNELS(isa)    \
  GLINT_DECODE_KERNELS(isa, float)       \
  GLINT_DECODE_KERNELS(isa, half)        \
  GLINT_DECODE_KERNELS(isa, bfloat16)    \
  GLINT_DECODE_KERNELS(isa, std::int8_t) \
  GLINT_DECODE_KERNELS(isa, int4x2)

GLINT_DECODE_ALL_KERNELS(isa_plain)
#if GLINT_HAVE_VECTOR_EXTENSIONS
GLINT_DECODE_ALL_KERNELS(isa_base)
#endif
#if GLINT_HAVE_X86
GLINT_DECODE_ALL_KERNELS(isa_avx2)
GLINT_DECODE_ALL_KERNELS(isa_avx512)
#endif

#undef GLINT_DECODE_ALL_KERNELS
#undef GLINT_DECODE_KERNELS
#undef GLINT_DECODE_TEMPLATE

}  // namespace GLINT_ABI
}  // namespace glint

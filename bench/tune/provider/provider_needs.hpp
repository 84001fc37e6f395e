// The bits of `needs` that a problem's other fields call for.
#pragma once

#include "tune/provider/provider.h"

namespace bench::tune::detail {

inline std::uint64_t provider_needs(const glint_problem& p) {
  const std::uint32_t type = p.q.dtype;
  std::uint64_t needs = 0;
  if (p.kv_heads != p.heads) needs |= GLINT_NEEDS_GROUPS;
  if (p.value_dim != p.head_dim) needs |= GLINT_NEEDS_VALUE_DIM;
  if (p.key_lo != -GLINT_OPEN || p.key_hi != GLINT_OPEN) needs |= GLINT_NEEDS_WINDOW;
  if (p.mask != nullptr) needs |= GLINT_NEEDS_MASK;
  if (p.kv_lens != nullptr) needs |= GLINT_NEEDS_LENGTHS;
  if (p.block_table != nullptr) needs |= GLINT_NEEDS_PAGES;
  if (p.op != GLINT_BACKWARD && p.softmax_max != nullptr) needs |= GLINT_NEEDS_STATISTICS;
  if (p.k.dtype != type || p.v.dtype != type || p.out.dtype != type) needs |= GLINT_NEEDS_DTYPES;
  if (p.bias != nullptr) needs |= GLINT_NEEDS_BIAS;
  if (p.softcap != 0) needs |= GLINT_NEEDS_SOFTCAP;
  if (p.sink != nullptr) needs |= GLINT_NEEDS_SINK;
  if (p.keep_bits != nullptr) needs |= GLINT_NEEDS_DROPOUT;
  if (p.q_rows != nullptr) needs |= GLINT_NEEDS_RAGGED;
  if (p.op != GLINT_BACKWARD && p.lse != nullptr) needs |= GLINT_NEEDS_LSE;
  return needs;
}

}  // namespace bench::tune::detail

// The tuning table of this program: the one that GLINT_TUNING_FILE names, or none.
//
//   -DGLINT_TUNING_FILE='"glint/tuned/amd_zen4.hpp"'     or, with CMake, -DGLINT_TUNING_FILE=glint/tuned/amd_zen4.hpp
//
// All sources of a program must agree on it.  Those with a table do not link with those without (config.hpp); that two
// name different tables nobody notices.  A table for another machine is ignored: in_use() says so.  Built-in choices
// then hold, as they do where a table has no row.
#pragma once

#include "glint/simd/tuning_table.hpp"

#ifdef GLINT_TUNING_FILE
#include GLINT_TUNING_FILE
#else
namespace glint {
inline namespace GLINT_ABI {
namespace tuned {
inline constexpr Machine kMachine{};
inline constexpr std::array<Row, 0> kRows{};
}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint
#endif

#if GLINT_HAVE_X86
#include <cpuid.h>
#endif

namespace glint {
inline namespace GLINT_ABI {
namespace tuned {

static_assert(
    in_order(kRows),
    "glint: the tuning table needs rows with a head_dim, sorted by it; decode_split or draft_rows are decode's alone");

// Is this CPU the one that cpuid names so?  Elsewhere than on x86-64 nobody is asked.
inline bool is_this(const Machine& machine) {
  if (machine.vendor[0] == '\0') return true;
#if GLINT_HAVE_X86
  unsigned eax = 0, words[3] = {}, rest = 0;
  char vendor[13] = {};
  if (__get_cpuid(0, &eax, &words[0], &words[2], &words[1]) == 0) return false;
  __builtin_memcpy(vendor, words, 12);
  if (__get_cpuid(1, &eax, &words[0], &words[1], &rest) == 0) return false;
  const unsigned base_family = eax >> 8 & 15;
  const unsigned family = base_family + (base_family == 15 ? eax >> 20 & 255 : 0);
  const unsigned model = (eax >> 4 & 15) + (base_family == 15 || base_family == 6 ? (eax >> 16 & 15) << 4 : 0);
  return simd::same_text(vendor, machine.vendor) && static_cast<unsigned>(machine.family) == family &&
         static_cast<unsigned>(machine.model) == model;
#else
  return false;
#endif
}
inline const bool kIsThisMachine = is_this(kMachine);

// Does the row hold for a call with this head_dim?  The first that does is used.
inline bool holds(const Row& row, index_t head_dim) {
  return kIsThisMachine && row.isa == simd::selected && head_dim <= row.head_dim;
}

// The row for decode with a cache of `dtype`; null: none.
inline const Row* decode_row(DType dtype, index_t head_dim) {
  for (const Row& row : kRows)
    if (row.regime == Regime::decode && row.dtype == dtype && holds(row, head_dim)) return &row;
  return nullptr;
}
inline index_t decode_split(DType dtype, index_t head_dim, index_t otherwise) {
  const Row* const row = decode_row(dtype, head_dim);
  return row != nullptr && row->decode_split > 0 ? row->decode_split : otherwise;
}
inline index_t draft_rows(DType dtype, index_t head_dim, index_t otherwise) {
  const Row* const row = decode_row(dtype, head_dim);
  return row != nullptr && row->draft_rows > 0 ? row->draft_rows : otherwise;
}

struct Use {
  const char* table;  // its name; empty: there is none
  bool used;
  const char* note;
};

// What has become of the table.
inline Use in_use() {
  if (kRows.empty()) return {kMachine.name, false, "no tuning table was given, or an empty one: built-in choices hold"};
  if (!kIsThisMachine) return {kMachine.name, false, "the tuning table is for another CPU and ignored"};
  for (const Row& row : kRows)
    if (row.isa == simd::selected) return {kMachine.name, true, "the tuning table is in use"};
  return {kMachine.name, false, "the tuning table is for another instruction set and ignored"};
}

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

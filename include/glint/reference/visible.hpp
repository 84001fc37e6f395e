// Which keys a query row sees: the table of operators 2, one line per mode.
#pragma once

#include "glint/reference/array.hpp"

namespace glint::reference {

// Everything the table needs to know about one batch entry.  Lengths and tokens in rows and columns.
struct SparseRule {
  int mode = 0;      // 0..9
  index_t rows = 0;  // S1 of this entry
  index_t keys = 0;  // S2 of this entry, a shared prefix included
  index_t pre = 2147483647;
  index_t next = 2147483647;
  index_t prefix = 0;       // modes 5 and 6
  bool band_entry = false;  // mode 7: the last entry with queries; mode 8: the first
};

// True if query `row` of the entry sees key `key`; both count from 0 inside the entry.  `masked` is the mask
// tensor's element M(row, key), in mode 9 the tree's; false without a tensor.  Source: operators 2.
inline bool visible(const SparseRule& rule, index_t row, index_t key, bool masked) {
  const index_t delta = rule.keys - rule.rows;
  const index_t behind = row - key;                // how far the key lies behind the row, top-left anchor
  const index_t behind_right = row + delta - key;  // the same, bottom-right anchor
  const bool left_up_causal = behind >= 0;
  const bool right_down_causal = behind_right >= 0;
  // Differences rather than `row + next`, because tokens may be as large as an integer gets.
  const bool left_up_band = behind <= rule.pre && -behind <= rule.next;
  const bool right_down_band = behind_right <= rule.pre && -behind_right <= rule.next;
  switch (rule.mode) {
    case 0: return left_up_band && !masked;
    case 1: return !masked;
    case 2: return left_up_causal;
    case 3: return right_down_causal;
    case 4: return right_down_band;
    case 5: return (right_down_causal || key < rule.prefix) && !masked;
    case 6: return right_down_causal || key < rule.prefix;
    case 7: return rule.band_entry ? right_down_band : right_down_causal;
    case 8: return rule.band_entry ? right_down_band : left_up_causal;
    case 9: return key < delta || !masked;
    default: return false;
  }
}

}  // namespace glint::reference

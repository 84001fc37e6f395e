// Online softmax over tiles of keys, with its mistakes.
#pragma once

#include "kit/hint/rows.hpp"

namespace kit::hinting {

struct Tiling {
  index_t columns = 64;
  bool rescales_sum = true, rescales_out = true, inverted = false;
  std::function<double(double)> round_p;     // of the second product; empty: none
  std::function<double(double)> round_sums;  // of the second product, after each key of a tile
  bool sums_rounded = false;                 // of P
};

// Precondition: the row sees something.
RowResult tiled_row(const RowScores& scores, const Tiling& tiling);

}  // namespace kit::hinting

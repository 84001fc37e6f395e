// Tile sizes and what must hold between them.
#pragma once

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Rows: queries of one tile; they lie in vector lanes, one 64-bit word of mask bits for each key.
// Columns: keys that are scored before the softmax absorbs them.
// Shared: query tiles that walk the keys together and share each converted or gathered K/V tile.  Where K and V are
// read in place there is nothing to share, and query tiles walk alone.
template <int Rows, int Columns, int Shared = 1>
struct Tile {
  static_assert(Rows == 16 || Rows == 32 || Rows == 64,
                "glint::Tile: Rows must be 16, 32 or 64 (whole vectors on every ISA, one mask word for each key)");
  static_assert(Columns >= 8 && Columns % 8 == 0 && Columns <= 1024,
                "glint::Tile: Columns must be a multiple of 8 between 8 and 1024");
  static_assert(Shared >= 1 && Shared <= 16, "glint::Tile: Shared must be between 1 and 16");
  static constexpr index_t rows = Rows;
  static constexpr index_t columns = Columns;
  static constexpr index_t shared = Shared;
};

namespace tile {
// 64 x 128 at head_dim 128 keeps q, o and s at 32 KB each: L2 holds them beside the K and V tiles, and the 16
// accumulators of the micro-kernel are read and written once for each 128 keys.  Between 96 and 192 columns nothing
// changes; 48 rows instead of 64 cost ten points at S = 128.
// Four query tiles share what K and V cost where they must be gathered from pages first.
using Prefill = Tile<64, 128, 4>;
// 16-bit inputs are converted to float, or interleaved, once for each K/V tile.
using PrefillConverted = Tile<64, 192, 4>;
// A tile of the gradient holds scores, dP, and sums of dK and dV: at head_dim 128 with K and V 380 KB, which L2 holds.
using Gradient = Tile<64, 64>;
// Products of bytes are four times as fast, so what is done once for each tile must be shared by more keys.
using PrefillBytes = Tile<64, 384, 4>;
}  // namespace tile

}  // namespace GLINT_ABI
}  // namespace glint

// Tile sizes and what must hold between them.
#pragma once

#include "glint/simd/register_block.hpp"
#include "glint/simd/tuning.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Rows: queries of one tile; they lie in vector lanes, one 64-bit word of mask bits for each key.
// Columns: keys that are scored before the softmax absorbs them.
// Shared: query tiles that walk the keys together and share each converted or gathered K/V tile.  Where K and V are
// read in place there is nothing to share, and query tiles walk alone.
// Block: the micro-kernel's; its vectors of queries are no more than the tile has.
template <int Rows, int Columns, int Shared = 1, class Block = OwnBlock>
struct Tile {
  static_assert(Rows == 16 || Rows == 32 || Rows == 64,
                "glint::Tile: Rows must be 16, 32 or 64 (whole vectors on every ISA, one mask word for each key)");
  static_assert(Columns >= 8 && Columns % 8 == 0 && Columns <= 1024,
                "glint::Tile: Columns must be a multiple of 8 between 8 and 1024");
  static_assert(Shared >= 1 && Shared <= 16, "glint::Tile: Shared must be between 1 and 16");
  static_assert((Block::rows == 0 && Block::vecs == 0) || (Block::rows >= 1 && Block::rows <= 16 &&
                                                           (Block::vecs == 1 || Block::vecs == 2 || Block::vecs == 4)),
                "glint::Tile: a RegisterBlock has 1 to 16 rows of 1, 2 or 4 vectors, or is 0 x 0");
  using block = Block;
  static constexpr index_t rows = Rows;
  static constexpr index_t columns = Columns;
  static constexpr index_t shared = Shared;

  // Kernels are compiled for the instruction sets that it runs on.
  static constexpr bool runs_on(Isa) { return true; }
  // What a recipe names may be a choice (On, Tuned below).  Calls use(tile) with the one for a call.
  template <class Use>
  static constexpr decltype(auto) choose(index_t, const Use& use) {
    return use(Tile{});
  }
};

namespace tile {

// On one instruction set, and compiled for no other.
template <Isa isa, class Special>
struct OnlyOn : Special {
  static constexpr bool runs_on(Isa which) { return which == isa; }
};

// Special on one instruction set, elsewhere Else.
template <Isa isa, class Special, class Else>
struct On {
  template <class Use>
  static decltype(auto) choose(index_t head_dim, const Use& use) {
    if (simd::selected == isa) return use(OnlyOn<isa, Special>{});
    return Else::choose(head_dim, use);
  }
};

// What the tuning table has from row `number` on, elsewhere Else.
template <tuned::Regime regime, DType dtype, class Else, std::size_t number = 0>
struct Tuned {
  template <class Use>
  static decltype(auto) choose(index_t head_dim, const Use& use) {
    if constexpr (number == tuned::kRows.size()) {
      return Else::choose(head_dim, use);
    } else {
      constexpr tuned::Row kRow = tuned::kRows[number];
      if constexpr (kRow.regime == regime && kRow.dtype == dtype) {
        using Special =
            Tile<kRow.tile.rows, kRow.tile.columns, kRow.tile.shared, RegisterBlock<kRow.block.rows, kRow.block.vecs>>;
        static_assert(dtype != DType::i8 || Special::columns == Else::columns,
                      "glint: the columns of an int8 tile are the key block of its roundings: no table changes them");
        if (tuned::holds(kRow, head_dim)) return use(OnlyOn<kRow.isa, Special>{});
      }
      return Tuned<regime, dtype, Else, number + 1>::choose(head_dim, use);
    }
  }
};

// 64 x 128 at head_dim 128 keeps q, o and s at 32 KB each: L2 holds them beside the K and V tiles, and the 16
// accumulators of the micro-kernel are read and written once for each 128 keys.  Between 96 and 192 columns nothing
// changes; 48 rows instead of 64 cost ten points at S = 128.
// Four query tiles share what K and V cost where they must be gathered from pages first.
using Prefill = Tile<64, 128, 4>;
// 16-bit inputs are converted to float, or interleaved, once for each K/V tile.
using PrefillConverted = Tile<64, 192, 4>;
// The gradient reads and writes K, V and the sums of dK and dV for each query tile, so few keys at a time: under a
// causal mask a square on the diagonal is all that is calculated in part.
using Gradient = Tile<64, 64>;
// 16-bit keys are converted or interleaved, which two query tiles share; and products of pairs want longer sums.
using GradientConverted = Tile<64, 192, 2>;
// Products of bytes are four times as fast, so what is done once for each tile must be shared by more keys.
using PrefillBytes = Tile<64, 384, 4>;
}  // namespace tile

}  // namespace GLINT_ABI
}  // namespace glint

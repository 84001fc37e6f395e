// What a tuning table is made of.  `glint-tune export` writes one from measurements (bench/tune/README.md);
// glint/tuned/ has some.  GLINT_TUNING_FILE names the one that a program is compiled with (tuning.hpp).
#pragma once

#include <array>

#include "glint/core/dtype.hpp"
#include "glint/simd/isa.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace tuned {

// The layout of what follows: a table says which one it was written for, and a static_assert compares.
inline constexpr int kFormat = 1;

// Which kernel.  There is none for short or long calls: a row's bits depend on the tile's columns, and they must not
// depend on how long its neighbors in the batch are.
enum class Regime { prefill, gradient, decode };

// The CPU that a table was measured on, as cpuid tells; no vendor: any CPU that runs the rows' instruction set.
struct Machine {
  const char* name = "";
  const char* vendor = "";
  int family = 0, model = 0;
};

struct TileSize {
  int rows = 64, columns = 128, shared = 1;
};
struct BlockSize {
  int rows = 0, vecs = 0;  // 0 x 0: the instruction set's own
};

// What to use for tensors of a type (of decode: the cache's) up to a head_dim, above the row before.
struct Row {
  Regime regime{};
  Isa isa{};
  DType dtype{};
  index_t head_dim = 0;
  TileSize tile{};
  BlockSize block{};
  // Of decode, in place of a tile: keys of a part, and the most query rows for which the fused door takes decode's
  // kernel rather than prefill's.  0: the built-in choice.
  index_t decode_split = 0, draft_rows = 0;
};

// Is every row of `rows` one that a call can use?  Rows of one regime, instruction set and type are sorted by head_dim.
// Tiles are checked where they are made (policy/tile.hpp), parts by decode.
template <class Rows>
constexpr bool in_order(const Rows& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool of_decode = rows[i].decode_split > 0 || rows[i].draft_rows > 0;
    if (rows[i].head_dim < 1 || (rows[i].regime == Regime::decode) != of_decode) return false;
    for (std::size_t j = 0; j < i; ++j) {
      const bool same =
          rows[i].regime == rows[j].regime && rows[i].isa == rows[j].isa && rows[i].dtype == rows[j].dtype;
      if (same && rows[i].head_dim <= rows[j].head_dim) return false;
    }
  }
  return true;
}

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

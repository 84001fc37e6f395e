// One (batch, head) of attention with everything resolved: strides instead of layouts, one mask instead of a mode,
// null objects instead of options.  Operators build these; kernels read nothing else.
#pragma once

#include <limits>

#include "glint/policy/dropout.hpp"
#include "glint/policy/mask.hpp"
#include "glint/policy/score.hpp"
#include "glint/policy/softmax.hpp"
#include "glint/simd/simd.hpp"
#include "glint/tensor/kv_source.hpp"
#include "glint/tensor/view.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Sums over more keys than this are kept in blocks that are added once (a third level of accumulation): it holds the
// error contract at half a million keys, and costs one pass over O for each block.
inline constexpr index_t kKeyBlock = 16384;

// Where the statistics of a row go (any pointer may be null), and what a row that sees nothing reports.
struct RowStats {
  float* max = nullptr;
  float* sum = nullptr;
  float* lse = nullptr;
  index_t row_stride = 1;  // of max and sum
  index_t lse_stride = 1;
  index_t repeat = 1;  // the documents' (.., 8) form stores each value eight times
  float empty_max = kEmptyRowMax;
  float empty_sum = kEmptyRowSum;
  float empty_lse = -std::numeric_limits<float>::infinity();

  explicit constexpr operator bool() const { return max != nullptr || sum != nullptr || lse != nullptr; }
};

// How the two matrix products are calculated.  pairs: bfloat16 with the CPU's dot instruction, P rounded to bfloat16;
// where there is none, or for other types, the same as singles.  bytes: q, k and v are int8 and out is half, with the
// roundings of operators 4.1; key blocks are the tiles of keys.
enum class Products : std::uint8_t { singles, pairs, bytes };

// The factors of products of bytes.  dequant1 has 19 bits, its low 13 bits of mantissa clear; quant1 is a half.
struct Int8Factors {
  float dequant1 = 1, quant1 = 1, dequant2 = 1;
};

// What the same worker will read next, as far as is known.
struct NextTask {
  NextRows q, k, v;
};

// The slope of pse types 2 and 3; a null object when slope is 0.
struct Slope {
  float slope = 0;
  float offset = 0;
  bool square_root = false;  // pse type 3
  explicit constexpr operator bool() const { return slope != 0; }
};

template <class Element, Mask MaskModel, class Modifier = score::None, class Kv = kv::Contiguous<Element>>
struct HeadWork {
  using element = Element;
  using output = std::conditional_t<std::is_same_v<Element, std::int8_t>, half, Element>;

  HeadView<const Element> q;  // rows that are computed
  Kv kv;
  HeadView<output> out;  // out.rows >= q.rows: the rows behind are set to zero
  float scale = 1;       // s = scale * (q . k); of products of bytes a half
  MaskModel mask;
  [[no_unique_address]] Modifier modifier{};
  Bias bias{};
  Slope slope{};
  Dropout dropout{};
  RowStats stats{};
  Int8Factors int8{};
};

}  // namespace GLINT_ABI
}  // namespace glint

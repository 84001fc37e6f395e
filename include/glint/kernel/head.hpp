// One (batch, head) of attention with everything resolved: strides instead of layouts, one mask instead of a mode,
// null objects instead of options.  Operators build these; kernels read nothing else.
#pragma once

#include <limits>

#include "glint/policy/dropout.hpp"
#include "glint/policy/mask.hpp"
#include "glint/policy/quantization.hpp"
#include "glint/policy/score.hpp"
#include "glint/policy/softmax.hpp"
#include "glint/simd/simd.hpp"
#include "glint/tensor/kv_source.hpp"

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

// How the two matrix products of floats are calculated.  pairs: bfloat16 with the CPU's dot instruction, P rounded to
// bfloat16; where there is none, or for other types, the same as singles.
enum class Products : std::uint8_t { singles, pairs };

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

// Query rows, of a type that is looked at once for each tile.
struct QueryView {
  const void* data = nullptr;
  DType dtype = DType::f32;
  index_t rows = 0;
  index_t row_stride = 0;  // in elements
  index_t dim = 0;

  const void* row(index_t r) const { return static_cast<const char*>(data) + r * row_stride * size_of(dtype); }
};

// The rows of out, from that of query row 0 on: those behind the last query row, and `lead` rows before the first,
// belong to no query and are set to zero.
struct OutputView {
  void* data = nullptr;
  DType dtype = DType::f32;  // f32, f16, bf16 or, with factors, i8
  index_t rows = 0;
  index_t lead = 0;
  index_t row_stride = 0;
  index_t dim = 0;
  OutputFactors factors{};

  void* number(index_t r, index_t d) const { return static_cast<char*>(data) + (r * row_stride + d) * size_of(dtype); }
  void* row(index_t r) const { return number(r, 0); }
};

// Element: of K and V.
template <class Element, Mask MaskModel, class Modifier = score::None, class Kv = kv::Cache<Element>>
struct HeadWork {
  using element = Element;

  QueryView q;         // rows that are computed
  QueryView q_rope{};  // their further numbers, which meet those of `rope`; dim 0: none
  Kv kv;
  Kv rope{};  // its k
  OutputView out;
  float scale = 1;  // s = scale * (q . k); of products of bytes a half
  MaskModel mask;
  [[no_unique_address]] Modifier modifier{};
  Bias bias{};
  Slope slope{};
  Dropout dropout{};
  NumberRef sink{};  // one more score that every row sees, and that has no value
  CacheFactors k_factors{}, v_factors{};
  index_t first_column = 0;  // of key 0 among columns of factors
  Int8Factors int8{};
  RowStats stats{};

  index_t dim() const { return q.dim + q_rope.dim; }
};

}  // namespace GLINT_ABI
}  // namespace glint

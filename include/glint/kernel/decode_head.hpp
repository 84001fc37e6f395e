// One (batch, kv head) of decode with everything resolved.  The query rows of its heads are the rows of one tile: row
// r is query row r % q_len of head r / q_len of the group.
#pragma once

#include <limits>

#include "glint/policy/quantization.hpp"
#include "glint/policy/softmax.hpp"
#include "glint/tensor/kv_source.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace decode {

// Keys of one chain of additions: as long as the error contract allows, and one word of mask bits.
inline constexpr index_t kChain = 64;

// Keys of one tile, whose K is read before its V.  Each switch between the two breaks the streams that the hardware
// prefetches: tiles of 64 keys read a float cache at 80 % of the speed of one stream.
inline constexpr index_t kKeys = 256;
inline constexpr index_t kWords = kKeys / kChain;

struct QueryRows {
  NumberRef data;
  index_t head_stride = 0, row_stride = 0;
  index_t dim = 0;
};

struct OutputRows {
  void* data = nullptr;
  DType dtype = DType::f32;  // f32, f16, bf16 or i8
  index_t head_stride = 0, row_stride = 0;
  index_t dim = 0;
};

// Which keys a query row sees.  Bit c of a word stands for key k0 + c.
struct RowMask {
  const std::uint8_t* drop = nullptr;  // 0 keeps; null keeps all
  index_t drop_stride = 0;             // 0: the same for every query row
  bool causal = false;                 // the last q_len keys are the query rows' own, each sees itself and earlier ones
  const std::uint8_t* tree = nullptr;  // [q_len][q_len] over the last q_len keys: 0 keeps; null: no tree
  index_t q_len = 1;
  index_t keys = 0;

  bool varies() const { return q_len > 1 && (drop_stride != 0 || causal || tree != nullptr); }
};

// Added to the scaled scores: data[head * head_stride + row * row_stride + key].
struct RowBias {
  NumberRef data;
  index_t head_stride = 0, row_stride = 0;
};

template <class Element>
struct Head {
  using Stored = Element;

  QueryRows q, q_rope;
  index_t heads = 0, q_len = 1;
  kv::Cache<Stored> kv;
  kv::Cache<Stored> rope;  // its k; no rows if there is no rope part
  float scale = 1;
  RowMask mask;
  RowBias bias;
  CacheFactors k_factors, v_factors;
  index_t first_column = 0;  // of key 0 among columns of factors
  NumberRef sink;            // of the first head
  OutputRows out;
  OutputFactors post_quant;
  float* lse = nullptr;  // of row 0
  float empty_lse = -std::numeric_limits<float>::infinity();
  bool fast = false;  // high performance

  index_t rows() const { return heads * q_len; }
};

}  // namespace decode
}  // namespace GLINT_ABI
}  // namespace glint

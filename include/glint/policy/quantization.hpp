// What integers mean: those of a cache, of an output, and of queries, keys and values multiplied as integers.  Each is
// seen from one head; which tensor a factor comes from, operators decide.
#pragma once

#include "glint/tensor/number_ref.hpp"

namespace glint {
inline namespace GLINT_ABI {

// (x + offset) * scale for an integer cache, seen from one kv head (operators 4.3).
struct CacheFactors {
  enum class Kind : std::uint8_t {
    none,
    single,       // one pair
    channel,      // a pair for each number of a row
    token,        // a pair for each column
    token_paged,  // a pair for each slot of each block
  };
  Kind kind = Kind::none;
  NumberRef scale, offset;
  index_t block_stride = 0;  // token_paged

  bool by_token() const { return kind == Kind::token || kind == Kind::token_paged; }
};

// To int8, saturate(round_to_even(o * scale + offset)): a factor for each number of each head, or one for all (stride
// 0) (operators 4.2).
struct OutputFactors {
  NumberRef scale, offset;
  index_t stride = 0, head_stride = 0;

  // Those from number d on.
  OutputFactors from(index_t d) const { return {scale.from(d * stride), offset.from(d * stride), stride, head_stride}; }
  OutputFactors of_head(index_t h) const {
    return {scale.from(h * head_stride), offset.from(h * head_stride), stride, head_stride};
  }
};

// How the scales of such products reach the kernel (operators 4.1): in half precision, or as 19 bits.
constexpr float rounded_to_half(float x) { return to_float(from_float<half>(x)); }
constexpr float cut_to_19_bits(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000u); }

// Of a product of int8 with int8 (operators 4.1 and 12.17).  dequant1 and dequant2 have the lower 13 bits of their
// mantissa cleared, quant1 is a number of half precision.
struct Int8Factors {
  float dequant1 = 1;  // of q k
  float quant1 = 1;    // of p, on its way to an integer
  float dequant2 = 1;  // of p v
};

}  // namespace GLINT_ABI
}  // namespace glint

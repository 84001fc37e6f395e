// One row of an int8 query (operators 4.1): 16-bit numbers between integer products, P quantised for each block of keys
// by the maximum known there.
#include <bit>
#include <cmath>
#include <limits>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The factor keeps 19 bits; the product saturates.
float dequantised(double integer, const Array& factor) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(factor.flat(0)));
  return to_half_saturated(static_cast<double>(static_cast<float>(integer) * std::bit_cast<float>(bits >> 13 << 13)));
}

float int8_score(const HeadPlace& at, index_t i, const float* query, const Rows& keys, index_t key) {
  const AttentionCase& spec = at.kernel.spec;
  if (!sees(at.kernel, at.sequence, at.window, at.head, i, key)) return -kInfinity;
  const float bias = bias_at(at.kernel, at.sequence, at.head, i, key);
  if (bias == -kInfinity) return -kInfinity;
  std::int64_t product = 0;
  for (index_t d = 0; d < keys.width; ++d)
    product += static_cast<std::int64_t>(query[d]) * static_cast<std::int64_t>(keys.row(key)[d]);
  const double scale = static_cast<double>(to_half_saturated(static_cast<double>(scale_of(at.kernel, keys.width))));
  const float raw = dequantised(static_cast<double>(product), spec.int8.dequant_scale1);
  const float scaled = to_half_saturated(static_cast<double>(raw) * scale);
  if (!spec.pse.present()) return scaled;
  const float half_bias = to_half_saturated(static_cast<double>(bias));
  return to_half_saturated(static_cast<double>(scaled) + static_cast<double>(half_bias));
}

struct Int8Row {
  float max = -kInfinity, sum = 0;
};

void absorb_block(const HeadPlace& at, const std::vector<float>& scores, index_t first, const Rows& values,
                  Int8Row& row, std::vector<float>& out) {
  float max = row.max;
  for (const float score : scores) max = score > max ? score : max;
  if (max == -kInfinity) return;
  const float rescale = std::exp(row.max - max);
  const auto& factors = at.kernel.spec.int8;
  const double quant = static_cast<double>(to_half_saturated(factors.quant_scale1.flat(0)));
  row.max = max;
  row.sum *= rescale;
  std::vector<std::int64_t> sums(out.size(), 0);
  for (std::size_t slot = 0; slot < scores.size(); ++slot) {
    if (scores[slot] == -kInfinity) continue;
    const float p = exponential(at.kernel, scores[slot] - max);
    const double half_p = static_cast<double>(to_half(static_cast<double>(p)));
    const auto integer = static_cast<std::int64_t>(to_int8(to_half_saturated(half_p * quant)));
    row.sum += p;
    for (std::size_t d = 0; d < sums.size(); ++d)
      sums[d] += integer * static_cast<std::int64_t>(values.row(first + static_cast<index_t>(slot))[d]);
  }
  for (std::size_t d = 0; d < sums.size(); ++d)
    out[d] = out[d] * rescale + dequantised(static_cast<double>(sums[d]), factors.dequant_scale2);
}

}  // namespace

RowStats attend_int8(const HeadPlace& at, index_t i, const float* query, const Rows& keys, const Rows& values,
                     std::vector<float>& out) {
  const index_t block = at.kernel.spec.int8.key_block;
  out.assign(static_cast<std::size_t>(values.width), 0.0F);
  Int8Row row;
  for (index_t first = 0; first < keys.count; first += block) {
    const index_t end = first + block < keys.count ? first + block : keys.count;
    std::vector<float> scores;
    for (index_t key = first; key < end; ++key) scores.push_back(int8_score(at, i, query, keys, key));
    absorb_block(at, scores, first, values, row, out);
  }
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (row.max == -kInfinity) return {-kLargest, kLargest};
  const float divisor = to_half_saturated(static_cast<double>(row.sum));
  for (float& number : out) number = to_half_saturated(static_cast<double>(number / divisor));
  return {row.max, row.sum, true};
}

}  // namespace kit::mutant

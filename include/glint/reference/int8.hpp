// int8 prompt attention and int8 output (operators 4.1, 4.2, 12.17), with the roundings that are part of the
// definition: 16-bit intermediates, 19-bit dequantisation factors, nearest-even to int8.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "glint/reference/head.hpp"

namespace glint::reference {

// Nearest binary16 value, ties to even, saturating at +-65504; subnormals below 2^-14.
inline double round_to_half(double value) {
  if (value == 0 || detail::is_nan(value)) return value;
  const int exponent = std::max(std::ilogb(value), -14);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, 10 - exponent)), exponent - 10);
  return std::clamp(rounded, -65504.0, 65504.0);
}

// The upper 19 bits of a float: sign, exponent, ten bits of mantissa.
inline float truncate_to_19_bits(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xFFFFE000u);
}

// A dequantisation factor given as uint64: a float in the low 32 bits.
inline double decode_dequant_scale(std::uint64_t bits) {
  return static_cast<double>(truncate_to_19_bits(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
}

// Nearest int8, ties to even, saturating.
inline double round_to_int8(double value) { return std::clamp(std::nearbyint(value), -128.0, 127.0); }

namespace detail {

// The integer accumulator leaves as float, is scaled in float, and saturates to half.
inline double dequantise(double accumulator, const Array& factor) {
  const float scale = truncate_to_19_bits(static_cast<float>(factor.flat(0)));
  return round_to_half(static_cast<double>(static_cast<float>(accumulator) * scale));
}

// Row i of x in half, -inf where excluded.  A score saturated at -65504 is still a score.
inline Vector int8_score_row(const AttentionCase& spec, const Entry& entry, const SparseRule& rule, index_t head,
                             const Matrix& queries, const Matrix& keys, index_t i) {
  Vector scores = Vector::Constant(entry.keys(), -infinity);
  const double scale = round_to_half(spec.scale);
  for (index_t j = 0; j < entry.keys(); ++j) {
    if (!sees(spec, entry, rule, head, i, j)) continue;
    const double pse = pse_at(spec, entry, head, i, j);
    if (is_minus_infinity(pse)) continue;
    const double scaled = round_to_half(dequantise(queries.row(i).dot(keys.row(j)), spec.int8.dequant_scale1) * scale);
    scores(j) = spec.pse.present() ? round_to_half(scaled + round_to_half(pse)) : scaled;
  }
  return scores;
}

}  // namespace detail

// One output row, in half.  The softmax runs over blocks of keys with a running maximum, and P is quantised
// relative to the maximum known at its block (operators 4.1 steps 4 to 7).
struct Int8Row {
  Vector out, weighted_abs_v;
  double score_abs = 0, max = -float_max, sum = float_max;
};

inline Int8Row int8_row(const AttentionCase& spec, const Vector& scores, const Matrix& values) {
  Int8Row row{Vector::Zero(values.cols()), Vector::Zero(values.cols())};
  if (detail::saw_nothing(scores)) return row;
  const double quant_scale = round_to_half(spec.int8.quant_scale1.flat(0));
  double max = -infinity, sum = 0;
  for (index_t begin = 0; begin < scores.size(); begin += spec.int8.key_block) {
    const index_t end = std::min(begin + spec.int8.key_block, static_cast<index_t>(scores.size()));
    const double block_max = scores.segment(begin, end - begin).maxCoeff();
    if (detail::is_minus_infinity(block_max)) continue;
    const double new_max = std::max(max, block_max);
    const double rescale = detail::is_minus_infinity(max) ? 0 : std::exp(max - new_max);
    max = new_max;
    sum *= rescale;
    Vector block = Vector::Zero(values.cols()), absolute = block;
    for (index_t j = begin; j < end; ++j) {
      if (detail::is_minus_infinity(scores(j))) continue;
      const double weight = std::exp(scores(j) - max);
      const double quantised = round_to_int8(round_to_half(round_to_half(weight) * quant_scale));
      sum += weight;
      block += quantised * values.row(j).transpose();
      absolute += std::abs(quantised) * values.row(j).cwiseAbs().transpose();
      row.score_abs = std::max(row.score_abs, std::abs(scores(j)));
    }
    for (index_t d = 0; d < values.cols(); ++d) {
      row.out(d) = row.out(d) * rescale + detail::dequantise(block(d), spec.int8.dequant_scale2);
      row.weighted_abs_v(d) =
          row.weighted_abs_v(d) * rescale + absolute(d) * std::abs(spec.int8.dequant_scale2.flat(0));
    }
  }
  row.max = max;
  row.sum = sum;
  for (double& element : row.out) element = round_to_half(element / round_to_half(sum));
  row.weighted_abs_v /= sum;
  return row;
}

// y8 = sat8(rint(y*scale + offset)) on a whole output, operators 4.2; factors per tensor or per channel [n][d].
// Rows of zeros become the offset too (operators C35).
inline void quantise_output(const AttentionCase& spec, const Extent& extent, Array& out) {
  const std::string layout = output_layout(spec.layout);
  const auto factor = [&](const Array& factors, index_t channel) {
    return static_cast<float>(factors.size() == 1 ? factors.flat(0) : factors.flat(channel));
  };
  for (index_t batch = 0; batch < extent.batch; ++batch) {
    for (index_t row = 0; row < extent.rows; ++row) {
      for (index_t channel = 0; channel < extent.heads * extent.width; ++channel) {
        const index_t head = channel / extent.width;
        double& element = out.flat(row_position(extent, layout, batch, head, row) + channel % extent.width);
        const float offset = spec.int8.quant_offset2.present() ? factor(spec.int8.quant_offset2, channel) : 0;
        const double scaled = element * static_cast<double>(factor(spec.int8.quant_scale2, channel));
        element = round_to_int8(scaled + static_cast<double>(offset));
      }
    }
  }
}

}  // namespace glint::reference

// The state of a softmax that has seen part of its row: the running maximum and the sum of exp(score - maximum).
//
// States form a monoid: merge() is associative, and the state of an empty part is its identity (max = -infinity,
// sum = 0).  So a row may be cut anywhere, its parts computed in any place and merged; split-KV decode and the merge
// of partial results by their lse are this file.  The kernels keep the same pair in vector lanes.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct SoftmaxState {
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0;

  // By its bits: under -ffast-math a NaN may compare equal to 0, and a row that saw one is not empty.
  bool empty() const { return (std::bit_cast<std::uint32_t>(sum) & 0x7fffffffu) == 0; }

  // What the values accumulated under this state must be multiplied by to count under `whole`.
  float weight(const SoftmaxState& whole) const { return empty() ? 0.0F : std::exp(max - whole.max); }

  void absorb(float score) {
    SoftmaxState one{score, 1.0F};
    if (score == -std::numeric_limits<float>::infinity()) one = {};
    *this = merge(*this, one);
  }

  // In double: over half a million keys log(sum) is 13, and rounding it and then the sum would spend the error allowed.
  float lse() const {
    if (empty()) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(static_cast<double>(max) + std::log(static_cast<double>(sum)));
  }

  // 1 / sum, and 0 for a row that saw nothing, so that its output is exactly zero.
  float inverse() const { return empty() ? 0.0F : 1.0F / sum; }

  // The identity is tested for, not calculated with: (-inf) - (-inf) is NaN.
  friend SoftmaxState merge(const SoftmaxState& a, const SoftmaxState& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    const SoftmaxState top{a.max > b.max ? a.max : b.max, 0};
    return {top.max, a.weight(top) * a.sum + b.weight(top) * b.sum};
  }
};

// The documents' statistics of a row that sees nothing (operators 1.2): a backward pass that computes
// exp(x - max) / sum from them gets exactly 0.
inline constexpr float kEmptyRowMax = -(std::numeric_limits<float>::max)();
inline constexpr float kEmptyRowSum = (std::numeric_limits<float>::max)();

}  // namespace GLINT_ABI
}  // namespace glint

// Roundings of the broken kernel: through the storage types' own conversions.
#include <bit>
#include <cmath>

#include "glint/core/dtype.hpp"
#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

float to_tf32(float value) {
  if (!std::isfinite(value)) return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu);
}

float to_16bit(const Kernel& kernel, float value) {
  if (kernel.question.type_of("query") == DType::f16) return to_half(static_cast<double>(value));
  return glint::to_float(glint::from_float<glint::bfloat16>(value));
}

float to_half(double value) { return glint::to_float(glint::from_float<glint::half>(static_cast<float>(value))); }

float to_half_saturated(double value) {
  constexpr double kMost = 65504;
  if (value > kMost) return static_cast<float>(kMost);
  if (value < -kMost) return static_cast<float>(-kMost);
  return to_half(value);
}

float to_int8(float value) {
  const float rounded = std::nearbyint(value);
  return rounded < -128 ? -128 : rounded > 127 ? 127 : rounded;
}

}  // namespace kit::mutant

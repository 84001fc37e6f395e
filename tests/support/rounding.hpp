// An independent rounding to the 16-bit formats, in double and by the definition: the nearest multiple of the format's
// quantum, ties to the even multiple.  And the floats at which a rounding can go wrong.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "glint/core/dtype.hpp"

namespace glint_test {

struct Format {
  int fraction_bits;
  int least_exponent;  // of normal numbers
  int bias;
  double largest;
};
inline constexpr Format kHalf{10, -14, 15, 65504.0};
inline constexpr Format kBfloat16{7, -126, 127, 0x1.fep127};

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline bool is_nan(std::uint32_t bits) { return (bits & 0x7fffffffu) > 0x7f800000u; }
inline bool is_nan(std::uint16_t bits, const Format& format) {
  return (bits & 0x7fff) > ((0x7fff >> format.fraction_bits) << format.fraction_bits);
}

// The value of a pattern; infinity and NaN as such.
inline double value_of(std::uint16_t bits, const Format& format) {
  const int fraction = bits & ((1 << format.fraction_bits) - 1);
  const int field = (bits & 0x7fff) >> format.fraction_bits;
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (field == 0x7fff >> format.fraction_bits) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  if (field == 0) return sign * std::ldexp(fraction, format.least_exponent - format.fraction_bits);
  return sign * std::ldexp((1 << format.fraction_bits) + fraction, field - format.bias - format.fraction_bits);
}

// The pattern of a float that is no NaN, rounded to nearest even.
inline std::uint16_t rounded(float value, const Format& format) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const auto infinity = static_cast<std::uint16_t>((0x7fff >> format.fraction_bits) << format.fraction_bits);
  const double magnitude = std::abs(static_cast<double>(value));
  if (magnitude == 0) return sign;
  if (std::isinf(magnitude)) return sign | infinity;
  const int exponent = std::max(std::ilogb(magnitude), format.least_exponent);
  const double quantum = std::ldexp(1.0, exponent - format.fraction_bits);
  const double multiple = std::nearbyint(magnitude / quantum);
  if (multiple * quantum > format.largest) return sign | infinity;
  // A multiple of 2^fraction_bits and more carries into the exponent field by itself.
  const int field = exponent + format.bias - 1;
  return static_cast<std::uint16_t>(sign | ((field << format.fraction_bits) + static_cast<int>(multiple)));
}

// Every number of the format, every midpoint between neighbours, and the floats next to them; infinities, NaNs, and a
// sweep over all floats.
inline std::vector<std::uint32_t> rounding_cases(const Format& format) {
  std::vector<std::uint32_t> cases;
  const auto with_neighbours = [&](std::uint32_t magnitude) {
    for (const std::uint32_t sign : {0u, 0x80000000u})
      for (int step = -1; step <= 1; ++step)
        if (magnitude != 0 || step >= 0) cases.push_back(sign | (magnitude + static_cast<std::uint32_t>(step)));
  };
  const int last = (0x7fff >> format.fraction_bits) << format.fraction_bits;
  for (int bits = 0; bits < last; ++bits) {
    const double here = value_of(static_cast<std::uint16_t>(bits), format);
    const double quantum = std::ldexp(1.0, std::max(here > 0 ? std::ilogb(here) : -2000, format.least_exponent));
    with_neighbours(bits_of(static_cast<float>(here)));
    with_neighbours(bits_of(static_cast<float>(here + std::ldexp(quantum, -format.fraction_bits - 1))));
  }
  for (const std::uint32_t special : {0x7f800000u, 0xff800000u, 0x7f7fffffu, 0xff7fffffu, 0x7fc00000u, 0xffc00000u,
                                      0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu, 0x7f802000u, 0x7fc00001u})
    cases.push_back(special);
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 9973)
    cases.push_back(static_cast<std::uint32_t>(bits));
  return cases;
}

}  // namespace glint_test

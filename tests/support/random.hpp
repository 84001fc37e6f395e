// A counter-based random source: the same numbers for the same (seed, stream) on every machine and in every order.
#pragma once

#include <cstdint>

#include "glint/core/config.hpp"

namespace glint_test {

using glint::index_t;

// splitmix64: the output function of a counter, so streams need no state beyond it.
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Random {
 public:
  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : counter_(mix(seed + 0x9e3779b97f4a7c15u) ^ mix(stream * 0xd1342543de82ef95u + 1)) {}

  constexpr std::uint64_t word() { return mix(counter_ += 0x9e3779b97f4a7c15u); }

  // Uniform in [0, n); n >= 1.  The bias of the modulus does not matter here.
  constexpr index_t below(index_t n) { return static_cast<index_t>((word() >> 1) % static_cast<std::uint64_t>(n)); }
  // Uniform in [least, most].
  constexpr index_t between(index_t least, index_t most) { return least + below(most - least + 1); }
  // True in `percent` of 100 cases.
  constexpr bool chance(double percent) { return static_cast<double>(word() >> 11) * 0x1p-53 * 100 < percent; }
  // One of the arguments.
  template <class First, class... Rest>
  constexpr First pick(First first, Rest... rest) {
    const First all[] = {first, static_cast<First>(rest)...};
    return all[below(1 + static_cast<index_t>(sizeof...(rest)))];
  }

  // Close to N(0, 1): the sum of four uniforms from one word.  Speed matters more here than tails.
  constexpr double normal() {
    const std::uint64_t w = word();
    const auto sum = static_cast<double>((w & 0xffff) + (w >> 16 & 0xffff) + (w >> 32 & 0xffff) + (w >> 48));
    return (sum / 65535 - 2) * 1.7320508075688772;
  }

 private:
  std::uint64_t counter_;
};

}  // namespace glint_test

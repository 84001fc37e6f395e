// A counter-based random source: the same numbers for the same (seed, stream) on every machine and in every order.
// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

#include "glint/core/config.hpp"

namespace glint_test {

using glint::index_t;

// The four words of a block, lowest word of the counter first.  The oracle has seven rounds of its own for dropout:
// neither file knows the other.
constexpr std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::uint64_t key) {
  auto low = static_cast<std::uint32_t>(key), high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round, low += 0x9e3779b9u, high += 0xbb67ae85u) {
    const std::uint64_t even = std::uint64_t{0xd2511f53u} * counter[0], odd = std::uint64_t{0xcd9e8d57u} * counter[2];
    counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ low, static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ high, static_cast<std::uint32_t>(even)};
  }
  return counter;
}

// splitmix64's output function: seeds that differ a little become seeds that differ a lot.
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Word i of a stream is the low (i even) or the high half of the block with the key `seed` and the counter
// (i/2, stream), both 64 bits wide.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  constexpr std::uint64_t word() {
    if (next_++ % 2 != 0) return second_;
    const std::uint64_t block = (next_ - 1) / 2;
    const auto words = philox4x32_10({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                                      static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                                     seed_);
    second_ = words[2] | std::uint64_t{words[3]} << 32;
    return words[0] | std::uint64_t{words[1]} << 32;
  }

  // Uniform in [0, n); n >= 1.  The bias of the modulus does not matter here.
  constexpr index_t below(index_t n) { return static_cast<index_t>((word() >> 1) % static_cast<std::uint64_t>(n)); }
  // Uniform in [least, most].
  constexpr index_t between(index_t least, index_t most) { return least + below(most - least + 1); }
  // Uniform in [0, 1).
  constexpr double fraction() { return static_cast<double>(word() >> 11) * 0x1p-53; }
  // True in `percent` of 100 cases.
  constexpr bool chance(double percent) { return fraction() * 100 < percent; }
  // One of the arguments.
  template <class First, class... Rest>
  constexpr First pick(First first, Rest... rest) {
    const First all[] = {first, static_cast<First>(rest)...};
    return all[below(1 + static_cast<index_t>(sizeof...(rest)))];
  }

  // Close to N(0, 1): the sum of four uniforms from one word.  Speed matters more here than tails.  Integers up to the
  // last two operations, each of which is rounded once: the same on every machine.
  constexpr double normal() {
    const std::uint64_t w = word();
    const auto sum = static_cast<double>((w & 0xffff) + (w >> 16 & 0xffff) + (w >> 32 & 0xffff) + (w >> 48));
    return (sum / 65535 - 2) * 1.7320508075688772;
  }

 private:
  std::uint64_t seed_, stream_, next_ = 0, second_ = 0;
};

}  // namespace glint_test

// Philox4x32 with seven rounds and the keep bits drawn from it (operators 1.4).
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, gives the multipliers and key increments.
#pragma once

#include <array>
#include <cstdint>

#include "glint/core/config.hpp"

namespace glint::reference {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// Four random words for a 128-bit counter (lowest word first) and a 64-bit key.
inline PhiloxBlock philox4x32_7(PhiloxBlock counter, std::uint64_t key) {
  auto key_low = static_cast<std::uint32_t>(key);
  auto key_high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 7; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
    const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
    counter = {high(product1) ^ counter[1] ^ key_low, low(product1), high(product0) ^ counter[3] ^ key_high,
               low(product0)};
    key_low += 0x9E3779B9;
    key_high += 0xBB67AE85;
  }
  return counter;
}

// Byte `element` of the stream that starts at `offset`: sixteen bytes per block, words little-endian, the counter
// being ceil(offset/16) plus the block's number, as a 128-bit sum.
inline std::uint8_t philox_byte(std::uint64_t seed, std::uint64_t offset, index_t element) {
  const std::uint64_t start = offset / 16 + (offset % 16 != 0 ? 1 : 0);
  const std::uint64_t block = start + static_cast<std::uint64_t>(element / 16);
  const std::uint32_t carry = block < start ? 1 : 0;
  const PhiloxBlock words =
      philox4x32_7({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), carry, 0}, seed);
  const auto byte = static_cast<std::size_t>(element % 16);
  return static_cast<std::uint8_t>(words[byte / 4] >> (8 * (byte % 4)));
}

// operators 12.18: the byte is compared with keep_prob*255 in double.
inline bool philox_keep(std::uint64_t seed, std::uint64_t offset, double keep_prob, index_t element) {
  return static_cast<double>(philox_byte(seed, offset, element)) <= keep_prob * 255;
}

}  // namespace glint::reference

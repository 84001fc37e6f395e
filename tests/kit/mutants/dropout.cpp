// Dropout's keep bits (operators 1.4): a packed stream, or the generator of Salmon et al. (SC 2011) with seven rounds.
#include <array>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

using Words = std::array<std::uint32_t, 4>;

Words philox(Words c, std::uint64_t key, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t even = std::uint64_t{0xD2511F53} * c[0], odd = std::uint64_t{0xCD9E8D57} * c[2];
    const auto bump = static_cast<std::uint32_t>(round);
    const auto low = static_cast<std::uint32_t>(key) + bump * 0x9E3779B9u;
    const auto high = static_cast<std::uint32_t>(key >> 32) + bump * 0xBB67AE85u;
    c = {static_cast<std::uint32_t>(odd >> 32) ^ c[1] ^ low, static_cast<std::uint32_t>(odd),
         static_cast<std::uint32_t>(even >> 32) ^ c[3] ^ high, static_cast<std::uint32_t>(even)};
  }
  return c;
}

bool generated_bit(const Kernel& kernel, index_t element) {
  const AttentionCase& spec = kernel.spec;
  const auto at = static_cast<std::uint64_t>(element);
  const std::uint64_t base = spec.offset / 16 + (spec.offset % 16 == 0 ? 0 : 1), block = base + at / 16;
  const Words counter{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), block < base, 0};
  const Words words = philox(counter, spec.seed, kernel.has(Bug::philox_rounds) ? 10 : 7);  // BUG: the usual ten
  const auto byte = static_cast<std::size_t>(at % 16);
  const std::uint32_t random = words[byte / 4] >> (byte % 4 * 8) & 255u;
  return static_cast<double>(random) <= spec.keep_prob * 255;
}

bool stored_bit(const Kernel& kernel, index_t element) {
  const ByteArray& bits = kernel.spec.drop_mask;
  if (element / 8 >= bits.size()) return false;  // only where a bug looks behind them
  const index_t bit = kernel.has(Bug::dropout_bit_order) ? 7 - element % 8 : element % 8;  // BUG: MSB first
  return (bits.flat(element / 8) >> bit & 1) != 0;
}

}  // namespace

float keep_factor(const Kernel& kernel, const Sequence& s, index_t head, index_t i, index_t key) {
  const AttentionCase& spec = kernel.spec;
  if (spec.keep_prob == 1 || kernel.has(Bug::dropout_ignored)) return 1;  // BUG
  const index_t row = head * s.rows + i;
  bool keep = false;
  if (spec.philox) {
    const bool tight = kernel.has(Bug::philox_pitch);  // BUG: rows are not padded to 16
    const index_t pitch = tight ? s.keys() : (s.keys() + 15) / 16 * 16, before = tight ? s.scores : s.padded_scores;
    keep = generated_bit(kernel, kernel.heads * before + row * pitch + key);
  } else {
    const bool aligned = kernel.has(Bug::dropout_row_aligned);  // BUG: each row begins with a byte
    const index_t pitch = aligned ? (s.keys() + 7) / 8 * 8 : s.keys(), before = aligned ? s.byte_scores : s.scores;
    keep = stored_bit(kernel, kernel.heads * before + row * pitch + key);
  }
  if (kernel.has(Bug::dropout_polarity)) keep = !keep;  // BUG: 1 drops
  if (!keep) return 0;
  if (kernel.has(Bug::dropout_wrong_scale)) return 1 / (1 - static_cast<float>(spec.keep_prob));  // BUG
  return kernel.has(Bug::dropout_scale) ? 1 : 1 / static_cast<float>(spec.keep_prob);             // BUG
}

}  // namespace kit::mutant

// Which probabilities are kept.  Dropout acts on P after the row sum is final (operators 1.1, step 5): the sum is
// that of the un-dropped row.
#pragma once

#include "glint/simd/bits.hpp"
#include "glint/tensor/box.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Philox4x32 with 7 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
struct Philox {
  std::uint32_t key[2] = {};
  std::uint32_t counter[4] = {};

  // The four words for this key and counter.
  constexpr void generate(std::uint32_t (&out)[4]) const {
    std::uint32_t k0 = key[0], k1 = key[1];
    std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 7; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      const auto high0 = static_cast<std::uint32_t>(p0 >> 32), high1 = static_cast<std::uint32_t>(p1 >> 32);
      c0 = high1 ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(p1);
      c2 = high0 ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
  }
};

// Dropout of one (batch, head): a null object, a bit stream, or a generator.
struct Dropout {
  enum class Kind : std::uint8_t { none, bits, philox };

  Kind kind = Kind::none;
  float keep_prob = 1;

  // bits: the stream of the whole call, least significant bit first, 1 = keep; the element for (q, k) of this head
  // is bit first + q * row_bits + k.  Rows need not start on a byte.
  const std::uint8_t* stream = nullptr;
  index_t first = 0;
  index_t row_bits = 0;

  // philox: 16 bytes from one counter value serve 16 adjacent keys; `first` then counts groups of 16.
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;
  double threshold = 1;  // keep iff byte <= threshold; keep_prob * 255 in double (operators 12.18)

  explicit constexpr operator bool() const { return kind != Kind::none; }

  constexpr bool keep(index_t q, index_t k) const {
    if (kind == Kind::none) return true;
    if (kind == Kind::philox) return (philox_group(q, k / 16) >> (k % 16) & 1) != 0;
    const index_t bit = first + q * row_bits + k;
    return (stream[bit >> 3] >> (bit & 7) & 1) != 0;
  }

  // words[k - k0] has bit q - q0 set iff (q, k) is kept; at most 64 rows.
  void bits(Box box, std::uint64_t* words) const {
    const index_t rows = box.q1 - box.q0, count = box.k1 - box.k0;
    if (kind == Kind::bits) {
      simd::columns(BitRows{stream, first + box.q0 * row_bits + box.k0, row_bits, rows, count}, words);
    } else if (kind == Kind::philox && threshold >= 0) {
      const auto step = static_cast<std::uint64_t>(first + box.q0 * row_bits + box.k0 / 16);
      const auto row_step = static_cast<std::uint64_t>(row_bits);
      // A byte is at most the threshold iff it is at most the whole number below.
      const auto limit = static_cast<std::uint8_t>(threshold < 255 ? threshold : 255);
      simd::at_most(PhiloxRows{seed, start(), step, row_step, box.k0 % 16, rows, count}, limit, words);
    } else {
      const std::uint64_t all = kind == Kind::none ? ~std::uint64_t{0} >> (64 - rows) : 0;
      for (index_t c = 0; c < count; ++c) words[c] = all;
    }
  }

 private:
  constexpr std::uint64_t start() const { return offset / 16 + (offset % 16 != 0 ? 1 : 0); }  // offset + 15 could wrap

  // Keep bits of keys 16*group .. 16*group+15 of row q.
  constexpr std::uint32_t philox_group(index_t q, index_t group) const {
    const std::uint64_t step = static_cast<std::uint64_t>(first + q * row_bits + group);
    const std::uint64_t low = start() + step, high = low < start() ? 1 : 0;
    const Philox generator{
        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        {static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32), static_cast<std::uint32_t>(high), 0}};
    std::uint32_t random[4] = {};
    generator.generate(random);
    std::uint32_t kept = 0;
    for (int i = 0; i < 16; ++i) {
      const std::uint32_t byte = random[i / 4] >> (8 * (i % 4)) & 0xffu;
      kept |= std::uint32_t{static_cast<double>(byte) <= threshold} << i;
    }
    return kept;
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

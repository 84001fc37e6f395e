// Dropout: where the bit of a score lies, and the numbers that the generator must give (operators 1.4).
#include "glint/policy/dropout.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace glint_test {
namespace {

using glint::Box;
using glint::Dropout;
using glint::index_t;
using glint::Philox;
using Words = std::vector<std::uint32_t>;

Words generate(const Philox& philox) {
  std::uint32_t out[4] = {};
  philox.generate(out);
  return {out, out + 4};
}

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(generate(Philox{}), (Words{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
  EXPECT_EQ(generate(Philox{{2, 0}, {}}), (Words{0xafcf3062, 0xf6539c39, 0x9b1d477a, 0x89cea381}));
}

// Every word of key and counter matters, and to all four outputs.
TEST(Philox, EveryInputBitReachesEveryWord) {
  const Words base = generate(Philox{});
  for (int bit = 0; bit < 192; ++bit) {
    Philox philox;
    (bit < 64 ? philox.key[bit / 32] : philox.counter[bit / 32 - 2]) ^= 1u << (bit % 32);
    const Words changed = generate(philox);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NE(changed[i], base[i]) << bit;
  }
}

Dropout generator(std::uint64_t seed, std::uint64_t offset, double keep_prob, index_t groups_per_row) {
  Dropout dropout;
  dropout.kind = Dropout::Kind::philox;
  dropout.keep_prob = static_cast<float>(keep_prob);
  dropout.row_bits = groups_per_row;
  dropout.seed = seed;
  dropout.offset = offset;
  dropout.threshold = keep_prob * 255;
  return dropout;
}

// Keys 16 * group .. of row q, as the documents print them.
std::string kept(const Dropout& dropout, index_t q, index_t group = 0) {
  std::string bits;
  for (index_t k = 16 * group; k < 16 * group + 16; ++k) bits += dropout.keep(q, k) ? '1' : '0';
  return bits;
}

// What one counter value means for 16 keys: each word is four bytes, least significant first.
std::string expected(std::uint64_t seed, std::uint64_t low, std::uint32_t high, double threshold) {
  const auto word = [](std::uint64_t value, int i) { return static_cast<std::uint32_t>(value >> (32 * i)); };
  const Words random = generate(Philox{{word(seed, 0), word(seed, 1)}, {word(low, 0), word(low, 1), high, 0}});
  std::string bits;
  for (const std::uint32_t number : random)
    for (int byte = 0; byte < 4; ++byte) bits += (number >> (8 * byte) & 0xff) <= threshold ? '1' : '0';
  return bits;
}

TEST(PhiloxDropout, KnownKeepBits) { EXPECT_EQ(kept(generator(2, 0, 0.8, 1), 0), "1101111011111101"); }

// A byte is kept iff byte <= keep_prob * 255: all 256 bytes against thresholds on, below and above them.
TEST(PhiloxDropout, KeepsBytesUpToTheThreshold) {
  std::vector<int> met(256, 0);
  for (index_t q = 0; q < 400; ++q) {
    const Words words = generate(Philox{{7, 0}, {static_cast<std::uint32_t>(q), 0, 0, 0}});
    for (index_t k = 0; k < 16; ++k) {
      const int byte = static_cast<int>(words[static_cast<std::size_t>(k / 4)] >> (8 * (k % 4)) & 0xff);
      ++met[static_cast<std::size_t>(byte)];
      for (const double edge : {0.0, 1.0, 100.0, 204.0, 254.0, 255.0})
        for (const double threshold : {edge - 1e-9, edge, edge + 1e-9}) {
          Dropout dropout = generator(7, 0, 1, 1);
          dropout.threshold = threshold;
          ASSERT_EQ(dropout.keep(q, k), byte <= threshold) << byte << " " << threshold;
        }
    }
  }
  for (int byte = 0; byte < 256; ++byte) EXPECT_GT(met[static_cast<std::size_t>(byte)], 0);
}

// Element order [rows][groups of 16 keys]: each group takes the next value of the 128-bit counter.
TEST(PhiloxDropout, TheCounterFollowsTheElements) {
  constexpr std::uint64_t kSeed = 0x123456789abcdef0ull;
  for (const std::uint64_t offset : {0ull, 1ull, 15ull, 16ull, 17ull, 0xfffffffe0ull, 0xffffffffffffff00ull}) {
    Dropout dropout = generator(kSeed, offset, 0.5, 3);
    dropout.first = 5;
    const std::uint64_t start = offset / 16 + (offset % 16 != 0);  // rounded up
    for (index_t q = 0; q < 6; ++q)
      for (index_t group = 0; group < 3; ++group)
        ASSERT_EQ(kept(dropout, q, group),
                  expected(kSeed, start + static_cast<std::uint64_t>(5 + q * 3 + group), 0, 127.5))
            << offset << " " << q << " " << group;
  }
}

// ceil(offset / 16) must not overflow: the last offsets of all start at 2^60.
TEST(PhiloxDropout, TheLargestOffsetStartsAtTwoToTheSixty) {
  const Dropout dropout = generator(3, ~std::uint64_t{0}, 0.5, 1);
  for (index_t q = 0; q < 4; ++q)
    EXPECT_EQ(kept(dropout, q), expected(3, (std::uint64_t{1} << 60) + static_cast<std::uint64_t>(q), 0, 127.5));
}

// The 64-bit sum of start and step may pass 2^64; the carry goes to the third word.
TEST(PhiloxDropout, TheCounterCarriesIntoItsThirdWord) {
  Dropout dropout = generator(3, 16, 0.5, 1);  // start 1
  dropout.first = -2;                          // a step of 2^64 - 2, as no real problem has
  EXPECT_EQ(kept(dropout, 0), expected(3, ~std::uint64_t{0}, 0, 127.5));
  EXPECT_EQ(kept(dropout, 1), expected(3, 0, 1, 127.5));
}

// e = first + q * row_bits + k lies in bit e % 8 of byte e / 8, whether rows begin on bytes or not.
TEST(BitDropout, BitsLieWhereTheStreamSays) {
  std::vector<std::uint8_t> stream(64, 0);
  for (const index_t first : {0, 1, 8, 13})
    for (const index_t row_bits : {1, 5, 8, 11, 16}) {
      Dropout dropout;
      dropout.kind = Dropout::Kind::bits;
      dropout.stream = stream.data();
      dropout.first = first;
      dropout.row_bits = row_bits;
      for (index_t q = 0; q < 6; ++q)
        for (index_t k = 0; k < row_bits; ++k) {
          const index_t element = first + q * row_bits + k;
          EXPECT_FALSE(dropout.keep(q, k));
          stream[static_cast<std::size_t>(element / 8)] = static_cast<std::uint8_t>(1 << element % 8);
          EXPECT_TRUE(dropout.keep(q, k)) << first << " " << row_bits << " " << q << " " << k;
          stream[static_cast<std::size_t>(element / 8)] = static_cast<std::uint8_t>(~(1 << element % 8));
          EXPECT_FALSE(dropout.keep(q, k)) << first << " " << row_bits << " " << q << " " << k;
          stream[static_cast<std::size_t>(element / 8)] = 0;
        }
    }
}

void expect_bits_are_keep(const Dropout& dropout, index_t keys) {
  for (const index_t q0 : {0, 1, 5})
    for (const index_t rows : {1, 7, 63, 64})
      for (const index_t k0 : {0, 1, 15, 16, 17})
        for (index_t k1 = k0 + 1; k1 <= keys; k1 += k1 < k0 + 20 ? 1 : 13) {
          std::vector<std::uint64_t> words(static_cast<std::size_t>(k1 - k0 + 1), 0xdeadull);
          dropout.bits(Box{q0, q0 + rows, k0, k1}, words.data());
          for (index_t k = k0; k < k1; ++k) {
            std::uint64_t expected = 0;
            for (index_t q = q0; q < q0 + rows; ++q) expected |= std::uint64_t{dropout.keep(q, k)} << (q - q0);
            ASSERT_EQ(words[static_cast<std::size_t>(k - k0)], expected) << q0 << " " << rows << " " << k0 << " " << k1;
          }
          ASSERT_EQ(words.back(), 0xdeadull);
        }
}

TEST(Dropout, BitsOfABoxAreKeep) {
  expect_bits_are_keep(Dropout{}, 40);
  expect_bits_are_keep(generator(99, 5, 0.7, 6), 90);
  std::vector<std::uint8_t> stream(2048);
  for (std::size_t i = 0; i < stream.size(); ++i) stream[i] = static_cast<std::uint8_t>(i * 167 + i / 7);
  for (const index_t row_bits : {90, 96, 101}) {
    Dropout dropout;
    dropout.kind = Dropout::Kind::bits;
    dropout.stream = stream.data();
    dropout.first = 3;
    dropout.row_bits = row_bits;
    expect_bits_are_keep(dropout, 90);
  }
}

TEST(Dropout, NoneKeepsEverythingAndReadsNothing) {
  const Dropout none;
  EXPECT_FALSE(none);
  EXPECT_TRUE(none.keep(1 << 20, 1 << 20));
  EXPECT_TRUE(generator(0, 0, 0.5, 1));
}

}  // namespace
}  // namespace glint_test

// Rows of bytes, floats, bits and Philox numbers as columns of bits: against the definition, bit by bit, on every ISA.
// glint-test: fast-math
#include "glint/simd/bits.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/guarded_buffer.hpp"

namespace glint_test {
namespace {

using glint::BitRows;
using glint::ByteRows;
using glint::FloatRows;
using glint::index_t;
using glint::Isa;
using glint::PhiloxRows;

constexpr index_t kRowCounts[] = {1, 2, 7, 15, 16, 17, 31, 33, 63, 64};
constexpr index_t kKeyCounts[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 39, 47, 63, 64, 65, 100, 127, 128, 129, 200};

class Bits : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!glint::simd::supported(GetParam())) GTEST_SKIP() << "this CPU lacks " << name(GetParam());
    before_ = glint::simd::selected;
    glint::simd::selected = GetParam();
  }
  void TearDown() override {
    if (!IsSkipped()) glint::simd::selected = before_;
  }

 private:
  Isa before_ = Isa::plain;
};

// `write(words)` must set exactly `count` words, bit r of word c to expected(r, c).
template <class Write, class Expected>
void expect_words(index_t rows, index_t count, const Write& write, const Expected& expected) {
  constexpr std::uint64_t kUntouched = 0x5eed5eed5eed5eedull;
  std::vector<std::uint64_t> words(static_cast<std::size_t>(count + 2), kUntouched);
  write(words.data() + 1);
  ASSERT_EQ(words.front(), kUntouched);
  ASSERT_EQ(words.back(), kUntouched);
  for (index_t c = 0; c < count; ++c) {
    std::uint64_t want = 0;
    for (index_t r = 0; r < rows; ++r) want |= std::uint64_t{expected(r, c)} << r;
    ASSERT_EQ(words[static_cast<std::size_t>(c + 1)], want)
        << "key " << c << " of " << count << ", " << rows << " rows";
  }
}

template <class Visit>
void each_size(const Visit& visit) {
  for (const index_t rows : kRowCounts)
    for (const index_t count : kKeyCounts) visit(rows, count);
}

// Flush with an unreadable page on either side, rows next to each other or apart.
TEST_P(Bits, BytesBecomeColumns) {
  GuardedBuffer memory(64 * 256);
  std::mt19937 random(1);
  each_size([&](index_t rows, index_t count) {
    for (const index_t gap : {0, 1, 40})
      for (const Fit fit : {Fit::at_start, Fit::at_end}) {
        const index_t stride = count + gap, size = (rows - 1) * stride + count;
        auto* const bytes = memory.take<std::uint8_t>(size, fit);
        for (index_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(random() % 3 == 0 ? 0 : random());
        for (const int limit : {0, 1, 127, 128, 200, 255}) {
          const auto most = static_cast<std::uint8_t>(limit);
          expect_words(
              rows, count,
              [&](std::uint64_t* words) {
                glint::simd::at_most(ByteRows{bytes, stride, rows, count}, most, words);
              },
              [&](index_t r, index_t c) { return bytes[r * stride + c] <= most; });
        }
      }
  });
}

// Every byte against every limit.
TEST_P(Bits, EveryByteIsComparedWithoutASign) {
  std::vector<std::uint8_t> bytes(256);
  for (int i = 0; i < 256; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
  for (int limit = 0; limit < 256; ++limit) {
    const auto most = static_cast<std::uint8_t>(limit);
    expect_words(
        1, 256,
        [&](std::uint64_t* words) {
          glint::simd::at_most(ByteRows{bytes.data(), 0, 1, 256}, most, words);
        },
        [&](index_t, index_t c) { return c <= limit; });
  }
}

template <class Bits>
constexpr Bits kSign = static_cast<Bits>(Bits{1} << (8 * sizeof(Bits) - 1));

template <class Bits>
void expect_zeros(const Bits* floats, index_t stride, index_t rows, index_t count) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(floats);
  expect_words(
      rows, count,
      [&](std::uint64_t* words) {
        glint::simd::zeros(FloatRows<Bits>{data, stride, rows, count}, words);
      },
      [&](index_t r, index_t c) {
        const Bits bits = floats[r * stride + c];
        return bits == 0 || bits == kSign<Bits>;
      });
}

// Zeros of both signs among numbers of every kind: one bit set, or all but one, in either sign.  Flush with an
// unreadable page on either side.
template <class Bits>
void expect_zeros_become_columns() {
  GuardedBuffer memory(64 * 256 * static_cast<index_t>(sizeof(Bits)));
  std::mt19937 random(3);
  const auto number = [&]() -> Bits {
    const auto one = static_cast<Bits>(Bits{1} << random() % (8 * sizeof(Bits) - 1));
    const Bits numbers[] = {0, one, static_cast<Bits>(~one & ~kSign<Bits>), static_cast<Bits>(random())};
    return static_cast<Bits>(numbers[random() % 4] ^ (random() % 2 == 0 ? kSign<Bits> : Bits{0}));
  };
  each_size([&](index_t rows, index_t count) {
    for (const index_t gap : {0, 1, 40})
      for (const Fit fit : {Fit::at_start, Fit::at_end}) {
        const index_t stride = count + gap, size = (rows - 1) * stride + count;
        auto* const floats = memory.take<Bits>(size, fit);
        for (index_t i = 0; i < size; ++i) floats[i] = number();
        expect_zeros(floats, stride, rows, count);
      }
  });
}
TEST_P(Bits, ZerosOf16BitsBecomeColumns) { expect_zeros_become_columns<std::uint16_t>(); }
TEST_P(Bits, ZerosOf32BitsBecomeColumns) { expect_zeros_become_columns<std::uint32_t>(); }

// Denormals, infinities and NaN of float16 and bfloat16 are among them.
TEST_P(Bits, EveryNumberOf16BitsIsJudged) {
  std::vector<std::uint16_t> floats(65536);
  for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<std::uint16_t>(i);
  expect_zeros(floats.data(), 1024, 64, 1024);
}

TEST_P(Bits, Float32IsJudgedByItsBits) {
  constexpr std::uint32_t kNumbers[] = {0,          1,          0x007fffff, 0x00800000, 0x3f800000,
                                        0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff};
  std::vector<std::uint32_t> floats;
  for (int place = 0; place < 7; ++place)  // so that each kind lies in each lane
    for (const std::uint32_t bits : kNumbers) floats.insert(floats.end(), {bits, bits | kSign<std::uint32_t>, 0});
  expect_zeros(floats.data(), 0, 1, static_cast<index_t>(floats.size()));
}

// Rows begin at any bit; the stream ends with the last one.
TEST_P(Bits, BitsBecomeColumns) {
  GuardedBuffer memory(64 * 64);
  std::mt19937 random(2);
  each_size([&](index_t rows, index_t count) {
    for (const index_t gap : {0, 1, 3, 8})
      for (index_t first = 0; first < 8; ++first)
        for (const Fit fit : {Fit::at_start, Fit::at_end}) {
          const index_t stride = count + gap, size = (first + (rows - 1) * stride + count + 7) / 8;
          auto* const stream = memory.take<std::uint8_t>(size, fit);
          for (index_t i = 0; i < size; ++i) stream[i] = static_cast<std::uint8_t>(random());
          expect_words(
              rows, count,
              [&](std::uint64_t* words) {
                glint::simd::columns(BitRows{stream, first, stride, rows, count}, words);
              },
              [&](index_t r, index_t c) {
                const index_t bit = first + r * stride + c;
                return (stream[bit / 8] >> bit % 8 & 1) != 0;
              });
        }
  });
}

// Byte (skip + c) % 16 of the generator's four words, written out.
std::uint8_t philox_byte(const PhiloxRows& rows, index_t r, index_t c) {
  const std::uint64_t low = rows.start + rows.step + static_cast<std::uint64_t>(r) * rows.stride +
                            static_cast<std::uint64_t>((rows.skip + c) / 16);
  std::uint32_t x[4] = {static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32), low < rows.start, 0};
  auto k0 = static_cast<std::uint32_t>(rows.seed), k1 = static_cast<std::uint32_t>(rows.seed >> 32);
  for (int round = 0; round < 7; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * x[0], b = std::uint64_t{0xCD9E8D57u} * x[2];
    const std::uint32_t next[4] = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(b),
                                   static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(a)};
    for (int i = 0; i < 4; ++i) x[i] = next[i];
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  const index_t byte = (rows.skip + c) % 16;
  return static_cast<std::uint8_t>(x[byte / 4] >> (8 * (byte % 4)));
}

TEST_P(Bits, PhiloxNumbersBecomeColumns) {
  constexpr std::uint64_t kSeed = 0x123456789abcdef0ull, kMost = ~std::uint64_t{0};
  for (const index_t rows : {1, 7, 64})
    for (const index_t count : kKeyCounts)
      for (const index_t skip : {0, 1, 8, 15})
        for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{0xfffffffd}, kMost - 2}) {
          const PhiloxRows numbers{kSeed, start, 5, 13, skip, rows, count};
          expect_words(
              rows, count, [&](std::uint64_t* words) { glint::simd::at_most(numbers, 200, words); },
              [&](index_t r, index_t c) { return philox_byte(numbers, r, c) <= 200; });
        }
}

INSTANTIATE_TEST_SUITE_P(EachIsa, Bits, testing::Values(Isa::plain, Isa::base, Isa::avx2, Isa::avx512),
                         [](const testing::TestParamInfo<Isa>& isa) { return std::string(name(isa.param)); });

}  // namespace
}  // namespace glint_test

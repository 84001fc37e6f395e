// The random source of all test data against the known answers that its authors publish with it (Random123).
#include <gtest/gtest.h>

#include "support/random.hpp"

namespace glint_test {
namespace {

using Block = std::array<std::uint32_t, 4>;

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32_10({}, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, ~std::uint64_t{0}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// What another implementation needs to draw the same: the seed is the key, the counter (block, stream), two words each.
TEST(Philox, WordsOfAStream) {
  constexpr std::uint64_t kSeed = 0x299f31d0a4093822, kStream = 0x0370734413198a2e;
  Random random(kSeed, kStream);
  for (std::uint32_t block = 0; block < 5; ++block) {
    const Block want = philox4x32_10({block, 0, 0x13198a2e, 0x03707344}, kSeed);
    EXPECT_EQ(random.word(), want[0] | std::uint64_t{want[1]} << 32);
    EXPECT_EQ(random.word(), want[2] | std::uint64_t{want[3]} << 32);
  }
  static_assert(Random(0).word() == 0xe169c58d6627e8d5);
}

TEST(Philox, NormalNumbers) {
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  Random random(1, 2), words(1, 2);
  for (int i = 0; i < kCount; ++i) {
    const double number = random.normal();
    double uniforms = 0;
    for (std::uint64_t w = words.word(), k = 0; k < 4; ++k, w >>= 16) uniforms += static_cast<double>(w & 0xffff);
    ASSERT_EQ(number, (uniforms / 65535 - 2) * 1.7320508075688772);
    sum += number, squares += number * number;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.02);
}

}  // namespace
}  // namespace glint_test

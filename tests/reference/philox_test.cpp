// The generator and its keep bits against the known answers of operators 1.4.
#include "support.hpp"

namespace oracle_test {
namespace {

using glint::reference::philox4x32_7;
using glint::reference::philox_byte;
using glint::reference::philox_keep;
using glint::reference::PhiloxBlock;

TEST(Philox, KnownBlocks) {
  EXPECT_EQ(philox4x32_7({0, 0, 0, 0}, 0), (PhiloxBlock{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
  EXPECT_EQ(philox4x32_7({0, 0, 0, 0}, 2), (PhiloxBlock{0xafcf3062, 0xf6539c39, 0x9b1d477a, 0x89cea381}));
}

TEST(Philox, BytesAreLittleEndianWithinWords) {
  const std::vector<int> expected{0x62, 0x30, 0xcf, 0xaf, 0x39, 0x9c, 0x53, 0xf6,
                                  0x7a, 0x47, 0x1d, 0x9b, 0x81, 0xa3, 0xce, 0x89};
  for (index_t i = 0; i < 16; ++i) EXPECT_EQ(philox_byte(2, 0, i), expected[static_cast<std::size_t>(i)]) << i;
}

TEST(Philox, TheFirstSixteenKeepBits) {
  std::string bits;
  for (index_t i = 0; i < 16; ++i) bits += philox_keep(2, 0, 0.8, i) ? '1' : '0';
  EXPECT_EQ(bits, "1101111011111101");
}

TEST(Philox, TheOffsetIsInBytesRoundedUpToBlocks) {
  for (index_t i = 0; i < 16; ++i) {
    EXPECT_EQ(philox_byte(7, 16, i), philox_byte(7, 0, i + 16));
    EXPECT_EQ(philox_byte(7, 17, i), philox_byte(7, 0, i + 32));
    EXPECT_EQ(philox_byte(7, 1, i), philox_byte(7, 0, i + 16));
  }
}

TEST(Philox, TheSeedHasTwoHalvesAndTheCounterFourWords) {
  EXPECT_NE(philox4x32_7({0, 0, 0, 0}, std::uint64_t{2} << 32), philox4x32_7({0, 0, 0, 0}, 2));
  // Block 2^32 is the counter (0, 1, 0, 0).
  const PhiloxBlock words = philox4x32_7({0, 1, 0, 0}, 5);
  EXPECT_EQ(philox_byte(5, std::uint64_t{1} << 36, 0), static_cast<std::uint8_t>(words[0]));
}

TEST(Philox, KeepComparesTheByteWithTheProbabilityTimes255) {
  EXPECT_TRUE(philox_keep(2, 0, 0x62 / 255.0 + 1e-9, 0));
  EXPECT_FALSE(philox_keep(2, 0, 0x62 / 255.0 - 1e-9, 0));
}

// K = 0, V one-hot, 20 keys: every row consumes 32 bytes, the twelve padding columns are discarded (operators 1.4).
TEST(PhiloxDropout, RowsArePaddedToSixteenColumns) {
  AttentionCase spec = uniform_case(2, 20);
  spec.keep_prob = 0.5;
  spec.philox = true;
  spec.seed = 11;
  spec.offset = 16;
  const AttentionResult result = attention(spec);
  for (index_t i = 0; i < 2; ++i) {
    for (index_t j = 0; j < 20; ++j) {
      const bool keep = philox_byte(11, 0, 16 + 32 * i + j) <= 127;
      EXPECT_NEAR(result.out.at(0, 0, i, j), keep ? 0.1 : 0.0, 1e-15) << i << ' ' << j;
    }
  }
}

// TND: the second sequence goes on where the padded block of the first ends, heads inside a sequence (12.18).
TEST(PhiloxDropout, SequencesContinueOneStream) {
  AttentionCase spec;
  spec.layout = "TND";
  spec.head_num = 2;
  spec.query = Array({3, 2, 1});
  spec.key = Array({5, 1, 1});
  spec.value = filled({5, 1, 1}, 1);
  spec.actual_seq_qlen = {2, 3};
  spec.actual_seq_kvlen = {3, 5};
  spec.keep_prob = 0.5;
  spec.philox = true;
  const AttentionResult result = attention(spec);
  const auto expected = [](index_t element, index_t keys) {
    int kept = 0;
    for (index_t j = 0; j < keys; ++j) kept += philox_byte(0, 0, element + j) <= 127;
    return 2.0 * kept / static_cast<double>(keys);
  };
  EXPECT_NEAR(result.out.at(0, 0, 0), expected(0, 3), 1e-15);
  EXPECT_NEAR(result.out.at(1, 0, 0), expected(16, 3), 1e-15);
  EXPECT_NEAR(result.out.at(0, 1, 0), expected(32, 3), 1e-15);
  EXPECT_NEAR(result.out.at(1, 1, 0), expected(48, 3), 1e-15);
  EXPECT_NEAR(result.out.at(2, 0, 0), expected(64, 2), 1e-15);
  EXPECT_NEAR(result.out.at(2, 1, 0), expected(80, 2), 1e-15);
}

}  // namespace
}  // namespace oracle_test

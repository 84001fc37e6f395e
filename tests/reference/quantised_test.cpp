// Integers: antiquantised caches (operators 4.3), int8 prompt attention (4.1, 12.17) and int8 output (4.2).
#include "support.hpp"

namespace oracle_test {
namespace {

using glint::reference::Antiquant;
using glint::reference::decode_dequant_scale;
using glint::reference::NdArray;
using glint::reference::round_to_half;
using glint::reference::round_to_int8;
using glint::reference::truncate_to_19_bits;
using glint::reference::unpack_int4;

// --- antiquantisation ----------------------------------------------------------------------------------------------

TEST(Antiquantised, IsOffsetThenScale) {
  AttentionCase spec;
  spec.op = Operator::incre;
  spec.query = Array({1, 1, 1});
  spec.key = spec.value = filled({1, 1, 1}, 3);
  spec.value_antiquant = {0, Array({1}, {0.5}), Array({1}, {2})};
  expect_near(attention(spec).out, {2.5});  // scale then offset would give 3.5
  spec.value_antiquant.offset = Array();
  expect_near(attention(spec).out, {1.5});
  spec.value_antiquant = {};
  expect_near(attention(spec).out, {3});
}

// Batch 2, two key heads, three keys, width 2, BNSD.  A factor that names its own position shows how it was looked
// up: V = 1 and K = 0, so that an output is the mean of three factors.
AttentionCase factor_case() {
  AttentionCase spec;
  spec.op = Operator::incre;
  spec.layout = "BNSD";
  spec.head_num = 2;
  spec.query = Array({2, 2, 1, 2});
  spec.key = Array({2, 2, 3, 2});
  spec.value = filled({2, 2, 3, 2}, 1);
  return spec;
}

Array counted(std::vector<index_t> shape) {
  Array array(std::move(shape));
  for (index_t i = 0; i < array.size(); ++i) array.flat(i) = static_cast<double>(i);
  return array;
}

TEST(Antiquantised, FactorsByMode) {
  AttentionCase spec = factor_case();
  // out order: b, n, d
  const auto with = [&](int mode, std::vector<index_t> shape) {
    spec.value_antiquant = {mode, counted(std::move(shape)), Array()};
    return attention(spec).out;
  };
  expect_near(with(0, {1, 2, 1, 2}), {0, 1, 2, 3, 0, 1, 2, 3});
  expect_near(with(0, {4}), {0, 1, 2, 3, 0, 1, 2, 3});
  expect_near(with(1, {2, 4}), {1, 1, 1, 1, 5, 5, 5, 5});  // tokens 0..2 of a row of 4
  expect_near(with(1, {1, 2, 3}), {1, 1, 1, 1, 4, 4, 4, 4});
  expect_near(with(2, {2}), {0, 0, 1, 1, 0, 0, 1, 1});
  expect_near(with(3, {2, 2, 3}), {1, 1, 4, 4, 7, 7, 10, 10});
}

TEST(Antiquantised, JointFactorsHoldTheKeysThenTheValues) {
  AttentionCase spec = factor_case();
  spec.antiquant = {0, counted({2, 2, 1, 2}), filled({2, 2, 1, 2}, 1)};
  expect_near(attention(spec).out, {8, 10, 12, 14, 8, 10, 12, 14}, 1e-14);  // (1 + 1) * {4, 5, 6, 7}
  spec.antiquant = {0, Array({2}, {9, 5}), Array()};
  expect_near(attention(spec).out, {5, 5, 5, 5, 5, 5, 5, 5});
  spec.antiquant = {1, counted({2, 2, 3}), Array()};
  expect_near(attention(spec).out, {7, 7, 7, 7, 10, 10, 10, 10}, 1e-14);
}

TEST(Antiquantised, KeysChangeTheScores) {
  AttentionCase spec;
  spec.op = Operator::incre;
  spec.query = filled({1, 1, 1}, 1);
  spec.key = Array({1, 2, 1}, {3, 1});
  spec.value = Array({1, 2, 1}, {1, 0});
  spec.key_antiquant = {0, Array({1}, {0.5}), Array({1}, {2})};  // scores 2.5 and 1.5
  expect_near(attention(spec).out, {1 / (1 + std::exp(-1.0))});
}

TEST(Antiquantised, TokensOfALeftPaddedCacheAreCountedFromItsStart) {
  AttentionCase spec = factor_case();
  spec.kv_padding_size = 0;
  spec.actual_seq_kvlen = {1};
  spec.value_antiquant = {1, counted({2, 3}), Array()};
  expect_near(attention(spec).out, {2, 2, 2, 2, 5, 5, 5, 5});
}

TEST(Antiquantised, TokensOfASharedPrefixComeFirst) {
  AttentionCase spec = factor_case();
  spec.key_shared_prefix = Array({1, 2, 2, 2});
  spec.value_shared_prefix = filled({1, 2, 2, 2}, 1);
  spec.value_antiquant = {1, counted({2, 5}), Array()};
  expect_near(attention(spec).out, {2, 2, 2, 2, 7, 7, 7, 7});  // the mean of 0..4, and of 5..9
}

TEST(Antiquantised, PagedFactorsFollowTheBlockTable) {
  AttentionCase spec = factor_case();
  spec.key = Array({4, 2, 2, 2});  // four blocks, two heads, two slots
  spec.value = filled({4, 2, 2, 2}, 1);
  spec.paging.block_size = 2;
  spec.paging.block_table = NdArray<index_t>({2, 2}, {3, 1, 0, 2});
  spec.actual_seq_kvlen = {3};
  spec.value_antiquant = {4, counted({4, 2}), Array()};
  expect_near(attention(spec).out, {5, 5, 5, 5, 5. / 3, 5. / 3, 5. / 3, 5. / 3});  // (6+7+2)/3, (0+1+4)/3
  spec.value_antiquant = {5, counted({4, 2, 2}), Array()};
  const double mean0 = (12 + 13 + 4) / 3., mean1 = (0 + 1 + 8) / 3.;
  expect_near(attention(spec).out, {mean0, mean0, mean0 + 2, mean0 + 2, mean1, mean1, mean1 + 2, mean1 + 2}, 1e-14);
}

TEST(Antiquantised, Int4IsEightToAWordLowestNibbleFirst) {
  const Array unpacked =
      unpack_int4(NdArray<std::int32_t>({1, 2}, {0x76543210, static_cast<std::int32_t>(0xFEDCBA98)}));
  EXPECT_EQ(unpacked.shape, (std::vector<index_t>{1, 16}));
  EXPECT_EQ(unpacked.data, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1}));
}

// --- roundings -----------------------------------------------------------------------------------------------------

TEST(Rounding, HalfIsNearestEvenAndSaturates) {
  EXPECT_EQ(round_to_half(1 + 0x1p-11), 1);                    // tie, to even
  EXPECT_EQ(round_to_half(1 + 3 * 0x1p-11), 1 + 2 * 0x1p-10);  // tie, to even
  EXPECT_EQ(round_to_half(1 + 0x1.1p-11), 1 + 0x1p-10);
  EXPECT_EQ(round_to_half(-2049), -2048);
  EXPECT_EQ(round_to_half(0x1p-24), 0x1p-24);  // the smallest subnormal
  EXPECT_EQ(round_to_half(0x1p-25), 0);
  EXPECT_EQ(round_to_half(0x1.8p-25), 0x1p-24);
  EXPECT_EQ(round_to_half(65519), 65504);
  EXPECT_EQ(round_to_half(1e30), 65504);
  EXPECT_EQ(round_to_half(-1e30), -65504);
  EXPECT_EQ(round_to_half(infinity), 65504);
  EXPECT_EQ(round_to_half(1. / 3), 0x1.554p-2);
}

TEST(Rounding, Int8IsNearestEvenAndSaturates) {
  EXPECT_EQ(round_to_int8(2.5), 2);
  EXPECT_EQ(round_to_int8(-3.5), -4);
  EXPECT_EQ(round_to_int8(200), 127);
  EXPECT_EQ(round_to_int8(-200), -128);
}

TEST(Rounding, DequantFactorsLoseThirteenBits) {
  EXPECT_EQ(truncate_to_19_bits(1 + 0x1p-10f), 1 + 0x1p-10f);
  EXPECT_EQ(truncate_to_19_bits(1 + 0x1.8p-10f), 1 + 0x1p-10f);
  EXPECT_EQ(truncate_to_19_bits(-1 - 0x1.ffcp-11f), -1.0f);
  EXPECT_EQ(decode_dequant_scale(0x3F800000u | 0x1FFFu), 1);
  EXPECT_EQ(decode_dequant_scale(0x40490FDBu), 0x1.92p+1);  // pi
}

// --- int8 prompt ---------------------------------------------------------------------------------------------------

// Two keys with q.k = 4 and 0, V = 100 and -50.
AttentionCase int8_case() {
  AttentionCase spec;
  spec.op = Operator::prompt;
  spec.query = Array({1, 1, 2}, {2, 1});
  spec.key = Array({1, 2, 2}, {1, 2, 0, 0});
  spec.value = Array({1, 2, 1}, {100, -50});
  spec.scale = 0.5;
  spec.int8.dequant_scale1 = Array({1}, {0.5});
  spec.int8.quant_scale1 = Array({1}, {127});
  spec.int8.dequant_scale2 = Array({1}, {0.0078125});
  return spec;
}

TEST(Int8Prompt, ByHand) {
  // x = 4 * 0.5 * 0.5 = 1 and 0.  P = 1 and exp(-1), in half 1507/4096; times 127 that is 46.73, quantised 127 and 47.
  // P V = 12700 - 2350 = 10350, times 2^-7 = 80.859375, in half 80.875.
  // l = 1.3678794, in half 1401/1024 = 1.3681641; 80.875 / 1.3681641 = 59.1120, in half 59.125.
  const AttentionResult result = attention(int8_case());
  EXPECT_EQ(result.out.flat(0), 59.125);
  EXPECT_EQ(result.softmax_max.flat(0), 1);
  EXPECT_NEAR(result.softmax_sum.flat(0), 1 + std::exp(-1.0), 1e-15);
}

TEST(Int8Prompt, ScoresSaturateInHalf) {
  AttentionCase spec = int8_case();
  spec.int8.dequant_scale1 = Array({1}, {32768});  // 4 * 32768 saturates to 65504, times 0.5 is 32752
  EXPECT_EQ(attention(spec).softmax_max.flat(0), 32752);
  spec.scale = 0x1p-15;
  EXPECT_EQ(attention(spec).softmax_max.flat(0), 65504 * 0x1p-15);
}

TEST(Int8Prompt, TheBlockOfKeysSetsTheMaximum) {
  AttentionCase spec = int8_case();
  spec.key = Array({1, 2, 2}, {0, 0, 1, 2});  // the larger score comes second
  spec.value = Array({1, 2, 1}, {-50, 100});
  EXPECT_EQ(attention(spec).out.flat(0), 59.125);  // one block: as above
  spec.int8.key_block = 1;
  // First block: P = 1, quantised 127: -6350 * 2^-7 = -49.609375, in half -49.625.  Second: 12700 * 2^-7 = 99.21875,
  // in half 99.25.  o = -49.625 * exp(-1) + 99.25 = 80.99398; over 1.3681641 it is 59.1990, in half 59.1875.
  EXPECT_EQ(attention(spec).out.flat(0), 59.1875);
}

TEST(Int8Prompt, TheScaledWeightIsRoundedToHalfBeforeInt8) {
  AttentionCase spec = int8_case();
  spec.key = Array({1, 2, 2}, {0, 0, -5, -1});  // q.k = 0 and -11
  spec.value = Array({1, 2, 1}, {0, 100});
  spec.scale = 1;
  spec.int8.dequant_scale1 = Array({1}, {0x1p-7});
  spec.int8.dequant_scale2 = Array({1}, {1});
  // P = exp(-11/128) = 0.917652, in half 3758/4096; times 127 that is 116.52002, in half 116.5, to even 116 (not 117).
  // 11600 / (1964/1024) = 6048.06, in half 6048.
  EXPECT_EQ(attention(spec).out.flat(0), 6048);
}

TEST(Int8Prompt, MaskedKeysAndPseInHalf) {
  AttentionCase spec = int8_case();
  spec.pse = Array({1, 1, 1, 2}, {0.5, 1.0 + 0x1p-12});  // in half: x = 1.5 and 1
  EXPECT_EQ(attention(spec).softmax_max.flat(0), 1.5);
  EXPECT_NEAR(attention(spec).softmax_sum.flat(0), 1 + std::exp(-0.5), 1e-15);
  spec.sparse_mode = 1;
  spec.attn_mask = ByteArray({1, 2}, {1, 0});
  EXPECT_EQ(attention(spec).out.flat(0), -49.625);  // 127 * -50 * 2^-7 in half
  spec.attn_mask = ByteArray({1, 2}, {1, 1});
  EXPECT_EQ(attention(spec).out.flat(0), 0);
  EXPECT_EQ(attention(spec).lse.flat(0), infinity);
}

// --- int8 output ---------------------------------------------------------------------------------------------------

TEST(Int8Output, PerTensorAndPerChannel) {
  AttentionCase spec;
  spec.op = Operator::prompt;
  spec.layout = "BNSD";
  spec.head_num = 2;
  spec.query = Array({1, 2, 2, 1});
  spec.key = Array({1, 1, 1, 1});
  spec.value = Array({1, 1, 1, 2}, {1.25, -3});
  spec.actual_seq_qlen = {1};  // the second row is zero, and becomes the offset
  spec.int8.quant_scale2 = Array({1}, {2});
  expect_near(attention(spec).out, {2, -6, 0, 0, 2, -6, 0, 0}, 0);  // 2.5 rounds to even
  spec.int8.quant_offset2 = Array({1}, {1});
  expect_near(attention(spec).out, {4, -5, 1, 1, 4, -5, 1, 1}, 0);  // 3.5 rounds to even
  expect_near(attention(spec).out_before_quant, {1.25, -3, 0, 0, 1.25, -3, 0, 0}, 0);
  spec.int8.quant_scale2 = Array({2, 2}, {2, 1, 100, 100});
  spec.int8.quant_offset2 = Array({4}, {0, 1, 0.25, 5});
  expect_near(attention(spec).out, {2, -2, 0, 1, 125, -128, 0, 5}, 0);
}

TEST(Int8Output, OfInt8InputsRoundsToHalfFirst) {
  AttentionCase spec = int8_case();
  spec.int8.quant_scale2 = Array({1}, {1.5});
  spec.int8.quant_offset2 = Array({1}, {-100});
  expect_near(attention(spec).out, {-11}, 0);  // 59.125 * 1.5 - 100 = -11.3125
  expect_near(attention(spec).out_before_quant, {59.125}, 0);
}

}  // namespace
}  // namespace oracle_test

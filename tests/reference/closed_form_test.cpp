// Cases whose answer is known without computing (operators 10): rows that see nothing, poisoned elements, and literal
// numbers that pin every order of operations.
// glint-test: fast-math
#include "support.hpp"

namespace oracle_test {
namespace {

// --- rows that see nothing -----------------------------------------------------------------------------------------

TEST(InvalidRows, AreZeroWithTheDocumentedSentinels) {
  AttentionCase spec = compressed(3, 3, 1);
  spec.value = filled({1, 1, 1, 2}, 1);
  const AttentionResult result = attention(spec);
  expect_near(result.out, {0, 0, 0, 0, 1, 1});
  EXPECT_EQ(result.softmax_max.data, (std::vector<double>{-float_max, -float_max, 0}));
  EXPECT_EQ(result.softmax_sum.data, (std::vector<double>{float_max, float_max, 1}));
  EXPECT_EQ(result.lse.data, (std::vector<double>{infinity, infinity, 0}));
  EXPECT_EQ(typed_lse(result).data, (std::vector<double>{-infinity, -infinity, 0}));
  EXPECT_EQ(result.score_abs.flat(0), 0);
}

TEST(InvalidRows, UniformIsTheMeanOfAllValues) {
  AttentionCase spec = compressed(3, 5, 4);
  spec.invalid_row = InvalidRow::uniform;
  const AttentionResult result = attention(spec);
  for (index_t j = 0; j < 4; ++j) EXPECT_NEAR(result.out.at(0, 0, 0, j), 0.25, 1e-15);
  EXPECT_EQ(result.softmax_max.flat(0), -float_max);
  EXPECT_EQ(result.softmax_sum.flat(0), 4);
}

TEST(InvalidRows, ASinkIsThenTheWholeSoftmax) {
  AttentionCase spec = compressed(3, 3, 2);
  spec.sink = Array({1}, {-1.5});
  const AttentionResult result = attention(spec);
  expect_near(result.out, {0, 0, 1 / (1 + std::exp(-1.5)), 0, 1 / (2 + std::exp(-1.5)), 1 / (2 + std::exp(-1.5))});
  EXPECT_EQ(result.softmax_max.flat(0), -1.5);
  EXPECT_EQ(result.softmax_sum.flat(0), 1);
  EXPECT_EQ(result.lse.flat(0), -1.5);
}

TEST(InvalidRows, AMinusInfinityScoreIsExcluded) {
  AttentionCase spec = uniform_case(2, 3);
  spec.pse = Array({1, 1, 2, 3}, {0, -infinity, 0, -infinity, -infinity, -infinity});
  spec.value.at(0, 0, 1, 1) = not_a_number;
  const AttentionResult result = attention(spec);
  expect_near(result.out, {0.5, 0, 0.5, 0, 0, 0});
  EXPECT_EQ(result.softmax_sum.flat(1), float_max);
}

TEST(InvalidRows, AnEmptyKeyTensorGivesZeroStatistics) {
  AttentionCase spec = uniform_case(2, 0);
  spec.value = Array({1, 1, 0, 3});
  const AttentionResult result = attention(spec);
  expect_near(result.out, {0, 0, 0, 0, 0, 0});
  EXPECT_EQ(result.softmax_max.data, (std::vector<double>{0, 0}));
  EXPECT_EQ(result.softmax_sum.data, (std::vector<double>{0, 0}));
  EXPECT_EQ(typed_lse(result).data, (std::vector<double>{-infinity, -infinity}));
  spec.sink = Array({1}, {2.0});
  EXPECT_EQ(attention(spec).softmax_max.flat(0), 2);
  EXPECT_EQ(attention(spec).softmax_sum.flat(0), 1);
}

TEST(InvalidRows, ASequenceWithoutKeysInATensorThatHasSome) {
  AttentionCase spec = ragged(0, {1, 3}, {2, 2}, 2);
  spec.attn_mask = ByteArray();
  const AttentionResult result = attention(spec);
  expect_near(result.out, {0.5, 0.5, 0, 0, 0, 0});
  EXPECT_EQ(result.softmax_max.flat(2), -float_max);
  EXPECT_EQ(result.softmax_sum.flat(2), float_max);
}

TEST(Poison, ExcludedKeysAndValuesAreNeverRead) {
  for (const double poison : {not_a_number, infinity, -infinity}) {
    AttentionCase spec = compressed(2, 2, 3);
    for (index_t d = 0; d < 3; ++d) spec.key.at(0, 0, 2, d) = poison;
    for (index_t d = 0; d < 3; ++d) spec.value.at(0, 0, 2, d) = poison;
    spec.pse = Array({1, 1, 2, 3}, {0, poison, poison, 0, 0, poison});
    expect_near(attention(spec).out, {1, 0, 0, 0.5, 0.5, 0});
  }
}

TEST(Poison, ANanThatIsUsedReachesExactlyItsRow) {
  AttentionCase spec = uniform_case(2, 2);
  spec.query.at(0, 0, 1, 0) = not_a_number;
  const AttentionResult result = attention(spec);
  EXPECT_EQ(result.out.flat(0), 0.5);
  EXPECT_TRUE(glint::reference::detail::is_nan(result.out.flat(2)));
#ifndef __FAST_MATH__  // -ffast-math may lose the NaN in a maximum; the output above must keep it all the same
  EXPECT_TRUE(glint::reference::detail::is_nan(result.softmax_max.flat(1)));
#endif
}

// --- numbers -------------------------------------------------------------------------------------------------------

// q.k = 2 and 0, pse = 3 and 0, scale = 1/2.
AttentionCase two_keys(int pse_type) {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.query = Array({1, 1, 1, 2}, {2, 5});
  spec.key = Array({1, 1, 2, 2}, {1, 0, 0, 0});
  spec.value = one_hot(2);
  spec.scale = 0.5;
  spec.pse = Array({1, 1, 1, 2}, {3, 0});
  spec.pse_type = pse_type;
  return spec;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

TEST(PseOrder, Type1AddsThenScalesAndType0ScalesThenAdds) {
  expect_near(attention(two_keys(1)).out, {logistic(2.5), logistic(-2.5)});
  expect_near(attention(two_keys(0)).out, {logistic(4), logistic(-4)});
}

TEST(PseOrder, InferenceAlwaysScalesThenAdds) {
  AttentionCase spec = two_keys(1);
  spec.op = Operator::prompt;
  expect_near(attention(spec).out, {logistic(4), logistic(-4)});
}

TEST(PseOrder, QueryScaleMultipliesTheProductOnly) {
  AttentionCase spec = two_keys(1);
  spec.q_scale = 3;
  expect_near(attention(spec).out, {logistic(4.5), logistic(-4.5)});  // (3*2 + 3) / 2
  spec.pse_type = 0;
  expect_near(attention(spec).out, {logistic(6), logistic(-6)});  // 3*2/2 + 3
}

TEST(Softcap, LiesBeforeOrAfterTheBias) {
  AttentionCase spec = two_keys(0);
  spec.softcap = 2;
  const double before = 2 * std::tanh(0.5) + 3, after = 2 * std::tanh(2.0), scaled_sum = 2 * std::tanh(1.25);
  expect_near(attention(spec).out, {logistic(before), logistic(-before)});
  spec.softcap_order = SoftcapOrder::after_bias;
  expect_near(attention(spec).out, {logistic(after), logistic(-after)});
  for (const SoftcapOrder order : {SoftcapOrder::before_bias, SoftcapOrder::after_bias}) {
    spec.pse_type = 1;  // whose bias is scaled with the product
    spec.softcap_order = order;
    expect_near(attention(spec).out, {logistic(scaled_sum), logistic(-scaled_sum)});
  }
}

TEST(Statistics, AreOfTheScaledBiasedScores) {
  const AttentionResult result = attention(two_keys(1));
  EXPECT_NEAR(result.softmax_max.flat(0), 2.5, 1e-15);
  EXPECT_NEAR(result.softmax_sum.flat(0), 1 + std::exp(-2.5), 1e-15);
  EXPECT_NEAR(result.lse.flat(0), std::log(std::exp(2.5) + 1), 1e-15);
}

TEST(ErrorContract, WeightsAreTakenAbsolutely) {
  AttentionCase spec = two_keys(1);
  spec.query = Array({1, 1, 1, 2}, {2, -5});
  spec.key = Array({1, 1, 2, 2}, {1, 1, 0, 0});  // q.k = -3, |q||k| = 7
  spec.value = Array({1, 1, 2, 1}, {-4, 1});
  const AttentionResult result = attention(spec);
  EXPECT_NEAR(result.out.flat(0), -4 * 0.5 + 0.5, 1e-15);  // (-3 + 3) / 2 = 0: equal weights
  EXPECT_NEAR(result.weighted_abs_v.flat(0), 4 * 0.5 + 0.5, 1e-15);
  EXPECT_NEAR(result.score_abs.flat(0), (7 + 3) * 0.5, 1e-15);
  spec.pse_type = 0;
  EXPECT_NEAR(attention(spec).score_abs.flat(0), 7 * 0.5 + 3, 1e-15);
}

TEST(Sink, JoinsTheSumWithoutScaleOrMask) {
  AttentionCase spec = two_keys(1);
  spec.sink = Array({1}, {1.0});
  const AttentionResult result = attention(spec);
  const double sum = std::exp(2.5) + 1 + std::exp(1.0);
  expect_near(result.out, {std::exp(2.5) / sum, 1 / sum});
  EXPECT_NEAR(result.lse.flat(0), std::log(sum), 1e-15);
  spec.sink = Array({1}, {2000.0});  // far above: the maximum is the sink
  EXPECT_EQ(attention(spec).softmax_max.flat(0), 2000);
  EXPECT_EQ(attention(spec).softmax_sum.flat(0), 1);
}

TEST(Sink, BelongsToTheQueryHead) {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.query = Array({1, 2, 1, 1});
  spec.key = Array({1, 1, 1, 1});
  spec.value = filled({1, 1, 1, 1}, 1);
  spec.sink = Array({2}, {0, std::log(3.0)});
  expect_near(attention(spec).out, {0.5, 0.25});
}

TEST(DropoutBits, AreOneContinuousStreamLowestBitFirst) {
  AttentionCase spec = uniform_case(3, 5);
  spec.keep_prob = 0.5;
  spec.drop_mask = ByteArray({2}, {0b10110001, 0b01000110});
  // bits, in order: 10001 10101 10001 0
  const double kept = 1 / (5 * 0.5);
  expect_near(attention(spec).out, {kept, 0, 0, 0, kept, kept, 0, kept, 0, kept, kept, 0, 0, 0, kept});
  EXPECT_EQ(attention(spec).softmax_sum.data, (std::vector<double>{5, 5, 5}));  // the sum knows no dropout
}

TEST(DropoutBits, AreIgnoredWhenNothingIsDropped) {
  AttentionCase spec = uniform_case(1, 2);
  spec.drop_mask = ByteArray({1}, {0});
  expect_near(attention(spec).out, {0.5, 0.5});
}

TEST(DropoutBits, TndBlocksFollowEachOther) {
  AttentionCase spec = ragged(1, {1, 3}, {3, 5}, 3);
  spec.attn_mask = ByteArray();
  spec.keep_prob = 0.25;
  spec.drop_mask = ByteArray({1}, {0b01011001});  // 1x3: 100, then 2x2: 11 01
  expect_near(attention(spec).out, {4.0 / 3, 0, 0, 2, 2, 0, 0, 2, 0});
}

}  // namespace
}  // namespace oracle_test

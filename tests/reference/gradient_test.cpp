// The gradient against central differences of the oracle's own forward, and against numbers worked out by hand.
#include "gradient_cases.hpp"

namespace oracle_test {
namespace {

// --- central differences -------------------------------------------------------------------------------------------

double loss_of(const AttentionCase& spec, const Array& d_out) {
  const Array out = attention(spec).out;
  double total = 0;
  for (index_t i = 0; i < out.size(); ++i) total += out.flat(i) * d_out.flat(i);
  return total;
}

void expect_differences(AttentionCase spec, Array AttentionCase::*input, const Array& actual, const Array& d_out,
                        const std::string& what) {
  constexpr double step = 1e-5;
  ASSERT_EQ(actual.shape, (spec.*input).shape) << what;
  for (index_t i = 0; i < actual.size(); ++i) {
    double& element = (spec.*input).flat(i);
    const double original = element;
    element = original + step;
    const double above = loss_of(spec, d_out);
    element = original - step;
    const double below = loss_of(spec, d_out);
    element = original;
    EXPECT_NEAR(actual.flat(i), (above - below) / (2 * step), 1e-7) << what << " at " << i;
  }
}

void expect_all_differences(const Named& named) {
  const AttentionCase& spec = named.spec;
  const Array d_out = varied(attention(spec).out.shape, 8);
  const GradientResult result = gradient(GradientCase{spec, d_out});
  expect_differences(spec, &AttentionCase::query, result.d_query, d_out, named.name + " dq");
  expect_differences(spec, &AttentionCase::key, result.d_key, d_out, named.name + " dk");
  expect_differences(spec, &AttentionCase::value, result.d_value, d_out, named.name + " dv");
  expect_differences(spec, &AttentionCase::query_rope, result.d_query_rope, d_out, named.name + " dq rope");
  expect_differences(spec, &AttentionCase::key_rope, result.d_key_rope, d_out, named.name + " dk rope");
  expect_differences(spec, &AttentionCase::sink, result.d_sink, d_out, named.name + " dsink");
  if (result.d_pse.present()) expect_differences(spec, &AttentionCase::pse, result.d_pse, d_out, named.name + " dpse");
}

TEST(Gradient, AgreesWithCentralDifferences) {
  for (const Named& named : all_cases()) expect_all_differences(named);
}

TEST(Gradient, AgreesWithCentralDifferencesInOtherLayouts) {
  for (const std::string layout : {"BSH", "SBH", "BSND"}) {
    AttentionCase spec;
    spec.layout = layout;
    spec.head_num = 4;
    spec.query = layout == "BSND" ? varied({2, 3, 4, 2}, 1) : varied({2, 3, 8}, 1);
    spec.key = spec.value = layout == "BSND" ? varied({2, 3, 2, 2}, 2) : varied({2, 3, 4}, 2);
    expect_all_differences({layout, spec});
  }
}

// TND with an empty sequence, a surplus row, rope, flat biases, dropout and modes 7 and 8.
AttentionCase ragged(int mode) {
  AttentionCase spec;
  spec.layout = "TND";
  spec.head_num = 2;
  spec.query = varied({6, 2, 2}, 1);
  spec.key = varied({8, 1, 2}, 2);
  spec.value = varied({8, 1, 3}, 3);
  spec.query_rope = varied({6, 2, 1}, 4);
  spec.key_rope = varied({8, 1, 1}, 5);
  spec.actual_seq_qlen = {2, 2, 5};
  spec.actual_seq_kvlen = {3, 4, 8};
  spec.implied_mask = true;
  spec.sparse_mode = mode;
  spec.pre_tokens = 4;
  spec.next_tokens = 0;
  return spec;
}

TEST(Gradient, AgreesWithCentralDifferencesInRaggedSequences) {
  for (const int mode : {1, 7, 8}) expect_all_differences({"mode " + std::to_string(mode), ragged(mode)});
  AttentionCase per_score = ragged(0);
  per_score.pse = varied({2 * (2 * 3 + 3 * 4)}, 6);
  per_score.pse_form = PseForm::flat_score;
  expect_all_differences({"flat per score", per_score});
  AttentionCase per_column = ragged(3);
  per_column.pse = varied({2 * (3 + 1 + 4)}, 6);
  per_column.pse_form = PseForm::flat_column;
  per_column.pse_type = 0;
  per_column.keep_prob = 0.5;
  per_column.drop_mask = bits(2 * (2 * 3 + 3 * 4));
  expect_all_differences({"flat per column", per_column});
}

TEST(Gradient, OfUniformInvalidRowsReachesTheValuesOnly) {
  AttentionCase spec = plain();
  shorten_keys(spec);
  spec.invalid_row = InvalidRow::uniform;
  expect_all_differences({"uniform", spec});
}

// --- closed forms --------------------------------------------------------------------------------------------------

TEST(Gradient, ByHand) {
  // One row, scores 0 and 0, v = 1 and 3, dY = 2: P = 1/2, dP = 2 and 6, rowD = 4, dS = -1 and +1.
  AttentionCase spec;
  spec.query = Array({1, 1, 1}, {5});
  spec.key = Array({1, 2, 1}, {0, 0});
  spec.value = Array({1, 2, 1}, {1, 3});
  spec.scale = 0.5;
  spec.pse = Array({1, 1, 1, 2});
  const GradientResult result = gradient(GradientCase{spec, Array({1, 1, 1}, {2})});
  expect_near(result.d_value, {1, 1});
  expect_near(result.d_key, {-2.5, 2.5});
  expect_near(result.d_query, {0});
  expect_near(result.d_pse, {-0.5, 0.5});
  // The weights: dS is bounded by P (|dP| + sum P |dP|) = (2 + 4)/2 and (6 + 4)/2.
  expect_near(result.weight.d_key, {7.5, 12.5});
  expect_near(result.weight.d_pse, {1.5, 2.5});
  expect_near(result.weight.d_value, {1, 1});
}

TEST(Gradient, ExcludedElementsAreNeverReadAndGetNothing) {
  AttentionCase spec = uniform_case(2, 3);
  spec.sparse_mode = 2;
  spec.implied_mask = true;
  for (index_t d = 0; d < 3; ++d) spec.key.at(0, 0, 2, d) = spec.value.at(0, 0, 2, d) = not_a_number;
  const GradientResult result = gradient(GradientCase{spec, varied({1, 1, 2, 3})});
  for (const Array* array : {&result.d_query, &result.d_key, &result.d_value}) {
    for (const double element : array->data) EXPECT_FALSE(std::isnan(element));
  }
  for (index_t d = 0; d < 3; ++d) {
    EXPECT_EQ(result.d_key.at(0, 0, 2, d), 0);
    EXPECT_EQ(result.d_value.at(0, 0, 2, d), 0);
  }
}

TEST(Gradient, OfCompressedOrGeneratedBiasesDoesNotExist) {
  AttentionCase spec = uniform_case(2, 2);
  spec.pse = Array({1}, {1});
  spec.pse_type = 2;
  EXPECT_FALSE(gradient(GradientCase{spec, Array({1, 1, 2, 2})}).d_pse.present());
}

}  // namespace
}  // namespace oracle_test

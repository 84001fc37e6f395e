// The order of the pipeline, by numbers small enough to check by hand: bias and scale, modifier, mask, softmax,
// dropout, product with V, division, rounding (architecture 4; operators 1.1, 1.5, 10, 12.14).
#include "glint/ops/flash_attention_score.hpp"
#include "glint/ops/prompt_flash_attention.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {
namespace {

// One query (1, 1); two keys (1, 1) and (0, 0), so q.k is 2 and 0; values are (1, 0) and (0, 1): the answer is the row
// of weights.
struct TwoKeys {
  float q[2] = {1, 1}, k[4] = {1, 1, 0, 0}, v[4] = {1, 0, 0, 1}, out[2] = {kNan, kNan};
  float bias[2] = {3, 0}, max = kNan, sum = kNan, lse = kNan;
  glint::ScoreProblem<float> p;

  TwoKeys() {
    p.q = q, p.k = k, p.v = v, p.out = out;
    p.shape = {.batch = 1, .heads = 1, .q_len = 1, .kv_len = 2, .head_dim = 2};
    p.scale = 0.5F;
    p.softmax_max = &max, p.softmax_sum = &sum, p.lse = &lse;
  }
  TwoKeys(const TwoKeys&) = delete;
  TwoKeys& operator=(const TwoKeys&) = delete;

  void add_bias(int pse_type) {
    p.pse = {bias, DType::f32, 1, 1, 1, 2};
    p.pse_type = pse_type;
  }
  void attend() {
    using Attend = glint::FlashAttentionScore<glint::layout::BSH, float>;
    const glint::Status status = Attend{}(p);
    ASSERT_TRUE(static_cast<bool>(status)) << status.rule;
  }
  // Scores x and y.
  void expect(double x, double y, double factor_x = 1, double factor_y = 1) {
    attend();
    const double top = std::max(x, y), total = std::exp(x - top) + std::exp(y - top);
    EXPECT_NEAR(out[0], factor_x * std::exp(x - top) / total, 3e-7);
    EXPECT_NEAR(out[1], factor_y * std::exp(y - top) / total, 3e-7);
    EXPECT_FLOAT_EQ(max, static_cast<float>(top));
    EXPECT_NEAR(sum, total, 3e-7);
    EXPECT_NEAR(lse, top + std::log(total), 1e-6);
  }
};

TEST(Pipeline, Scale) { TwoKeys{}.expect(1, 0); }

TEST(Pipeline, BiasBeforeTheScaleIsPseType1) {  // (2 + 3) * 0.5
  TwoKeys two;
  two.add_bias(1);
  two.expect(2.5, 0);
}
TEST(Pipeline, BiasAfterTheScaleIsPseType0) {  // 2 * 0.5 + 3
  TwoKeys two;
  two.add_bias(0);
  two.expect(4, 0);
}
TEST(Pipeline, QueryScaleIsBeforeTheBias) {  // operators 12.14
  TwoKeys one;
  one.p.q_scale = 2;
  one.add_bias(1);
  one.expect((2 * 2 + 3) * 0.5, 0);
  TwoKeys zero;
  zero.p.q_scale = 2;
  zero.add_bias(0);
  zero.expect(2 * 2 * 0.5 + 3, 0);
}
TEST(Pipeline, InferenceAddsTheBiasAfterTheScale) {  // operators 1.5
  TwoKeys two;
  glint::PromptProblem<float> p{
      .q = two.q, .kv = {.k = two.k, .v = two.v}, .out = two.out, .shape = two.p.shape, .scale = 0.5F};
  p.pse_shift = {two.bias, DType::f32, 1, 1, 1, 2};
  ASSERT_TRUE(static_cast<bool>(glint::PromptFlashAttention<glint::layout::BSH, float>{}(p)));
  EXPECT_NEAR(two.out[0], std::exp(4.0) / (std::exp(4.0) + 1), 3e-7);
}

TEST(Pipeline, SlopesAreAddedAfterTheScale) {
  for (const int pse_type : {2, 3}) {
    // Two queries, so that S1 == S2; the second one is 1 from the first key.
    TwoKeys two;
    const float q[4] = {0, 0, 1, 1}, slope = 0.75F;
    float out[4], stats[2];
    two.p.q = q, two.p.out = out, two.p.shape.q_len = 2;
    two.p.softmax_max = two.p.softmax_sum = nullptr, two.p.lse = stats;
    two.p.slopes = {&slope, 1, 3, 1};  // q_start - kv_start = 2: the distances are 3 and 2
    two.p.slopes.q_start = 3;
    two.p.pse_type = pse_type;
    two.attend();
    const double far = pse_type == 2 ? 3 : std::sqrt(3.0), near = pse_type == 2 ? 2 : std::sqrt(2.0);
    const double x = 2 * 0.5 - 0.75 * far, y = -0.75 * near;
    EXPECT_NEAR(out[2], std::exp(x) / (std::exp(x) + std::exp(y)), 3e-7) << pse_type;
  }
}

TEST(Pipeline, TheMaskSelectsAfterTheBias) {
  const std::uint8_t drop[2] = {1, 0};
  TwoKeys two;
  two.add_bias(0);
  two.bias[0] = kNan;
  two.p.attn_mask = {drop, 1, 1, 1, 2};
  two.attend();
  EXPECT_EQ(two.out[0], 0.0F);
  EXPECT_EQ(two.out[1], 1.0F);
  EXPECT_EQ(two.max, 0.0F);
  EXPECT_EQ(two.sum, 1.0F);
}

TEST(Pipeline, DropoutActsOnWeightsWhoseSumIsFinal) {
  for (const std::uint8_t bits : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}, std::uint8_t{0}}) {
    TwoKeys two;
    two.p.dropout = {.keep_prob = 0.25, .mask = {&bits, 1}};
    two.expect(1, 0, (bits & 1) != 0 ? 4 : 0, (bits & 2) != 0 ? 4 : 0);
  }
}

// A modifier sees scaled and biased scores, and the mask comes after it.
struct Square {
  template <class Vec>
  GLINT_INLINE void operator()(Vec& s, const Vec&) const {
    s = s * s;
  }
};
struct Squared : glint::recipe::Default {
  using modifiers = glint::SameModifier<Square>;
};
TEST(Pipeline, ModifiersSeeScaledAndBiasedScores) {
  TwoKeys two;
  two.add_bias(0);
  two.bias[0] = -3, two.bias[1] = 1.5F;  // scores -2 and 1.5, squared 4 and 2.25
  using Attend = glint::FlashAttentionScore<glint::layout::BSH, float, glint::SparseMode::default_mask, Squared>;
  ASSERT_TRUE(static_cast<bool>(Attend{}(two.p)));
  EXPECT_NEAR(two.out[0], 1 / (1 + std::exp(2.25 - 4)), 3e-7);
  const std::uint8_t drop[2] = {1, 0};
  two.p.attn_mask = {drop, 1, 1, 1, 2};
  ASSERT_TRUE(static_cast<bool>(Attend{}(two.p)));
  EXPECT_EQ(two.out[0], 0.0F);
  EXPECT_EQ(two.max, 2.25F);
}

TEST(Pipeline, RoundingComesLast) {
  // Weights of 1/3 on 2048, 2050 and 2048: the sum in float is 2048.67, and one rounding makes it 2048.
  const glint::half q[1] = {glint::from_float<glint::half>(0)}, k[3] = {};
  glint::half v[3], out[1];
  for (int j = 0; j < 3; ++j) v[j] = glint::from_float<glint::half>(2048.0F + 2 * static_cast<float>(j == 1));
  glint::ScoreProblem<glint::half> p{.q = q, .k = k, .v = v, .out = out};
  p.shape = {.batch = 1, .heads = 1, .q_len = 1, .kv_len = 3, .head_dim = 1};
  ASSERT_TRUE(static_cast<bool>(glint::FlashAttentionScore<glint::layout::BSH, glint::half>{}(p)));
  EXPECT_EQ(glint::to_float(out[0]), 2048.0F);
}

}  // namespace
}  // namespace metamorphic

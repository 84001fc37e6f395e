// FlashAttentionScoreGrad on every dtype: ten times the cases of the default run.
#include "support/score_grad_differential.hpp"

using glint_test::check_score_grad;
using glint_test::run_cases;

TEST(ScoreGradDifferentialRelease, F32) { run_cases<float>(100000, 1, check_score_grad<float>); }
TEST(ScoreGradDifferentialRelease, F16) { run_cases<glint::half>(40000, 1, check_score_grad<glint::half>); }
TEST(ScoreGradDifferentialRelease, Bf16) { run_cases<glint::bfloat16>(40000, 1, check_score_grad<glint::bfloat16>); }

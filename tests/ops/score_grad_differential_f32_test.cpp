// FlashAttentionScoreGrad on f32: random cases against the float64 oracle.
#include "support/score_grad_differential.hpp"

TEST(ScoreGradDifferential, Contract) { glint_test::run_cases<float>(10000, 1, glint_test::check_score_grad<float>); }

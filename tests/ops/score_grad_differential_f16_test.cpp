// FlashAttentionScoreGrad on f16: random cases against the float64 oracle.
#include "support/score_grad_differential.hpp"

TEST(ScoreGradDifferential, Contract) {
  glint_test::run_cases<glint::half>(4000, 1, glint_test::check_score_grad<glint::half>);
}

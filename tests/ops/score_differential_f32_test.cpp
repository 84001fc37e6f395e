// FlashAttentionScore on f32: random cases through both doors against the float64 oracle.
#include "support/score_differential.hpp"

TEST(ScoreDifferential, Contract) { glint_test::run_cases<float>(20000, 0, glint_test::check_score<float>); }

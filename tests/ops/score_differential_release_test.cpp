// FlashAttentionScore on every dtype: ten times the cases of the default run, from another seed.
#include "support/score_differential.hpp"

using glint_test::check_score;
using glint_test::run_cases;

TEST(ScoreDifferentialRelease, F32) { run_cases<float>(200000, 0, check_score<float>); }
TEST(ScoreDifferentialRelease, F16) { run_cases<glint::half>(200000, 0, check_score<glint::half>); }
TEST(ScoreDifferentialRelease, Bf16) { run_cases<glint::bfloat16>(200000, 0, check_score<glint::bfloat16>); }

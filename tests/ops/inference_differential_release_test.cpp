// PromptFlashAttention and IncreFlashAttention on every dtype: ten times the cases of the default run.
#include "support/inference_differential.hpp"

using glint_test::check_inference;
using glint_test::run_cases;

TEST(PromptDifferentialRelease, F32) { run_cases(glint_test::kPrompt, 80000, check_inference<float>); }
TEST(PromptDifferentialRelease, F16) { run_cases(glint_test::kPrompt, 80000, check_inference<glint::half>); }
TEST(PromptDifferentialRelease, Bf16) { run_cases(glint_test::kPrompt, 80000, check_inference<glint::bfloat16>); }
TEST(IncreDifferentialRelease, F32) { run_cases(glint_test::kIncre, 80000, check_inference<float>); }
TEST(IncreDifferentialRelease, F16) { run_cases(glint_test::kIncre, 80000, check_inference<glint::half>); }
TEST(IncreDifferentialRelease, Bf16) { run_cases(glint_test::kIncre, 80000, check_inference<glint::bfloat16>); }

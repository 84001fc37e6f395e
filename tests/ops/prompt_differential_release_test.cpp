// PromptFlashAttention in every form, with queries and caches of floating-point numbers: ten times the cases of the
// default run.
#include "support/prompt_differential.hpp"

using glint_test::run_prompt_cases;

TEST(PromptDifferentialRelease, F32) { run_prompt_cases<float, float>(100000); }
TEST(PromptDifferentialRelease, F32QueryF16Cache) { run_prompt_cases<float, glint::half>(20000); }
TEST(PromptDifferentialRelease, F32QueryBf16Cache) { run_prompt_cases<float, glint::bfloat16>(20000); }
TEST(PromptDifferentialRelease, F16) { run_prompt_cases<glint::half, glint::half>(100000); }
TEST(PromptDifferentialRelease, Bf16) { run_prompt_cases<glint::bfloat16, glint::bfloat16>(100000); }

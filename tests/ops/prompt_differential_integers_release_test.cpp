// PromptFlashAttention over caches of integers: ten times the cases of the default run.
#include "support/prompt_differential.hpp"

using glint_test::run_prompt_cases;

TEST(PromptDifferentialRelease, F32QueryInt8Cache) { run_prompt_cases<float, std::int8_t>(15000); }
TEST(PromptDifferentialRelease, F16QueryInt8Cache) { run_prompt_cases<glint::half, std::int8_t>(10000); }
TEST(PromptDifferentialRelease, Bf16QueryInt8Cache) { run_prompt_cases<glint::bfloat16, std::int8_t>(10000); }
TEST(PromptDifferentialRelease, F32QueryInt4Cache) { run_prompt_cases<float, glint::int4x2>(10000); }
TEST(PromptDifferentialRelease, F16QueryInt4Cache) { run_prompt_cases<glint::half, glint::int4x2>(10000); }
TEST(PromptDifferentialRelease, Bf16QueryInt4Cache) { run_prompt_cases<glint::bfloat16, glint::int4x2>(10000); }

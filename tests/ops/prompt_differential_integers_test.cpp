// PromptFlashAttention over int8 and int4 caches that factors make numbers of: random cases in every form, through both
// doors, against the float64 oracle.
#include "support/prompt_differential.hpp"

using glint_test::run_prompt_cases;

TEST(PromptDifferential, F32QueryInt8Cache) { run_prompt_cases<float, std::int8_t>(1500); }
TEST(PromptDifferential, F16QueryInt8Cache) { run_prompt_cases<glint::half, std::int8_t>(1000); }
TEST(PromptDifferential, Bf16QueryInt8Cache) { run_prompt_cases<glint::bfloat16, std::int8_t>(1000); }
TEST(PromptDifferential, F32QueryInt4Cache) { run_prompt_cases<float, glint::int4x2>(1000); }
TEST(PromptDifferential, F16QueryInt4Cache) { run_prompt_cases<glint::half, glint::int4x2>(1000); }
TEST(PromptDifferential, Bf16QueryInt4Cache) { run_prompt_cases<glint::bfloat16, glint::int4x2>(1000); }

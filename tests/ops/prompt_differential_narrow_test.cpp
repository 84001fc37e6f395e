// PromptFlashAttention with f32 queries over 16-bit caches: random cases in every form, through both doors, against the
// float64 oracle.
#include "support/prompt_differential.hpp"

using glint_test::run_prompt_cases;

TEST(PromptDifferential, F32QueryF16Cache) { run_prompt_cases<float, glint::half>(2000); }
TEST(PromptDifferential, F32QueryBf16Cache) { run_prompt_cases<float, glint::bfloat16>(2000); }

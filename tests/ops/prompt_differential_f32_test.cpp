// PromptFlashAttention with f32 queries over f32 caches: random cases in every form, through both doors, against the
// float64 oracle.
#include "support/prompt_differential.hpp"

TEST(PromptDifferential, F32) { glint_test::run_prompt_cases<float, float>(10000); }

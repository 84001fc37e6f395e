// PromptFlashAttention with bf16 queries and caches: random cases in every form, through both doors, against the
// float64 oracle.
#include "support/prompt_differential.hpp"

TEST(PromptDifferential, Bf16) { glint_test::run_prompt_cases<glint::bfloat16, glint::bfloat16>(10000); }

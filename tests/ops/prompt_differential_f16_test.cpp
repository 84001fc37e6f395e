// PromptFlashAttention with f16 queries and caches: random cases in every form, through both doors, against the float64
// oracle.
#include "support/prompt_differential.hpp"

TEST(PromptDifferential, F16) { glint_test::run_prompt_cases<glint::half, glint::half>(10000); }

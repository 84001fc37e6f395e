// PromptFlashAttention and IncreFlashAttention on f16: random cases through both doors against the float64 oracle.
#include "support/inference_differential.hpp"

using glint_test::check_inference;
using glint_test::run_cases;

TEST(PromptDifferential, Contract) { run_cases(glint_test::kPrompt, 8000, check_inference<glint::half>); }
TEST(IncreDifferential, Contract) { run_cases(glint_test::kIncre, 8000, check_inference<glint::half>); }

// IncreFlashAttention with f16 and bf16 queries and caches: random cases in every form, through both doors, against the
// float64 oracle.
#include "support/decode_differential.hpp"

using glint_test::run_decode_cases;

TEST(DecodeDifferential, F16) { run_decode_cases<glint::half, glint::half>(5000); }
TEST(DecodeDifferential, Bf16) { run_decode_cases<glint::bfloat16, glint::bfloat16>(5000); }

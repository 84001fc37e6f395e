// IncreFlashAttention with f32 queries over caches of floating-point numbers: random cases in every form, through both
// doors, against the float64 oracle.
#include "support/decode_differential.hpp"

using glint_test::run_decode_cases;

TEST(DecodeDifferential, F32) { run_decode_cases<float, float>(6000); }
TEST(DecodeDifferential, F32QueryF16Cache) { run_decode_cases<float, glint::half>(2500); }
TEST(DecodeDifferential, F32QueryBf16Cache) { run_decode_cases<float, glint::bfloat16>(2500); }

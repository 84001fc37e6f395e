// IncreFlashAttention over int8 and int4 caches: random cases in every form, through both doors, against the float64
// oracle.
#include "support/decode_differential.hpp"

using glint_test::run_decode_cases;

TEST(DecodeDifferential, F32QueryInt8Cache) { run_decode_cases<float, std::int8_t>(3000); }
TEST(DecodeDifferential, F16QueryInt8Cache) { run_decode_cases<glint::half, std::int8_t>(2500); }
TEST(DecodeDifferential, Bf16QueryInt8Cache) { run_decode_cases<glint::bfloat16, std::int8_t>(2500); }
TEST(DecodeDifferential, F32QueryInt4Cache) { run_decode_cases<float, glint::int4x2>(2500); }
TEST(DecodeDifferential, F16QueryInt4Cache) { run_decode_cases<glint::half, glint::int4x2>(1500); }
TEST(DecodeDifferential, Bf16QueryInt4Cache) { run_decode_cases<glint::bfloat16, glint::int4x2>(1500); }

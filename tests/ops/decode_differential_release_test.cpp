// IncreFlashAttention in every form and of every type: ten times the cases of the default run and more.
#include "support/decode_differential.hpp"

using glint_test::run_decode_cases;

TEST(DecodeDifferentialRelease, F32) { run_decode_cases<float, float>(40000); }
TEST(DecodeDifferentialRelease, F32QueryF16Cache) { run_decode_cases<float, glint::half>(15000); }
TEST(DecodeDifferentialRelease, F32QueryBf16Cache) { run_decode_cases<float, glint::bfloat16>(15000); }
TEST(DecodeDifferentialRelease, F16) { run_decode_cases<glint::half, glint::half>(40000); }
TEST(DecodeDifferentialRelease, Bf16) { run_decode_cases<glint::bfloat16, glint::bfloat16>(40000); }
TEST(DecodeDifferentialRelease, F32QueryInt8Cache) { run_decode_cases<float, std::int8_t>(30000); }
TEST(DecodeDifferentialRelease, F16QueryInt8Cache) { run_decode_cases<glint::half, std::int8_t>(30000); }
TEST(DecodeDifferentialRelease, Bf16QueryInt8Cache) { run_decode_cases<glint::bfloat16, std::int8_t>(30000); }
TEST(DecodeDifferentialRelease, F32QueryInt4Cache) { run_decode_cases<float, glint::int4x2>(20000); }
TEST(DecodeDifferentialRelease, F16QueryInt4Cache) { run_decode_cases<glint::half, glint::int4x2>(20000); }
TEST(DecodeDifferentialRelease, Bf16QueryInt4Cache) { run_decode_cases<glint::bfloat16, glint::int4x2>(20000); }

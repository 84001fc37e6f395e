// Written by glint-tune export, from measurements; bench/tune/README.md tells how.
// 2026-11-22, AMD EPYC (family 25, model 17), 1 CPUs, ISA avx512, g++ 12.2.0, flags: -O2 -DNDEBUG
// glint 3413829, 93616c8
// Up to a head_dim, for tensors of a type (of decode: the cache's); what is not here is as built in.
// clang-format off
#pragma once

#include "glint/simd/tuning_table.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace tuned {

static_assert(kFormat == 1, "glint: this tuning table has format 1: export it anew");
inline constexpr Machine kMachine{.name = "amd_zen4", .vendor = "AuthenticAMD", .family = 25, .model = 17};
inline constexpr std::array<Row, 1> kRows{{
    // +6.9 % over the built-in choice, -0.1 % in the worst case of 3
    {.regime = Regime::prefill, .isa = Isa::avx512, .dtype = DType::bf16, .head_dim = 64, .tile = {64, 256, 4}},
}};

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

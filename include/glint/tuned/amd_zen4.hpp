// Written by glint-tune export, from measurements; bench/tune/README.md tells how.
// 2026-11-22, AMD EPYC (family 25, model 17), 1 CPUs, ISA avx512, g++ 12.2.0, flags: -O2 -DNDEBUG
// glint 19d21cb, 700b364
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
    // as built in: nothing is faster
    {.regime = Regime::decode, .isa = Isa::avx512, .dtype = DType::bf16, .head_dim = 128, .decode_split = 1024},
}};

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

// The tables of tuning.cpp.
#pragma once

#include "glint/simd/tuning_table.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace tuned {
inline constexpr Machine kMachine{};

#if GLINT_SHOULD_FAIL == 1
inline constexpr std::array<Row, 2> kRows = {{{.regime = Regime::prefill, .dtype = DType::f32, .head_dim = 128},
                                              {.regime = Regime::prefill, .dtype = DType::f32, .head_dim = 64}}};

#elif GLINT_SHOULD_FAIL == 2
inline constexpr std::array<Row, 1> kRows = {{{.regime = Regime::decode, .dtype = DType::f16, .head_dim = 128}}};

#elif GLINT_SHOULD_FAIL == 3
inline constexpr std::array<Row, 1> kRows = {
    {{.regime = Regime::prefill, .dtype = DType::i8, .head_dim = 128, .tile = {48, 384, 1}}}};

#elif GLINT_SHOULD_FAIL == 4
inline constexpr std::array<Row, 1> kRows = {
    {{.regime = Regime::prefill, .dtype = DType::i8, .head_dim = 128, .tile = {64, 128, 1}}}};

#elif GLINT_SHOULD_FAIL == 5
inline constexpr std::array<Row, 1> kRows = {
    {{.regime = Regime::decode, .dtype = DType::f16, .head_dim = 128, .decode_split = 1000}}};

#elif GLINT_SHOULD_FAIL == 6
static_assert(kFormat == 0, "glint: this tuning table was written for another format: run glint-tune export again");
inline constexpr std::array<Row, 0> kRows{};
#endif

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

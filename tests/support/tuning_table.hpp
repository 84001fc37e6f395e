// A tuning table with a row of each kind, for every instruction set with vectors.  Who includes it says for whose CPU.
#pragma once

#include "glint/simd/tuning_table.hpp"

#ifndef TEST_TABLE_MACHINE
#define TEST_TABLE_MACHINE \
  { .name = "any" }
#endif

namespace glint {
inline namespace GLINT_ABI {
namespace tuned {

static_assert(kFormat == 1);
inline constexpr Machine kMachine TEST_TABLE_MACHINE;

inline constexpr int kRowsForIsa = 5;
inline constexpr auto kRows = [] {
  constexpr std::array<Isa, 3> kIsas{Isa::base, Isa::avx2, Isa::avx512};
  std::array<Row, kIsas.size() * kRowsForIsa> rows{};
  for (std::size_t i = 0; i < kIsas.size(); ++i) {
    Row* const row = rows.data() + i * kRowsForIsa;
    row[0] = {.regime = Regime::prefill, .dtype = DType::f32, .head_dim = 64, .tile = {32, 96, 1}, .block = {3, 2}};
    row[1] = {.regime = Regime::prefill, .dtype = DType::f32, .head_dim = 128, .tile = {64, 40, 1}};
    row[2] = {.regime = Regime::gradient, .dtype = DType::f32, .head_dim = 64, .tile = {64, 96, 1}};
    row[3] = {.regime = Regime::decode, .dtype = DType::f16, .head_dim = 64, .decode_split = 256};
    row[4] = {.regime = Regime::decode, .dtype = DType::f16, .head_dim = 128, .decode_split = 512, .draft_rows = 20};
    for (int r = 0; r < kRowsForIsa; ++r) row[r].isa = kIsas[i];
  }
  return rows;
}();

}  // namespace tuned
}  // namespace GLINT_ABI
}  // namespace glint

// Legal problems of IncreFlashAttention with every kind of cache, to be spoiled.  B = 2, N = 4, N2 = 2, S = 8, D = 6.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "glint/glint.hpp"

namespace {

using glint::Code;
using glint::DType;
using glint::index_t;
namespace kv = glint::kv;
namespace layout = glint::layout;

float memory[8192];
std::int8_t integers[4096];
std::uint8_t bytes[256];
constexpr auto kOneEach = [] {
  std::array<float, 64> ones{};
  ones.fill(1);
  return ones;
}();
const float* const kOnes = kOneEach.data();
const std::int32_t kTable[] = {0, 3, -1, 2, 1, 99};
const index_t kLengths[] = {8, 5}, kRows[] = {8, 3}, kTooLong[] = {8, 13}, kBeyondEntry[] = {8, 4};
const float* const kKeys[] = {memory + 1000, memory + 2000, memory + 3000};
const float* const kNullKeys[] = {memory + 1000, nullptr};
constexpr index_t kHuge = index_t{1} << 61;

using Plain = glint::IncreProblem<float>;
using Padded = glint::IncreProblem<float, kv::LeftPadded<float>>;
using Paged = glint::IncreProblem<float, kv::Paged<float>>;
using List = glint::IncreProblem<float, kv::List<float>>;
using Int8 = glint::IncreProblem<float, kv::Contiguous<std::int8_t>>;

template <class Problem>
Problem operands() {
  Problem p;
  p.q = memory;
  p.out = memory + 4000;
  p.shape = {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = 8, .head_dim = 6};
  return p;
}
template <class Problem>
Problem legal() {
  Problem p = operands<Problem>();
  p.kv.k = memory + 1000;
  p.kv.v = memory + 2000;
  return p;
}
template <>
Paged legal<Paged>() {
  Paged p = operands<Paged>();
  p.kv = {.k = memory + 1000, .v = memory + 2000, .block_table = kTable, .max_blocks = 3, .block_size = 4, .blocks = 4};
  p.kv_lens = kLengths;
  return p;
}
template <>
List legal<List>() {
  List p = operands<List>();
  p.kv = {.k = std::span(kKeys).first(2), .v = std::span(kKeys).last(2), .rows = kRows};
  return p;
}
template <>
Padded legal<Padded>() {
  Padded p = operands<Padded>();
  p.kv = {.k = memory + 1000, .v = memory + 2000, .padding = 1};
  p.kv_lens = kLengths;
  return p;
}
template <>
Int8 legal<Int8>() {
  Int8 p = operands<Int8>();
  p.kv = {.k = integers, .v = integers + 1000};
  p.k_antiquant = p.v_antiquant = {.scale = kOnes, .offset = kOnes};
  return p;
}

template <class Problem>
struct KindOf;
template <class Kv>
struct KindOf<glint::IncreProblem<float, Kv>> {
  using Attend = glint::IncreFlashAttention<layout::BNSD, float, Kv>;
};

template <class Problem>
struct Row {
  const char* name;
  void (*spoil)(Problem&);
  Code code;
  index_t got, want;
};

template <class Problem, std::size_t count>
void expect_rows(const Row<Problem> (&table)[count]) {
  using Attend = typename KindOf<Problem>::Attend;
  for (const Row<Problem>& row : table) {
    Problem p = legal<Problem>();
    ASSERT_TRUE(static_cast<bool>(Attend::check(p))) << row.name << ": " << Attend::check(p).rule;
    ASSERT_TRUE(static_cast<bool>(Attend{}(p))) << row.name << ": " << Attend{}(p).rule;
    row.spoil(p);
    const std::vector<float> untouched(memory, memory + 8192);
    for (const glint::Status& status : {Attend::check(p), Attend{}(p)}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << row.name << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << row.name;
      EXPECT_EQ(status.want, row.want) << row.name;
    }
    EXPECT_TRUE(std::equal(untouched.begin(), untouched.end(), memory)) << row.name;
  }
}

template <class Problem>
struct LegalRow {
  const char* name;
  void (*change)(Problem&);
};
template <class Problem, std::size_t count>
void expect_legal(const LegalRow<Problem> (&table)[count]) {
  for (const LegalRow<Problem>& row : table) {
    Problem p = legal<Problem>();
    row.change(p);
    const glint::Status status = typename KindOf<Problem>::Attend{}(p);
    EXPECT_TRUE(static_cast<bool>(status)) << row.name << ": " << status.rule;
  }
}
}  // namespace

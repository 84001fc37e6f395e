// Legal problems of PromptFlashAttention and IncreFlashAttention with every kind of cache, to be spoiled.  B = 2, N =
// 4, N2 = 2, S1 = 1, S2 = 8, D = 6.
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

// The two operators, whose problems are alike but for a few fields.
struct Incre {
  template <class Kv>
  using problem = glint::IncreProblem<float, Kv>;
};
struct Prompt {
  template <class Kv>
  using problem = glint::PromptProblem<float, Kv>;
};

template <class Problem>
struct KindOf;
template <class Kv>
struct KindOf<glint::IncreProblem<float, Kv>> {
  using Attend = glint::IncreFlashAttention<layout::BNSD, float, Kv>;
};
template <class Kv>
struct KindOf<glint::PromptProblem<float, Kv>> {
  using Attend = glint::PromptFlashAttention<layout::BNSD, float, glint::SparseMode::default_mask, Kv>;
};

template <class Problem>
void take_cache(glint::KvCache<kv::Contiguous<float>>& cache, Problem&) {
  cache = {.k = memory + 1000, .v = memory + 2000};
}
template <class Problem>
void take_cache(glint::KvCache<kv::LeftPadded<float>>& cache, Problem& p) {
  cache = {.k = memory + 1000, .v = memory + 2000, .padding = 1};
  p.kv_lens = kLengths;
}
template <class Problem>
void take_cache(glint::KvCache<kv::Paged<float>>& cache, Problem& p) {
  cache = {
      .k = memory + 1000, .v = memory + 2000, .block_table = kTable, .max_blocks = 3, .block_size = 4, .blocks = 4};
  p.kv_lens = kLengths;
}
template <class Problem>
void take_cache(glint::KvCache<kv::List<float>>& cache, Problem&) {
  cache = {.k = std::span(kKeys).first(2), .v = std::span(kKeys).last(2), .rows = kRows};
}
template <class Problem>
void take_cache(glint::KvCache<kv::Contiguous<std::int8_t>>& cache, Problem& p) {
  cache = {.k = integers, .v = integers + 1000};
  p.k_antiquant = p.v_antiquant = {.scale = kOnes, .offset = kOnes};
}

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
  take_cache(p.kv, p);
  return p;
}

template <class Problem>
struct Row {
  const char* name;
  void (*spoil)(Problem&);
  Code code;
  index_t got, want;
};

template <class Problem>
void expect_refusal(const Problem& p, const Row<Problem>& row) {
  using Attend = typename KindOf<Problem>::Attend;
  const std::vector<float> untouched(memory, memory + 8192);
  for (const glint::Status& status : {Attend::check(p), Attend{}(p)}) {
    EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << row.name << ": " << status.rule;
    EXPECT_EQ(status.got, row.got) << row.name;
    EXPECT_EQ(status.want, row.want) << row.name;
  }
  EXPECT_TRUE(std::equal(untouched.begin(), untouched.end(), memory)) << row.name;
}

template <class Problem, std::size_t count>
void expect_rows(const std::array<Row<Problem>, count>& table) {
  using Attend = typename KindOf<Problem>::Attend;
  for (const Row<Problem>& row : table) {
    Problem p = legal<Problem>();
    ASSERT_TRUE(static_cast<bool>(Attend::check(p))) << row.name << ": " << Attend::check(p).rule;
    ASSERT_TRUE(static_cast<bool>(Attend{}(p))) << row.name << ": " << Attend{}(p).rule;
    row.spoil(p);
    expect_refusal(p, row);
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

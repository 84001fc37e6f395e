// What the typed operators' tables of broken rules share, and the tables of FlashAttentionScore, which its gradient
// must refuse just so.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "glint/glint.hpp"

namespace {

using glint::Code;
using glint::index_t;
using glint::SparseMode;
namespace layout = glint::layout;

float memory[8192];
std::uint8_t bytes[256];
const index_t kSix[] = {6, 6};

using Score = glint::ScoreProblem<float>;

glint::Shape shape(index_t q_len) {
  return {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = q_len, .kv_len = 8, .head_dim = 5};
}
template <class Problem>
Problem legal() {
  Problem p{.q = memory, .k = memory + 500, .v = memory + 1000, .out = memory + 1500};
  p.shape = shape(6);
  return p;
}

template <class Problem>
struct Row {
  const char* name;
  void (*spoil)(Problem&);
  Code code;
  index_t got, want;
};

// `as_asked` makes of a problem the one that `Attend` takes.
template <class Attend, class Problem, std::size_t count, class AsAsked = std::identity>
void expect_rows(const Row<Problem> (&table)[count], const AsAsked& as_asked = {}) {
  for (const Row<Problem>& row : table) {
    Problem p = legal<Problem>();
    ASSERT_TRUE(static_cast<bool>(Attend::check(as_asked(p)))) << row.name << ": " << Attend::check(as_asked(p)).rule;
    row.spoil(p);
    const std::vector<float> untouched(std::begin(memory), std::end(memory));
    for (const glint::Status& status : {Attend::check(as_asked(p)), Attend{}(as_asked(p))}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << row.name << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << row.name;
      EXPECT_EQ(status.want, row.want) << row.name;
    }
    EXPECT_TRUE(std::equal(untouched.begin(), untouched.end(), memory)) << row.name;
  }
}

constexpr Row<Score> kScore[] = {
    {"batch", [](Score& p) { p.shape.batch = -1; }, Code::extent_negative, -1, 0},
    {"q_len", [](Score& p) { p.shape.q_len = -1; }, Code::extent_negative, -1, 0},
    {"kv_len", [](Score& p) { p.shape.kv_len = -1; }, Code::extent_negative, -1, 0},
    {"heads 0", [](Score& p) { p.shape.heads = 0; }, Code::head_num_not_positive, 0, 1},
    {"kv_heads -2", [](Score& p) { p.shape.kv_heads = -2; }, Code::head_num_not_positive, -2, 1},
    {"heads % kv_heads", [](Score& p) { p.shape.kv_heads = 3; }, Code::heads_not_divisible, 4, 3},
    {"head_dim 0", [](Score& p) { p.shape.head_dim = 0; }, Code::head_dim_not_positive, 0, 1},
    {"value_dim -1", [](Score& p) { p.shape.value_dim = -1; }, Code::head_dim_not_positive, -1, 1},
    {"null query", [](Score& p) { p.q = nullptr; }, Code::null_query, 0, 1},
    {"null key", [](Score& p) { p.k = nullptr; }, Code::null_key, 0, 1},
    {"null value", [](Score& p) { p.v = nullptr; }, Code::null_value, 0, 1},
    {"null out", [](Score& p) { p.out = nullptr; }, Code::null_output, 0, 1},
    {"out is q", [](Score& p) { p.q = p.out; }, Code::output_overlaps_input, 1, 0},
    {"lse is k", [](Score& p) { p.lse = const_cast<float*>(p.k); }, Code::output_overlaps_input, 1, 0},
    {"prefix in mode 0", [](Score& p) { p.prefix = kSix; }, Code::prefix_unexpected, 2, 0},
    {"lists", [](Score& p) { p.q_ends = kSix; }, Code::sequence_lists_unexpected, 2, 0},
    {"slopes with pse_type 1", [](Score& p) { p.slopes = {memory}; }, Code::pse_unexpected, 1, 2},
    {"pse with pse_type 2",
     [](Score& p) {
       p.pse = {memory, glint::DType::f32, 1, 1, 6, 8};
       p.pse_type = 2;
     },
     Code::pse_unexpected, 2, 1},
    {"pse of half", [](Score& p) { p.pse = {memory, glint::DType::f16, 1, 1, 6, 8}; }, Code::dtype_pse, 2, 1},
    {"drop_mask with keep_prob 1",
     [](Score& p) {
       p.dropout.mask = {bytes, 48};
     },
     Code::drop_mask_unexpected, 48, 0},
    {"mask of int8", [](Score& p) { p.attn_mask = {bytes, 1, 1, 6, 8, glint::DType::i8}; }, Code::dtype_mask, 4, 6},
    {"mask of half", [](Score& p) { p.attn_mask = {bytes, 1, 1, 6, 8, glint::DType::f16}; }, Code::dtype_mask, 2, 6},
    {"statistics 0 times", [](Score& p) { p.stats_repeat = 0; }, Code::stats_shape_mismatch, 0, 1},
    {"keep_prob without a source", [](Score& p) { p.dropout.keep_prob = 0.5; }, Code::drop_mask_missing, 0, 1},
};

// Row, head and batch strides: inputs may repeat heads, an output may not fold two rows onto each other.
constexpr Row<Score> kScoreStrides[] = {
    {"q",
     [](Score& p) {
       p.q_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
    {"k",
     [](Score& p) {
       p.k_strides = {120, 40, 4};
     },
     Code::strides_too_small, 4, 5},
    {"v",
     [](Score& p) {
       p.v_strides = {120, 40, 4};
     },
     Code::strides_too_small, 4, 5},
    {"out",
     [](Score& p) {
       p.out_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
};

}  // namespace

// The typed functors check by the same rules as the run-time door; here are the conditions that only they can meet, and
// those whose rule differs (operators C36 and 12.1): the sparse mode is authoritative.
#include <gtest/gtest.h>

#include <vector>

#include "glint/glint.hpp"

namespace {

using glint::Code;
using glint::index_t;
using glint::SparseMode;
namespace layout = glint::layout;

float memory[4096];
std::uint8_t bytes[256];
const index_t kSix[] = {6, 6};

using Score = glint::ScoreProblem<float>;
using Prompt = glint::PromptProblem<float>;
using Incre = glint::IncreProblem<float>;

glint::Shape shape(index_t q_len) {
  return {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = q_len, .kv_len = 8, .head_dim = 5};
}
template <class Problem>
Problem legal() {
  Problem p{.q = memory, .k = memory + 500, .v = memory + 1000, .out = memory + 1500};
  p.shape = shape(6);
  return p;
}
template <>
Prompt legal<Prompt>() {
  return {.q = memory, .kv = {.k = memory + 500, .v = memory + 1000}, .out = memory + 1500, .shape = shape(6)};
}
template <>
Incre legal<Incre>() {
  return {.q = memory, .kv = {.k = memory + 500, .v = memory + 1000}, .out = memory + 1500, .shape = shape(1)};
}

template <class Problem>
struct Row {
  const char* name;
  void (*spoil)(Problem&);
  Code code;
  index_t got, want;
};

template <class Attend, class Problem, std::size_t count>
void expect_rows(
    const Row<Problem> (&table)[count], void (*before)(Problem&) = [](Problem&) {}) {
  for (const Row<Problem>& row : table) {
    Problem p = legal<Problem>();
    before(p);
    ASSERT_TRUE(static_cast<bool>(Attend::check(p))) << row.name << ": " << Attend::check(p).rule;
    row.spoil(p);
    const std::vector<float> untouched(memory, memory + 4096);
    for (const glint::Status& status : {Attend::check(p), Attend{}(p)}) {
      EXPECT_EQ(static_cast<int>(status.code), static_cast<int>(row.code)) << row.name << ": " << status.rule;
      EXPECT_EQ(status.got, row.got) << row.name;
      EXPECT_EQ(status.want, row.want) << row.name;
    }
    EXPECT_TRUE(std::equal(untouched.begin(), untouched.end(), memory)) << row.name;
  }
}

constexpr Row<Score> kShapes[] = {
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
    {"keep_prob without a source", [](Score& p) { p.dropout.keep_prob = 0.5; }, Code::drop_mask_missing, 0, 1},
};
TEST(TypedScore, Refuses) { expect_rows<glint::FlashAttentionScore<layout::BNSD, float>>(kShapes); }

// Row, head and batch strides: inputs may repeat heads, an output may not fold two rows onto each other.
constexpr Row<Score> kRowStrides[] = {
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
TEST(TypedScore, RefusesStridesThatAreTooSmall) {
  expect_rows<glint::FlashAttentionScore<layout::BNSD, float>>(kRowStrides);
}
TEST(TypedScore, RefusesAnOutputFoldedOntoItself) {
  const glint::Strides folded[] = {{120, 0, 5}, {0, 30, 5}, {120, 29, 5}, {119, 30, 5}, {120, 4, 20}};
  for (const glint::Strides& strides : folded) {
    Score p = legal<Score>();
    p.out_strides = strides;
    const auto status = glint::FlashAttentionScore<layout::BNSD, float>::check(p);
    EXPECT_EQ(status.code, Code::strides_overlap) << strides.batch << " " << strides.head << " " << strides.row;
  }
}
TEST(TypedScore, TakesStridesOfEveryOrder) {
  const glint::Strides apart[] = {{120, 30, 5}, {120, 5, 20}, {20, 5, 40}, {5, 60, 10}, {400, 80, 13}};
  for (const glint::Strides& strides : apart) {
    Score p = legal<Score>();
    p.out_strides = strides;
    const auto status = glint::FlashAttentionScore<layout::BNSD, float>::check(p);
    EXPECT_TRUE(static_cast<bool>(status)) << status.rule << strides.batch << " " << strides.head << " " << strides.row;
  }
  Score p = legal<Score>();
  p.k_strides = p.v_strides = {0, 0, 5};  // one cache for all
  EXPECT_TRUE(static_cast<bool>(glint::FlashAttentionScore<layout::BNSD, float>::check(p)));
}

template <SparseMode mode>
Code code_with_mask(Score p, bool masked) {
  if (masked) p.attn_mask = {bytes, 1, 1, 6, 8};
  return glint::FlashAttentionScore<layout::BNSD, float, mode>::check(p).code;
}
TEST(TypedScore, TheModeSaysWhetherAMaskIsRead) {
  const Score p = legal<Score>();
  EXPECT_EQ(code_with_mask<SparseMode::default_mask>(p, false), Code::ok);
  EXPECT_EQ(code_with_mask<SparseMode::default_mask>(p, true), Code::ok);
  EXPECT_EQ(code_with_mask<SparseMode::all_mask>(p, false), Code::mask_missing);
  EXPECT_EQ(code_with_mask<SparseMode::all_mask>(p, true), Code::ok);
  EXPECT_EQ(code_with_mask<SparseMode::prefix>(p, false), Code::mask_missing);
  EXPECT_EQ(code_with_mask<SparseMode::prefix>(p, true), Code::ok);
  EXPECT_EQ(code_with_mask<SparseMode::left_up_causal>(p, true), Code::mask_unexpected);
  EXPECT_EQ(code_with_mask<SparseMode::right_down_causal>(p, true), Code::mask_unexpected);
  EXPECT_EQ(code_with_mask<SparseMode::band>(p, true), Code::mask_unexpected);
  EXPECT_EQ(code_with_mask<SparseMode::right_down_causal>(p, false), Code::ok);
  EXPECT_EQ(code_with_mask<SparseMode::prefix_compressed>(p, false), Code::prefix_missing);
  EXPECT_EQ(code_with_mask<SparseMode::varlen_band_left_up>(p, false), Code::sparse_mode_not_for_layout);
  EXPECT_EQ(
      (glint::PromptFlashAttention<layout::BNSD, float, SparseMode::prefix_compressed>::check(legal<Prompt>()).code),
      Code::sparse_mode_not_for_operator);
}

TEST(TypedScore, TndTakesItsBatchFromTheLists) {
  using Attend = glint::FlashAttentionScore<layout::TND, float>;
  Score p = legal<Score>();
  p.q_ends = p.kv_ends = kSix;
  p.shape.batch = 0;
  EXPECT_EQ(Attend::check(p).code, Code::ok);
  p.shape.batch = 2;
  EXPECT_EQ(Attend::check(p).code, Code::ok);
  p.shape.batch = 3;
  EXPECT_EQ(Attend::check(p).code, Code::batch_mismatch);
}

constexpr Row<Prompt> kPrompt[] = {
    {"strides of q",
     [](Prompt& p) {
       p.q_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
    {"strides of out",
     [](Prompt& p) {
       p.out_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
    {"mask with heads",
     [](Prompt& p) {
       p.attn_mask = {bytes, 1, 4, 6, 8};
     },
     Code::mask_shape, 4, 1},
    {"mask of int32", [](Prompt& p) { p.attn_mask = {bytes, 1, 1, 6, 8, glint::DType::i32}; }, Code::dtype_mask, 7, 6},
    {"mask of no type", [](Prompt& p) { p.attn_mask = {bytes, 1, 1, 6, 8, glint::DType::none}; }, Code::dtype_mask, 0,
     6},
    {"out is the last number of a mask",
     [](Prompt& p) { p.attn_mask = {reinterpret_cast<std::uint8_t*>(p.out - 47), 1, 1, 6, 8, glint::DType::f32}; },
     Code::output_overlaps_input, 1, 0},
    {"a flat pse", [](Prompt& p) { p.pse_shift = {memory, glint::DType::f32, 1, 1, 6, 8, glint::PseForm::compressed}; },
     Code::pse_shape, 1, 0},
    {"inner_precise", [](Prompt& p) { p.inner_precise = 4; }, Code::inner_precise_range, 4, 3},
};
TEST(TypedPrompt, Refuses) { expect_rows<glint::PromptFlashAttention<layout::BNSD, float>>(kPrompt); }

constexpr Row<Incre> kIncre[] = {
    {"q_len", [](Incre& p) { p.shape.q_len = 0; }, Code::query_not_one_token, 0, 1},
    {"strides of k",
     [](Incre& p) {
       p.kv.k_strides = {120, 40, 4};
     },
     Code::strides_too_small, 4, 5},
    {"strides of v",
     [](Incre& p) {
       p.kv.v_strides = {120, 40, 4};
     },
     Code::strides_too_small, 4, 5},
    {"mask rows",
     [](Incre& p) {
       p.attn_mask = {bytes, 1, 1, 2, 8};
     },
     Code::mask_shape, 2, 1},
    {"mask of half", [](Incre& p) { p.attn_mask = {bytes, 1, 1, 1, 8, glint::DType::f16}; }, Code::dtype_mask, 2, 6},
    {"lengths", [](Incre& p) { p.kv_lens = kSix, p.shape.kv_len = 5; }, Code::length_range, 6, 5},
    {"null key", [](Incre& p) { p.kv.k = nullptr; }, Code::null_key, 0, 1},
    {"out is v", [](Incre& p) { p.kv.v = p.out; }, Code::output_overlaps_input, 1, 0},
};
TEST(TypedIncre, Refuses) { expect_rows<glint::IncreFlashAttention<layout::BNSD, float>>(kIncre); }

TEST(TypedPrompt, KnowsItsLayouts) {
  EXPECT_EQ((glint::PromptFlashAttention<layout::SBH, float>::check(legal<Prompt>()).code),
            Code::layout_not_for_operator);
  EXPECT_EQ((glint::PromptFlashAttention<layout::TND, float>::check(legal<Prompt>()).code),
            Code::sequence_lists_missing);
  EXPECT_EQ((glint::IncreFlashAttention<layout::SBH, float>::check(legal<Incre>()).code),
            Code::layout_not_for_operator);
  EXPECT_EQ((glint::IncreFlashAttention<layout::BSND, float>::check(legal<Incre>()).code), Code::ok);
}

}  // namespace

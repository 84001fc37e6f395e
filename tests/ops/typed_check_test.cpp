// The typed functors check by the same rules as the run-time door; here are the conditions that only they can meet, and
// those whose rule differs (operators C36 and 12.1): the sparse mode is authoritative.
#include "ops/typed_rows.hpp"

namespace {

using Prompt = glint::PromptProblem<float>;
using Incre = glint::IncreProblem<float>;

template <>
Prompt legal<Prompt>() {
  return {.q = memory, .kv = {.k = memory + 500, .v = memory + 1000}, .out = memory + 1500, .shape = shape(6)};
}
template <>
Incre legal<Incre>() {
  return {.q = memory, .kv = {.k = memory + 500, .v = memory + 1000}, .out = memory + 1500, .shape = shape(1)};
}

TEST(TypedScore, Refuses) { expect_rows<glint::FlashAttentionScore<layout::BNSD, float>>(kScore); }
TEST(TypedScore, RefusesStridesThatAreTooSmall) {
  expect_rows<glint::FlashAttentionScore<layout::BNSD, float>>(kScoreStrides);
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

// Every rule that a problem of the typed PromptFlashAttention can break without a run-time reader.
#include "ops/inference_problem_rows.hpp"

namespace {

using glint::SparseMode;
using Plain = Prompt::problem<kv::Contiguous<float>>;
using Padded = Prompt::problem<kv::LeftPadded<float>>;
using Paged = Prompt::problem<kv::Paged<float>>;
using List = Prompt::problem<kv::List<float>>;
using Bytes = glint::PromptProblem<std::int8_t>;

template <class LayoutTag, SparseMode mode = SparseMode::default_mask>
using Attend = glint::PromptFlashAttention<LayoutTag, float, mode>;

TEST(TypedPromptCheck, Outputs) { expect_rows(output_rows<Prompt>()); }
TEST(TypedPromptCheck, Options) { expect_rows(option_rows<Prompt>()); }
TEST(TypedPromptCheck, LeftPadding) { expect_rows(padding_rows<Prompt>()); }
TEST(TypedPromptCheck, Pages) { expect_rows(page_rows<Prompt>()); }
TEST(TypedPromptCheck, Lists) { expect_rows(list_rows<Prompt>()); }
TEST(TypedPromptCheck, Factors) { expect_rows(factor_rows<Prompt>()); }

const index_t kOne[] = {1, 1}, kNegative[] = {1, -1}, kTwo[] = {2}, kFew[] = {1, 1, 9};

TEST(TypedPromptCheck, Queries) {
  expect_rows(std::array{
      Row<Plain>{"a length below 0", [](Plain& p) { p.q_lens = kNegative; }, Code::length_range, -1, 0},
      Row<Plain>{"a length beyond the rows", [](Plain& p) { p.q_lens = kTwo; }, Code::length_range, 2, 1},
      Row<Plain>{"two lengths for three entries", [](Plain& p) { p.shape.batch = 3, p.q_lens = kOne; },
                 Code::lengths_size, 2, 3},
      Row<Plain>{"inner_precise 4", [](Plain& p) { p.inner_precise = 4; }, Code::inner_precise_range, 4, 3},
      Row<Plain>{"a scale of NaN", [](Plain& p) { p.scale = __builtin_nanf(""); }, Code::scale_not_finite, 0, 1},
      Row<Plain>{"scales of an int8 query", [](Plain& p) { p.int8.quant1 = 1.0f; }, Code::int8_scale_unexpected, 1, 4},
      Row<Plain>{"next_tokens below 0",
                 [](Plain& p) {
                   p.attn_mask = {bytes, 1, 1, 1, 8}, p.next_tokens = -1;
                 },
                 Code::tokens_next_outside, 1, 1},
      Row<Plain>{"pre_tokens below 0",
                 [](Plain& p) {
                   p.attn_mask = {bytes, 1, 1, 1, 8}, p.pre_tokens = -8, p.next_tokens = 8;
                 },
                 Code::tokens_pre_outside, 8, 8},
  });
}

// The mode is a template argument and says whether a mask is read.
template <SparseMode mode>
Code code_in_mode(bool masked, index_t pre = 0, index_t next = 0) {
  auto p = legal<Plain>();
  if (masked) p.attn_mask = {bytes, 1, 1, 1, 8};
  p.pre_tokens = pre, p.next_tokens = next;
  return Attend<layout::BNSD, mode>::check(p).code;
}
TEST(TypedPromptCheck, Modes) {
  EXPECT_EQ(code_in_mode<SparseMode::default_mask>(false, -9, -9), Code::ok);
  EXPECT_EQ(code_in_mode<SparseMode::default_mask>(true, -9, -9), Code::tokens_both_negative);
  EXPECT_EQ(code_in_mode<SparseMode::default_mask>(true, 2, -3), Code::tokens_empty_band);
  EXPECT_EQ(code_in_mode<SparseMode::all_mask>(false), Code::mask_missing);
  EXPECT_EQ(code_in_mode<SparseMode::all_mask>(true, -9, -9), Code::ok);
  EXPECT_EQ(code_in_mode<SparseMode::left_up_causal>(true), Code::mask_unexpected);
  EXPECT_EQ(code_in_mode<SparseMode::left_up_causal>(false, -9, -9), Code::ok);
  EXPECT_EQ(code_in_mode<SparseMode::right_down_causal>(true), Code::mask_unexpected);
  EXPECT_EQ(code_in_mode<SparseMode::right_down_causal>(false, -9, -9), Code::ok);
  EXPECT_EQ(code_in_mode<SparseMode::band>(true), Code::mask_unexpected);
  EXPECT_EQ(code_in_mode<SparseMode::band>(false, -9, -9), Code::tokens_both_negative);
  EXPECT_EQ(code_in_mode<SparseMode::band>(false, 2, -3), Code::tokens_empty_band);
  EXPECT_EQ(code_in_mode<SparseMode::band>(false, -20, 20), Code::ok);  // 12.19: bounds are those of mode 0 alone
  EXPECT_EQ(code_in_mode<SparseMode::prefix>(true), Code::sparse_mode_not_for_operator);
  EXPECT_EQ(code_in_mode<SparseMode::varlen_band_left_up>(false), Code::sparse_mode_not_for_operator);
}

// Sequences of 1 row each.
Plain ragged() {
  static const index_t q_ends[] = {1, 2}, kv_ends[] = {3, 8};
  auto p = legal<Plain>();
  p.shape.batch = 0, p.shape.q_len = 2;
  p.q_lens = q_ends, p.kv_lens = kv_ends;
  return p;
}

TEST(TypedPromptCheck, Tnd) {
  using Ragged = Attend<layout::TND>;
  const auto code = [](void (*spoil)(Plain&)) {
    Plain p = ragged();
    spoil(p);
    EXPECT_EQ(Ragged::check(p).code, Ragged{}(p).code);
    return Ragged::check(p).code;
  };
  EXPECT_EQ(code([](Plain&) {}), Code::ok);
  EXPECT_EQ(code([](Plain& p) { p.shape.batch = 2; }), Code::ok);
  EXPECT_EQ(code([](Plain& p) { p.shape.batch = 3; }), Code::batch_mismatch);
  EXPECT_EQ(code([](Plain& p) { p.shape.batch = -1; }), Code::batch_mismatch);
  EXPECT_EQ(code([](Plain& p) { p.q_lens = {}; }), Code::sequence_lists_missing);
  EXPECT_EQ(code([](Plain& p) { p.kv_lens = {}; }), Code::sequence_lists_missing);
  EXPECT_EQ(code([](Plain& p) { p.kv_lens = p.kv_lens.first(1); }), Code::sequence_lists_differ);
  EXPECT_EQ(code([](Plain& p) { p.q_lens = kNegative; }), Code::sequence_list_decreasing);
  EXPECT_EQ(code([](Plain& p) { p.kv_lens = kTooLong; }), Code::sequence_list_total);
  EXPECT_EQ(code([](Plain& p) { p.q_padding = 0; }), Code::query_padding_not_for_layout);
}

// Lengths of T rows times sequences of all lengths are no number of scores.
TEST(TypedPromptCheck, TndCountsEveryRowOnce) {
  static const std::vector<index_t> q_ends(4096, 2), kv_ends(4096, 8);
  Plain p = ragged();
  p.q_lens = q_ends, p.kv_lens = kv_ends;
  p.shape = {.heads = 128, .kv_heads = 128, .q_len = 1 << 21, .kv_len = 1 << 21, .head_dim = 6};
  EXPECT_EQ(Attend<layout::TND>::check(p).code, Code::output_overlaps_input);  // which comes after all shapes
}

template <class Problem, class LayoutTag>
glint::Status check_in(Problem p) {
  using Kv = std::conditional_t<std::is_same_v<Problem, Padded>, kv::LeftPadded<float>,
                                std::conditional_t<std::is_same_v<Problem, List>, kv::List<float>, kv::Paged<float>>>;
  return glint::PromptFlashAttention<LayoutTag, float, SparseMode::default_mask, Kv>::check(p);
}
template <class Problem>
Problem ragged_over() {
  auto p = legal<Problem>();
  p.q_lens = kOne, p.kv_lens = kLengths;
  return p;
}
TEST(TypedPromptCheck, TndTakesOneTensorOrPages) {
  EXPECT_EQ((check_in<Padded, layout::TND>(ragged_over<Padded>()).code), Code::cache_not_for_layout);
  EXPECT_EQ((check_in<List, layout::TND>(ragged_over<List>()).code), Code::cache_not_for_layout);
  EXPECT_EQ((check_in<Paged, layout::TND>(ragged_over<Paged>()).code), Code::ok);
  EXPECT_EQ((check_in<Paged, layout::SBH>(legal<Paged>()).code), Code::layout_not_for_operator);
}

template <>
struct KindOf<Bytes> {
  using Attend = glint::PromptFlashAttention<layout::BNSD, std::int8_t>;
};
template <>
Bytes legal<Bytes>() {
  Bytes p;
  p.q = integers, p.kv = {.k = integers + 1000, .v = integers + 2000};
  p.out = reinterpret_cast<glint::half*>(memory + 4000);
  p.shape = {.batch = 2, .heads = 4, .kv_heads = 2, .q_len = 1, .kv_len = 8, .head_dim = 6};
  p.int8 = {1.0f, 127.0f, 1.0f};
  return p;
}
TEST(TypedPromptCheck, Int8) {
  expect_rows(std::array{
      Row<Bytes>{"no dequant1", [](Bytes& p) { p.int8.dequant1.reset(); }, Code::int8_scale_missing, 0, 1},
      Row<Bytes>{"no quant1", [](Bytes& p) { p.int8.quant1.reset(); }, Code::int8_scale_missing, 0, 1},
      Row<Bytes>{"no dequant2", [](Bytes& p) { p.int8.dequant2.reset(); }, Code::int8_scale_missing, 0, 1},
      Row<Bytes>{"dequant1 0", [](Bytes& p) { p.int8.dequant1 = 0.0f; }, Code::int8_scale_value, 0, 1},
      Row<Bytes>{"quant1 beyond half", [](Bytes& p) { p.int8.quant1 = 1e5f; }, Code::int8_scale_value, 0, 1},
      Row<Bytes>{"dequant2 Inf", [](Bytes& p) { p.int8.dequant2 = __builtin_inff(); }, Code::int8_scale_value, 0, 1},
      Row<Bytes>{"a scale beyond half", [](Bytes& p) { p.scale = 1e5f; }, Code::scale_not_finite, 0, 1},
      Row<Bytes>{"a sink", [](Bytes& p) { p.learnable_sink = p.out - 8; }, Code::int8_with_sink, 1, 0},
      Row<Bytes>{"rope parts", [](Bytes& p) { p.q_rope = p.kv.k_rope = integers + 3000, p.rope_dim = 2; },
                 Code::rope_with_integers, 4, 2},
      Row<Bytes>{"antiquant factors", [](Bytes& p) { p.k_antiquant.scale = kOnes; }, Code::antiquant_unexpected, 4, 2},
      Row<Bytes>{"a bias of float", [](Bytes& p) { p.pse_shift = {memory, DType::f32, 1, 1, 1, 8}; }, Code::dtype_pse,
                 1, 2},
      Row<Bytes>{"int8 output without factors",
                 [](Bytes& p) { p.out = nullptr, p.out_int8 = reinterpret_cast<std::int8_t*>(memory + 4000); },
                 Code::post_quant_missing, 0, 1},
  });
}

TEST(TypedPromptCheck, WhatIsLegal) {
  expect_legal<Plain>({
      {"one length for all", [](Plain& p) { p.q_lens = std::span(kOne).first(1); }},
      {"more lengths than entries", [](Plain& p) { p.q_lens = kFew; }},
      {"padded queries that start below 0", [](Plain& p) { p.q_lens = kOne, p.q_padding = 5; }},
      {"padding below 0", [](Plain& p) { p.q_lens = kOne, p.q_padding = -5; }},
      {"padding without lengths", [](Plain& p) { p.q_padding = 5; }},
      {"no query rows", [](Plain& p) { p.shape.q_len = 0, p.q = nullptr, p.out = nullptr; }},
      {"a batch of none", [](Plain& p) { p.shape.batch = 0, p.q = nullptr, p.out = nullptr; }},
      {"no cache", [](Plain& p) { p.shape.kv_len = 0, p.kv.k = p.kv.v = nullptr; }},
      {"inner_precise 3", [](Plain& p) { p.inner_precise = 3; }},
      {"a mask of floats", [](Plain& p) { p.attn_mask = {bytes, 2, 1, 1, 8, DType::f32}; }},
  });
  expect_legal<Padded>({
      {"tokens that padding switches off",
       [](Padded& p) {
         p.attn_mask = {bytes, 1, 1, 1, 8}, p.pre_tokens = p.next_tokens = -1;
       }},
  });
  expect_legal<Bytes>({{"negative scales", [](Bytes& p) { p.int8 = {-1.0f, -127.0f, -1.0f}; }}});
}

TEST(TypedPromptCheck, Int4NeedsEvenHeadSizes) {
  using Int4 = glint::PromptProblem<float, kv::Contiguous<glint::int4x2>>;
  Int4 p = operands<Int4>();
  p.kv.k = p.kv.v = reinterpret_cast<const glint::int4x2*>(bytes);
  p.k_antiquant = p.v_antiquant = {.scale = kOnes, .single = true};
  p.shape.head_dim = 5;
  EXPECT_EQ(KindOf<Int4>::Attend::check(p).code, Code::int4_head_dim_odd);
}

}  // namespace

// Every documented illegal input of prompt_flash_attention and incre_flash_attention has its own code, and leaves every
// byte as it was.
#include "dispatch/inference_rows.hpp"

namespace bad_input {
namespace {

template <class Fixture>
Fixture strict() {
  Fixture f = plain<Fixture>();
  f.call.limits = glint::Limits::ascend;
  return f;
}

TEST(PromptBadInput, LikeIncre) { expect_rows(alike<Prompt>()); }
TEST(IncreBadInput, LikePrompt) { expect_rows(alike<Incre>()); }

template <class Fixture>
void give(Fixture& f, glint::TensorRef& tensor) {
  tensor = {f.call.query.data, DType::f32, {1}};
}

TEST(PromptBadInput, OnlyPrompt) {
  expect_rows(std::array{
      Row<Prompt>{"sparse_mode -1", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = -1; },
                  Code::sparse_mode_unknown, -1},
      Row<Prompt>{"sparse_mode 9", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = 9; }, Code::sparse_mode_unknown,
                  9, 8},
      Row<Prompt>{"sparse_mode 5", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = 5; },
                  Code::sparse_mode_not_for_operator, 5, 4},
      Row<Prompt>{"sparse_mode 8", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = 8; },
                  Code::sparse_mode_not_for_operator, 8, 4},
      Row<Prompt>{"mode 1 without mask", all_mask, [](Prompt& f) { f.call.attn_mask = {}; }, Code::mask_missing, 0, 1},
      Row<Prompt>{"mode 2 without mask", triangle, [](Prompt& f) { f.call.attn_mask = {}; }, Code::mask_missing, 0, 1},
      Row<Prompt>{"mode 4 without mask", band, [](Prompt& f) { f.call.attn_mask = {}; }, Code::mask_missing, 0, 1},
      Row<Prompt>{"mode 2 with a full mask", triangle,
                  [](Prompt& f) {
                    f.call.attn_mask.shape = {6, 8};
                  },
                  Code::mask_not_compressed, 6, 2048},
      Row<Prompt>{"compressed mask of int32", triangle, [](Prompt& f) { f.call.attn_mask.dtype = DType::i32; },
                  Code::dtype_mask, 7, 6},
      Row<Prompt>{"mode 0 with the compressed tag", plain<Prompt>,
                  [](Prompt& f) { f.call.attn_mask_compressed = true; }, Code::mask_missing, 0, 1},
      Row<Prompt>{"mask (B,S2) with six rows", masked<Prompt>,
                  [](Prompt& f) {
                    f.call.attn_mask.shape = {2, 8};
                  },
                  Code::mask_shape, 2, 6},
      Row<Prompt>{"pse_shift rows", biased<Prompt>, [](Prompt& f) { f.call.pse_shift.shape.extent[2] = 5; },
                  Code::pse_shape, 5, 6},
      Row<Prompt>{"both tokens negative", masked<Prompt>,
                  [](Prompt& f) { f.call.pre_tokens = -1, f.call.next_tokens = -1; }, Code::tokens_both_negative, -1,
                  0},
      Row<Prompt>{"-next > pre", masked<Prompt>, [](Prompt& f) { f.call.pre_tokens = 2, f.call.next_tokens = -3; },
                  Code::tokens_empty_band},
      Row<Prompt>{"|next| = S1", masked<Prompt>, [](Prompt& f) { f.call.next_tokens = -6; }, Code::tokens_next_outside,
                  6, 6},
      Row<Prompt>{"|pre| = S2", masked<Prompt>, [](Prompt& f) { f.call.pre_tokens = -8, f.call.next_tokens = 8; },
                  Code::tokens_pre_outside, 8, 8},
      Row<Prompt>{"|pre| = an actual kv length", masked<Prompt>,
                  [](Prompt& f) {
                    f.call.pre_tokens = -5, f.call.next_tokens = 8, f.kv_lens = {8, 5};
                  },
                  Code::tokens_pre_outside, 5, 5},
      Row<Prompt>{"|next| = an actual q length", masked<Prompt>,
                  [](Prompt& f) {
                    f.call.next_tokens = -4, f.q_lens = {6, 4};
                  },
                  Code::tokens_next_outside, 4, 4},
      Row<Prompt>{"band, both negative", band, [](Prompt& f) { f.call.pre_tokens = f.call.next_tokens = -1; },
                  Code::tokens_both_negative, -1, 0},
      Row<Prompt>{"band, empty", band, [](Prompt& f) { f.call.pre_tokens = 2, f.call.next_tokens = -3; },
                  Code::tokens_empty_band},
      Row<Prompt>{"inner_precise 4", plain<Prompt>, [](Prompt& f) { f.call.inner_precise = 4; },
                  Code::inner_precise_range, 4, 3},
      Row<Prompt>{"negative q length", plain<Prompt>,
                  [](Prompt& f) {
                    f.q_lens = {-1, 6};
                  },
                  Code::length_range, -1, 0},
      Row<Prompt>{"q length beyond S1", plain<Prompt>,
                  [](Prompt& f) {
                    f.q_lens = {6, 7};
                  },
                  Code::length_range, 7, 6},
      Row<Prompt>{"deq_scale1", plain<Prompt>, [](Prompt& f) { give(f, f.call.deq_scale1); },
                  Code::not_supported_quantization, 1, 0},
      Row<Prompt>{"quant_scale1", plain<Prompt>, [](Prompt& f) { give(f, f.call.quant_scale1); },
                  Code::not_supported_quantization, 1, 0},
      Row<Prompt>{"deq_scale2", plain<Prompt>, [](Prompt& f) { give(f, f.call.deq_scale2); },
                  Code::not_supported_quantization, 1, 0},
      Row<Prompt>{"quant_scale2", plain<Prompt>, [](Prompt& f) { give(f, f.call.quant_scale2); },
                  Code::not_supported_quantization, 1, 0},
      Row<Prompt>{"quant_offset2", plain<Prompt>, [](Prompt& f) { give(f, f.call.quant_offset2); },
                  Code::not_supported_quantization, 1, 0},
  });
}

constexpr LegalRow<Prompt> kLegalPrompt[] = {
    {"BSH", bsh<Prompt>, [](Prompt&) {}},
    {"no mask, any tokens", plain<Prompt>, [](Prompt& f) { f.call.pre_tokens = f.call.next_tokens = -65536; }},
    {"mask (S1,S2)", masked<Prompt>,
     [](Prompt& f) {
       f.call.attn_mask.shape = {6, 8};
     }},
    {"mask (1,S1,S2)", masked<Prompt>,
     [](Prompt& f) {
       f.call.attn_mask.shape = {1, 6, 8};
     }},
    {"mask (B,S1,S2)", masked<Prompt>,
     [](Prompt& f) {
       f.call.attn_mask.shape = {2, 6, 8};
     }},
    {"mask (1,1,S1,S2)", masked<Prompt>,
     [](Prompt& f) {
       f.call.attn_mask.shape = {1, 1, 6, 8};
     }},
    {"mask (B,S2), one row", one_row, [](Prompt&) {}},
    {"mask (S1,S2), one row", one_row,
     [](Prompt& f) {
       f.call.attn_mask.shape = {1, 8};
     }},
    {"mask int8", masked<Prompt>, [](Prompt& f) { f.call.attn_mask.dtype = DType::i8; }},
    {"mask float16", masked<Prompt>, [](Prompt& f) { f.call.attn_mask.dtype = DType::f16; }},
    {"mask bfloat16", masked<Prompt>, [](Prompt& f) { f.call.attn_mask.dtype = DType::bf16; }},
    {"mask float32", masked<Prompt>, [](Prompt& f) { f.call.attn_mask.dtype = DType::f32; }},
    {"compressed mask float16", triangle, [](Prompt& f) { f.call.attn_mask.dtype = DType::f16; }},
    {"compressed mask int8", triangle, [](Prompt& f) { f.call.attn_mask.dtype = DType::i8; }},
    {"compressed mask (1,1,..)", band,
     [](Prompt& f) {
       f.call.attn_mask.shape = {1, 1, 2048, 2048};
     }},
    {"|next| = S1 - 1", masked<Prompt>, [](Prompt& f) { f.call.next_tokens = -5; }},
    {"|pre| = S2 - 1", masked<Prompt>, [](Prompt& f) { f.call.pre_tokens = -7, f.call.next_tokens = 7; }},
    {"the widest tokens", band, [](Prompt& f) { f.call.pre_tokens = f.call.next_tokens = INT64_MAX; }},
    {"lengths 0 and S", plain<Prompt>,
     [](Prompt& f) {
       f.q_lens = {0, 6}, f.kv_lens = {8, 0};
     }},
    {"one length for all", plain<Prompt>, [](Prompt& f) { f.q_lens = {3}, f.kv_lens = {5}; }},
    {"more lengths than entries", plain<Prompt>,
     [](Prompt& f) {
       f.q_lens = {3, 4, 5}, f.kv_lens = {5, 6, 7, 8};
     }},
    {"pse_shift of one batch and head", biased<Prompt>,
     [](Prompt& f) {
       f.call.pse_shift.shape = {1, 1, 6, 8};
     }},
    {"inner_precise 3", plain<Prompt>, [](Prompt& f) { f.call.inner_precise = 3; }},
    {"lse of rank 3", with_lse<Prompt>,
     [](Prompt& f) {
       f.call.softmax_lse.shape = {2, 4, 6};
     }},
    {"strict", strict<Prompt>, [](Prompt&) {}},
};
constexpr LegalRow<Incre> kLegalIncre[] = {
    {"BSH", bsh<Incre>, [](Incre&) {}},
    {"mask (B,S)", masked<Incre>,
     [](Incre& f) {
       f.call.attn_mask.shape = {2, 8};
     }},
    {"mask (B,1,S)", masked<Incre>,
     [](Incre& f) {
       f.call.attn_mask.shape = {2, 1, 8};
     }},
    {"mask (1,1,1,S)", masked<Incre>,
     [](Incre& f) {
       f.call.attn_mask.shape = {1, 1, 1, 8};
     }},
    {"lengths 0 and S", plain<Incre>,
     [](Incre& f) {
       f.kv_lens = {0, 8};
     }},
    {"one length for all", plain<Incre>, [](Incre& f) { f.kv_lens = {3}; }},
    {"pse_shift (1,N,1,S)", biased<Incre>,
     [](Incre& f) {
       f.call.pse_shift.shape = {1, 4, 1, 8};
     }},
    {"inner_precise 0", plain<Incre>, [](Incre& f) { f.call.inner_precise = 0; }},
    {"lse (B,N,1,1)", with_lse<Incre>, [](Incre&) {}},
    {"strict", strict<Incre>, [](Incre&) {}},
};
TEST(PromptBadInput, WhatIsLegal) { expect_legal_rows(kLegalPrompt); }
TEST(IncreBadInput, WhatIsLegal) { expect_legal_rows(kLegalIncre); }

struct LimitRow {
  const char* name;
  Size at, beyond;
  Code code;
  index_t got, want;
};
constexpr LimitRow kLimits[] = {
    {"heads", {1, 256, 4, 1, 1, 1}, {1, 257, 257, 1, 1, 1}, Code::limit_heads, 257, 256},
    {"head size", {1, 1, 1, 1, 1, 512}, {1, 1, 1, 1, 1, 513}, Code::limit_head_dim, 513, 512},
    {"head ratio", {1, 64, 1, 1, 1, 1}, {1, 65, 1, 1, 1, 1}, Code::limit_head_ratio, 65, 64},
};
template <class Fixture>
void expect_limit(const LimitRow& row) {
  Fixture at = dense<Fixture>(row.at), beyond = dense<Fixture>(row.beyond);
  at.call.limits = beyond.call.limits = glint::Limits::ascend;
  EXPECT_TRUE(static_cast<bool>(at.check())) << row.name << ": " << at.check().rule;
  expect_refusal(beyond.check(), {row.code, row.got, row.want}, row.name);
  expect_refusal(beyond.run_alone(), {row.code, row.got, row.want}, row.name);
  beyond.call.limits = glint::Limits::none;
  EXPECT_TRUE(static_cast<bool>(beyond.check())) << row.name << ": not a limit of the library";
}
TEST(PromptBadInput, AscendLimits) {
  for (const LimitRow& row : kLimits) expect_limit<Prompt>(row);
}
TEST(IncreBadInput, AscendLimits) {
  for (const LimitRow& row : kLimits) expect_limit<Incre>(row);
  expect_limit<Incre>({"batch", {65535, 1, 1, 1, 1, 1}, {65536, 1, 1, 1, 1, 1}, Code::limit_batch, 65536, 65535});
  expect_limit<Incre>(
      {"length", {1, 1, 1, 1, 262144, 1}, {1, 1, 1, 1, 262145, 1}, Code::limit_sequence, 262145, 262144});
}

}  // namespace
}  // namespace bad_input

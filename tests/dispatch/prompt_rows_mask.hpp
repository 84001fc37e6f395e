// What the masks, modes and tokens of prompt_flash_attention refuse, and what of them is legal.  (Seed 002; operators
// 2, 2.1 and 12.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline Prompt in_mode(int mode) {
  Prompt f = plain<Prompt>();
  f.call.attn_mask = {f.memory.take(64), DType::boolean, {2048, 2048}};
  f.call.sparse_mode = mode;
  return f;
}
inline Prompt triangle() { return in_mode(2); }
inline Prompt band() { return in_mode(4); }
inline Prompt all_mask() {
  Prompt f = masked<Prompt>();
  f.call.sparse_mode = 1;
  return f;
}
inline Prompt one_row() {
  Prompt f = dense<Prompt>({.q_len = 1});
  f.call.attn_mask = {f.memory.take(64), DType::u8, {2, 8}};
  return f;
}

inline auto prompt_mask_rows() {
  return std::array{
      Row<Prompt>{"sparse_mode -1", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = -1; },
                  Code::sparse_mode_unknown, -1, 0},
      Row<Prompt>{"sparse_mode 9", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = 9; },
                  Code::sparse_mode_not_for_operator, 9, 4},
      Row<Prompt>{"sparse_mode 15", masked<Prompt>, [](Prompt& f) { f.call.sparse_mode = 15; },
                  Code::sparse_mode_unknown, 15, 14},
      Row<Prompt>{"sparse_mode 11 without mask", all_mask,
                  [](Prompt& f) { f.call.attn_mask = {}, f.call.sparse_mode = 11; }, Code::mask_missing, 0, 1},
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
      Row<Prompt>{
          "|pre| = the keys and their prefix", masked<Prompt>,
          [](Prompt& f) {
            f.call.pre_tokens = -11, f.call.next_tokens = 11;
            f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
            f.call.attn_mask = {f.memory.take(132), DType::u8, {2, 1, 6, 11}};
          },
          Code::tokens_pre_outside, 11, 11},
      Row<Prompt>{
          "a mask without the prefix's columns", masked<Prompt>,
          [](Prompt& f) {
            f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
          },
          Code::mask_shape, 8, 11},
      Row<Prompt>{"band, both negative", band, [](Prompt& f) { f.call.pre_tokens = f.call.next_tokens = -1; },
                  Code::tokens_both_negative, -1, 0},
      Row<Prompt>{"band, empty", band, [](Prompt& f) { f.call.pre_tokens = 2, f.call.next_tokens = -3; },
                  Code::tokens_empty_band},
      Row<Prompt>{"inner_precise 4", plain<Prompt>, [](Prompt& f) { f.call.inner_precise = 4; },
                  Code::inner_precise_range, 4, 3},
  };
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
    {"sparse_mode 10 to 14: with high precision", triangle, [](Prompt& f) { f.call.sparse_mode = 12; }},
    {"no lengths of more than the batch are read", plain<Prompt>,
     [](Prompt& f) {
       f.q_lens = {3, 4, -5}, f.kv_lens = {5, 6, 99};
     }},
    {"negative tokens of an entry without queries", masked<Prompt>,
     [](Prompt& f) {
       f.call.next_tokens = -4, f.q_lens = {0, 5};
     }},
    {"pse_shift of one row", biased<Prompt>,
     [](Prompt& f) {
       f.call.pse_shift.shape = {2, 1, 1, 8};
     }},
    {"BNSD_BSND", plain<Prompt>,
     [](Prompt& f) {
       f.call.input_layout = "bnsd_bsnd";
       f.call.attention_out.shape = {2, 6, 4, 16};
     }},
    {"BSH_BNSD", bsh<Prompt>,
     [](Prompt& f) {
       f.call.input_layout = "BSH_BNSD";
       f.call.attention_out.shape = {2, 4, 6, 16};
     }},
    {"tokens switched off by padded keys", masked<Prompt>,
     [](Prompt& f) {
       f.call.pre_tokens = f.call.next_tokens = -1;
       f.kv_lens = {8, 3};
       f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"tokens switched off by padded queries", masked<Prompt>,
     [](Prompt& f) {
       f.call.pre_tokens = f.call.next_tokens = -1;
       f.q_lens = {6, 3};
       f.call.query_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"-pre within the keys and their prefix", masked<Prompt>,
     [](Prompt& f) {
       f.call.pre_tokens = -10, f.call.next_tokens = 10;
       f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
       f.call.attn_mask = {f.memory.take(132), DType::u8, {2, 1, 6, 11}};
     }},
    {"inner_precise 3", plain<Prompt>, [](Prompt& f) { f.call.inner_precise = 3; }},
    {"lse of rank 3", with_lse<Prompt>,
     [](Prompt& f) {
       f.call.softmax_lse.shape = {2, 4, 6};
     }},
    {"strict", [] { return under_ascend(plain<Prompt>()); }, [](Prompt&) {}},
};

}  // namespace
}  // namespace bad_input

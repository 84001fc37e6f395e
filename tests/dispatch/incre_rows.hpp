// What incre_flash_attention alone refuses and takes: its modes, drafts, masks and lists of lengths.  (Seeds 000 and
// 003; operators 1.5, 2 and 12.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline Incre drafts() {
  Incre f = dense<Incre>({.q_len = 3});
  f.call.sparse_mode = 3;
  return f;
}
inline Incre tree() {
  Incre f = drafts();
  f.call.sparse_mode = 9;
  f.call.attn_mask = {f.memory.take(18), DType::u8, {2, 3, 3}};
  return f;
}

inline auto incre_mode_rows() {
  return std::array{
      Row<Incre>{"two query rows", plain<Incre>,
                 [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 2; },
                 Code::query_not_one_token, 2, 1},
      Row<Incre>{"no query row", plain<Incre>,
                 [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 0; },
                 Code::query_not_one_token, 0, 1},
      Row<Incre>{"no query row in mode 3", drafts,
                 [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 0; },
                 Code::query_not_one_token, 0, 1},
      Row<Incre>{"several rows in mode 0", drafts, [](Incre& f) { f.call.sparse_mode = 0; }, Code::query_not_one_token,
                 3, 1},
      Row<Incre>{"sparse_mode -1", plain<Incre>, [](Incre& f) { f.call.sparse_mode = -1; }, Code::sparse_mode_unknown,
                 -1, 9},
      Row<Incre>{"sparse_mode 10", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 10; }, Code::sparse_mode_unknown,
                 10, 9},
      Row<Incre>{"sparse_mode 2", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 2; },
                 Code::sparse_mode_not_for_operator, 2, 0},
      Row<Incre>{"mode 3 with a mask", masked<Incre>, [](Incre& f) { f.call.sparse_mode = 3; }, Code::mask_unexpected,
                 3, 0},
      Row<Incre>{"mode 9 without a tree", tree, [](Incre& f) { f.call.attn_mask = {}; }, Code::draft_tree_missing, 0,
                 1},
      Row<Incre>{"tree of rank 4", tree,
                 [](Incre& f) {
                   f.call.attn_mask.shape = {2, 1, 3, 3};
                 },
                 Code::draft_tree_shape, 4, 3},
      Row<Incre>{"tree of three entries", tree,
                 [](Incre& f) {
                   f.call.attn_mask.shape = {3, 3, 3};
                 },
                 Code::draft_tree_shape, 3, 2},
      Row<Incre>{"tree of two rows", tree,
                 [](Incre& f) {
                   f.call.attn_mask.shape = {2, 2, 3};
                 },
                 Code::draft_tree_shape, 2, 3},
      Row<Incre>{"tree of eight columns", tree,
                 [](Incre& f) {
                   f.call.attn_mask.shape = {2, 3, 8};
                 },
                 Code::draft_tree_shape, 8, 3},
      Row<Incre>{"mask of float16", masked<Incre>, [](Incre& f) { f.call.attn_mask.dtype = DType::f16; },
                 Code::dtype_mask, 2, 6},
      Row<Incre>{"mask of float32", masked<Incre>, [](Incre& f) { f.call.attn_mask.dtype = DType::f32; },
                 Code::dtype_mask, 1, 6},
      Row<Incre>{"tree of float16", tree, [](Incre& f) { f.call.attn_mask.dtype = DType::f16; }, Code::dtype_mask, 2,
                 6},
      Row<Incre>{"tree without data", tree, [](Incre& f) { f.call.attn_mask.data = nullptr; }, Code::null_mask, 0, 1},
      Row<Incre>{"tree with fewer keys than rows", tree,
                 [](Incre& f) {
                   f.kv_lens = {8, 2};
                 },
                 Code::draft_more_rows_than_keys, 3, 2},
      Row<Incre>{"out is the tree", tree,
                 [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.call.attn_mask.data); },
                 Code::output_overlaps_input, 1, 0},
      Row<Incre>{"mask (3, S)", masked<Incre>,
                 [](Incre& f) {
                   f.call.attn_mask.shape = {3, 8};
                 },
                 Code::mask_shape, 3, 2},
      Row<Incre>{"inner_precise 2", plain<Incre>, [](Incre& f) { f.call.inner_precise = 2; }, Code::inner_precise_range,
                 2, 1},
      Row<Incre>{"a kv length too many", plain<Incre>,
                 [](Incre& f) {
                   f.kv_lens = {1, 1, 1};
                 },
                 Code::lengths_size, 3, 2},
  };
}

inline auto incre_option_rows() {
  return std::array{
      Row<Incre>{"layout TND", plain<Incre>,
                 [](Incre& f) {
                   f.call.input_layout = "TND";
                   f.call.query.shape = f.call.attention_out.shape = {1, 4, 16};
                   f.call.key.shape = f.call.value.shape = {8, 2, 16};
                 },
                 Code::layout_not_for_operator, 4, 0},
      Row<Incre>{"three lengths", paged<Incre>,
                 [](Incre& f) {
                   f.kv_lens = {8, 5, 1};
                 },
                 Code::lengths_size, 3, 2},
      Row<Incre>{"dequant_scale1", plain<Incre>, [](Incre& f) { f.call.dequant_scale1 = ones(DType::f32, {1}); },
                 Code::quant_not_for_operator, 1, 0},
      Row<Incre>{"quant_scale1", plain<Incre>, [](Incre& f) { f.call.quant_scale1 = ones(DType::f32, {1}); },
                 Code::quant_not_for_operator, 1, 0},
      Row<Incre>{"dequant_scale2", plain<Incre>, [](Incre& f) { f.call.dequant_scale2 = ones(DType::f32, {1}); },
                 Code::quant_not_for_operator, 1, 0},
  };
}

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
    {"strict", [] { return under_ascend(plain<Incre>()); }, [](Incre&) {}},
    {"drafts", drafts, [](Incre&) {}},
    {"drafts with fewer keys than rows", drafts,
     [](Incre& f) {
       f.kv_lens = {2, 0};
     }},
    {"one draft", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 3; }},
    {"tree", tree, [](Incre&) {}},
    {"one tree for all", tree, [](Incre& f) { f.call.attn_mask.shape.extent[0] = 1; }},
    {"tree with as many keys as rows", tree,
     [](Incre& f) {
       f.kv_lens = {3, 8};
     }},
    {"mask (1,S)", masked<Incre>,
     [](Incre& f) {
       f.call.attn_mask.shape = {1, 8};
     }},
    {"mask of int8", masked<Incre>, [](Incre& f) { f.call.attn_mask.dtype = DType::i8; }},
};

}  // namespace
}  // namespace bad_input

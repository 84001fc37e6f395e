// Illegal pointers, types and shapes: name, a legal call, how to spoil it, code, got, want.
#pragma once

#include "dispatch/score_calls.hpp"

namespace bad_input {
namespace {

constexpr Row<Score> kPointers[] = {
    {"null query", plain, [](Score& f) { f.call.query.data = nullptr; }, Code::null_query, 0, 1},
    {"null key", plain, [](Score& f) { f.call.key.data = nullptr; }, Code::null_key, 0, 1},
    {"null value", plain, [](Score& f) { f.call.value.data = nullptr; }, Code::null_value, 0, 1},
    {"null output", plain, [](Score& f) { f.call.attention_out.data = nullptr; }, Code::null_output, 0, 1},
    {"null softmax_max", plain, [](Score& f) { f.call.softmax_max.data = nullptr; }, Code::null_stats, 0, 1},
    {"null softmax_sum", plain, [](Score& f) { f.call.softmax_sum.data = nullptr; }, Code::null_stats, 0, 1},
    {"out is q", plain, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.query.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is k", plain, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.key.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is v", plain, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.value.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is the mask", masked, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.attn_mask.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is pse", biased, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.real_shift.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is the slopes", sloped,
     [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.real_shift.data); },
     Code::output_overlaps_input, 1, 0},
    {"out is drop_mask", dropped,
     [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.drop_mask.data); },
     Code::output_overlaps_input, 1, 0},
    {"softmax_max is q", plain, [](Score& f) { f.call.softmax_max.data = const_cast<void*>(f.call.query.data); },
     Code::output_overlaps_input, 1, 0},
    {"softmax_sum is v", plain, [](Score& f) { f.call.softmax_sum.data = const_cast<void*>(f.call.value.data); },
     Code::output_overlaps_input, 1, 0},
    {"softmax_max is out", plain, [](Score& f) { f.call.softmax_max.data = f.call.attention_out.data; },
     Code::output_overlaps_input, 1, 0},
    {"the last byte of out is the first of q", plain,
     [](Score& f) { f.call.query.data = static_cast<char*>(f.call.attention_out.data) + 2 * 4 * 6 * 16 * 2 - 1; },
     Code::output_overlaps_input, 1, 0},
    {"the first byte of out is the last of k", plain,
     [](Score& f) {
       f.call.attention_out.data = static_cast<char*>(const_cast<void*>(f.call.key.data)) + 2 * 2 * 8 * 16 * 2 - 1;
     },
     Code::output_overlaps_input, 1, 0},
    {"no workspace", plain, [](Score& f) { f.workspace.clear(); }, Code::workspace_too_small, 0, kAny},
    {"a workspace of one byte", plain, [](Score& f) { f.workspace.resize(1); }, Code::workspace_too_small, 1, kAny},
};

constexpr Row<Score> kTypes[] = {
    {"query of int32", plain, [](Score& f) { f.call.query.dtype = DType::i32; }, Code::dtype_query, 7, 2},
    {"query of no type", plain, [](Score& f) { f.call.query.dtype = DType::none; }, Code::dtype_query, 0, 2},
    {"query of int8", plain, [](Score& f) { f.call.query.dtype = DType::i8; }, Code::dtype_query, 4, 2},
    {"key of another type", plain, [](Score& f) { f.call.key.dtype = DType::bf16; }, Code::dtype_key_value, 3, 2},
    {"value of another type", plain, [](Score& f) { f.call.value.dtype = DType::f32; }, Code::dtype_key_value, 1, 2},
    {"key of int8", plain, [](Score& f) { f.call.key.dtype = DType::i8; }, Code::dtype_key_value, 4, 2},
    {"output of another type", plain, [](Score& f) { f.call.attention_out.dtype = DType::f32; }, Code::dtype_output, 1,
     2},
    {"mask of float16", masked, [](Score& f) { f.call.attn_mask.dtype = DType::f16; }, Code::dtype_mask, 2, 6},
    {"mask of int8 in training", masked, [](Score& f) { f.call.attn_mask.dtype = DType::i8; }, Code::dtype_mask, 4, 6},
    {"compressed mask of float16", triangle, [](Score& f) { f.call.attn_mask.dtype = DType::f16; }, Code::dtype_mask, 2,
     6},
    {"compressed mask of int8 in training", triangle, [](Score& f) { f.call.attn_mask.dtype = DType::i8; },
     Code::dtype_mask, 4, 6},
    {"pse of another type", biased, [](Score& f) { f.call.real_shift.dtype = DType::bf16; }, Code::dtype_pse, 3, 2},
    {"slopes of float16", sloped, [](Score& f) { f.call.real_shift.dtype = DType::f16; }, Code::dtype_pse, 2, 1},
    {"drop_mask of bool", dropped, [](Score& f) { f.call.drop_mask.dtype = DType::boolean; }, Code::dtype_drop_mask, 6,
     5},
    {"softmax_max of float16", plain, [](Score& f) { f.call.softmax_max.dtype = DType::f16; }, Code::dtype_stats, 2, 1},
    {"softmax_sum of float16", plain, [](Score& f) { f.call.softmax_sum.dtype = DType::f16; }, Code::dtype_stats, 2, 1},
};

constexpr Row<Score> kShapes[] = {
    {"layout unknown", plain, [](Score& f) { f.call.input_layout = "BDNS"; }, Code::layout_unknown, kAny, kAny},
    {"layout empty", plain, [](Score& f) { f.call.input_layout = ""; }, Code::layout_unknown, kAny, kAny},
    {"layout with a tail", plain, [](Score& f) { f.call.input_layout = "BNSD "; }, Code::layout_unknown, kAny, kAny},
    {"rank of query", plain,
     [](Score& f) {
       f.call.query.shape = {2, 6, 64};
     },
     Code::rank_mismatch, 3, 4},
    {"rank of key", plain,
     [](Score& f) {
       f.call.key.shape = {2, 8, 32};
     },
     Code::rank_mismatch, 3, 4},
    {"rank of value", plain,
     [](Score& f) {
       f.call.value.shape = {2, 8, 32};
     },
     Code::rank_mismatch, 3, 4},
    {"rank of output", plain,
     [](Score& f) {
       f.call.attention_out.shape = {2, 6, 64};
     },
     Code::rank_mismatch, 3, 4},
    {"rank five", plain,
     [](Score& f) {
       f.call.query.shape = {2, 4, 6, 16, 1};
     },
     Code::rank_mismatch, 5, 4},
    {"rank for BSH", bsh,
     [](Score& f) {
       f.call.key.shape = {2, 2, 8, 16};
     },
     Code::rank_mismatch, 4, 3},
    {"negative batch", plain, [](Score& f) { f.call.query.shape.extent[0] = -1; }, Code::extent_negative, -1, 0},
    {"negative query length", plain, [](Score& f) { f.call.query.shape.extent[2] = -6; }, Code::extent_negative, -6, 0},
    {"negative key length", plain, [](Score& f) { f.call.key.shape.extent[2] = -8; }, Code::extent_negative, -8, 0},
    {"head_num 0", plain, [](Score& f) { f.call.head_num = 0; }, Code::head_num_not_positive, 0, 1},
    {"head_num -4", plain, [](Score& f) { f.call.head_num = -4; }, Code::head_num_not_positive, -4, 1},
    {"head_num is not the axis", plain, [](Score& f) { f.call.head_num = 2; }, Code::num_heads_mismatch, 4, 2},
    {"3 kv heads for 4 heads", plain, [](Score& f) { f.call.key.shape.extent[1] = f.call.value.shape.extent[1] = 3; },
     Code::heads_not_divisible, 4, 3},
    {"8 kv heads for 4 heads", plain, [](Score& f) { f.call.key.shape.extent[1] = f.call.value.shape.extent[1] = 8; },
     Code::heads_not_divisible, 4, 8},
    {"no kv head", plain, [](Score& f) { f.call.key.shape.extent[1] = f.call.value.shape.extent[1] = 0; },
     Code::kv_heads_mismatch, 0, 1},
    {"hidden size of query", bsh, [](Score& f) { f.call.query.shape.extent[2] = 63; }, Code::hidden_not_divisible, 63,
     4},
    {"hidden size of key", bsh, [](Score& f) { f.call.key.shape.extent[2] = 33; }, Code::head_dim_mismatch, 33, 32},
    {"hidden size of value", bsh, [](Score& f) { f.call.value.shape.extent[2] = 33; }, Code::kv_shape_mismatch, 33, 2},
    {"D of key", plain, [](Score& f) { f.call.key.shape.extent[3] = 15; }, Code::head_dim_mismatch, 15, 16},
    {"D of 0", plain, [](Score& f) { f.call.query.shape.extent[3] = f.call.key.shape.extent[3] = 0; },
     Code::head_dim_not_positive, 0, 1},
    {"hidden size of 0", bsh, [](Score& f) { f.call.query.shape.extent[2] = 0; }, Code::head_dim_not_positive, 0, 1},
    {"value of D 0", plain, [](Score& f) { f.call.value.shape.extent[3] = 0; }, Code::head_dim_not_positive, 0, 1},
    {"value length", plain, [](Score& f) { f.call.value.shape.extent[2] = 7; }, Code::kv_shape_mismatch, 7, 8},
    {"value heads", plain, [](Score& f) { f.call.value.shape.extent[1] = 4; }, Code::kv_shape_mismatch, 4, 2},
    {"key batch", plain, [](Score& f) { f.call.key.shape.extent[0] = 1; }, Code::batch_mismatch, 1, 2},
    {"value batch", plain, [](Score& f) { f.call.value.shape.extent[0] = 1; }, Code::batch_mismatch, 1, 2},
    {"key batch of SBH", sbh, [](Score& f) { f.call.key.shape.extent[1] = 1; }, Code::batch_mismatch, 1, 2},
    {"output length", plain, [](Score& f) { f.call.attention_out.shape.extent[2] = 7; }, Code::output_shape_mismatch, 7,
     6},
    {"output without value's D", plain, [](Score& f) { f.call.value.shape.extent[3] = 8; }, Code::output_shape_mismatch,
     16, 8},
    {"scale NaN", plain, [](Score& f) { f.call.scale_value = __builtin_nan(""); }, Code::scale_not_finite, kAny, kAny},
    {"scale Inf", plain, [](Score& f) { f.call.scale_value = -__builtin_inf(); }, Code::scale_not_finite, kAny, kAny},
    {"scale beyond float", plain, [](Score& f) { f.call.scale_value = 1e39; }, Code::scale_not_finite, kAny, kAny},
    {"q_scale NaN", plain, [](Score& f) { f.call.q_scale = __builtin_nan(""); }, Code::scale_not_finite, kAny, kAny},
    {"scale * q_scale beyond float", plain, [](Score& f) { f.call.scale_value = f.call.q_scale = 1e30; },
     Code::scale_not_finite, kAny, kAny},
    {"more bytes than can be addressed", plain,
     [](Score& f) {
       for (Extents* e : {&f.call.query.shape, &f.call.key.shape, &f.call.value.shape, &f.call.attention_out.shape})
         e->extent[0] = e->extent[2] = index_t{1} << 31;
       f.no_lists_for_stats();
     },
     Code::extent_too_large, kAny, kAny},
    {"inner_precise -1", plain, [](Score& f) { f.call.inner_precise = -1; }, Code::inner_precise_range, -1, 2},
    {"inner_precise 3", plain, [](Score& f) { f.call.inner_precise = 3; }, Code::inner_precise_range, 3, 2},
    {"stats of rank 2", plain,
     [](Score& f) {
       f.call.softmax_max.shape = {8, 6};
     },
     Code::stats_shape_mismatch, 2, 4},
    {"stats of another length", plain, [](Score& f) { f.call.softmax_max.shape.extent[2] = 5; },
     Code::stats_shape_mismatch, 5, 6},
    {"stats repeated 4 times", plain, [](Score& f) { f.call.softmax_sum.shape.extent[3] = 4; },
     Code::stats_shape_mismatch, 4, 8},
    {"stats of two kinds", plain,
     [](Score& f) {
       f.call.softmax_sum.shape = {2, 4, 6};
     },
     Code::stats_shape_mismatch, 1, 8},
};

}  // namespace
}  // namespace bad_input

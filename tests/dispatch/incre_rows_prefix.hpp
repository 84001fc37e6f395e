// What left padding, a shared prefix, rope parts, sinks, masks and draft trees refuse.  (Operators 1.5, 2, 5 and 12.)
#pragma once

#include "dispatch/incre_calls.hpp"

namespace bad_input {
namespace {

inline const std::array kPaddingRows{
    Row<Incre>{"padding of int32", padded, [](Incre& f) { f.call.kv_padding_size.dtype = DType::i32; },
               Code::kv_padding_dtype, 7, 8},
    Row<Incre>{"two paddings", padded, [](Incre& f) { f.call.kv_padding_size.shape = {2}; }, Code::kv_padding_shape, 2,
               1},
    Row<Incre>{"padding of rank 2", padded,
               [](Incre& f) {
                 f.call.kv_padding_size.shape = {1, 1};
               },
               Code::kv_padding_shape, 2, 1},
    Row<Incre>{"padding without data", padded, [](Incre& f) { f.call.kv_padding_size.data = nullptr; },
               Code::kv_padding_null, 0, 1},
    Row<Incre>{"a length beyond S", padded,
               [](Incre& f) {
                 f.kv_lens = {3, 9};
               },
               Code::length_range, 9, 8},
    Row<Incre>{"a mask of the length's columns", padded,
               [](Incre& f) {
                 f.call.attn_mask = {f.memory.take(6), DType::u8, {2, 3}};
               },
               Code::mask_shape, 3, 8},
    Row<Incre>{"padding with a prefix", prefixed,
               [](Incre& f) {
                 f.kv_lens = {3};
                 f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
               },
               Code::shared_prefix_with_padding, 2, 0},
};

inline const std::array kPrefixes{
    Row<Incre>{"keys alone", prefixed, [](Incre& f) { f.call.value_shared_prefix = {}; }, Code::shared_prefix_half, 1,
               2},
    Row<Incre>{"values alone", prefixed, [](Incre& f) { f.call.key_shared_prefix = {}; }, Code::shared_prefix_half, 1,
               2},
    Row<Incre>{"null keys", prefixed, [](Incre& f) { f.call.key_shared_prefix.data = nullptr; }, Code::null_key, 0, 1},
    Row<Incre>{"null values", prefixed, [](Incre& f) { f.call.value_shared_prefix.data = nullptr; }, Code::null_value,
               0, 1},
    Row<Incre>{"of another type", prefixed, [](Incre& f) { f.call.value_shared_prefix.dtype = DType::i8; },
               Code::dtype_key_value, 4, 2},
    Row<Incre>{"of batch 2", prefixed, [](Incre& f) { f.call.key_shared_prefix.shape.extent[0] = 2; },
               Code::shared_prefix_shape, 2, 1},
    Row<Incre>{"of other heads", prefixed, [](Incre& f) { f.call.key_shared_prefix.shape.extent[1] = 4; },
               Code::shared_prefix_shape, 4, 2},
    Row<Incre>{"of another head size", prefixed, [](Incre& f) { f.call.key_shared_prefix.shape.extent[3] = 8; },
               Code::shared_prefix_shape, 8, 16},
    Row<Incre>{"of rank 3", prefixed,
               [](Incre& f) {
                 f.call.key_shared_prefix.shape = {1, 3, 32};
               },
               Code::shared_prefix_shape, 3, 4},
    Row<Incre>{"values of other rows", prefixed, [](Incre& f) { f.call.value_shared_prefix.shape.extent[2] = 2; },
               Code::shared_prefix_shape, 2, 3},
    Row<Incre>{"of negative rows", prefixed,
               [](Incre& f) {
                 for (glint::TensorRef* t : {&f.call.key_shared_prefix, &f.call.value_shared_prefix})
                   t->shape.extent[2] = -1;
               },
               Code::extent_negative, -1, 0},
    Row<Incre>{"a length beyond its rows", prefixed, [](Incre& f) { f.call.actual_shared_prefix_len = 4; },
               Code::shared_prefix_length, 4, 3},
    Row<Incre>{"a length of -2", prefixed, [](Incre& f) { f.call.actual_shared_prefix_len = -2; },
               Code::shared_prefix_length, -2, 0},
    Row<Incre>{"a length without a prefix", plain<Incre>, [](Incre& f) { f.call.actual_shared_prefix_len = 1; },
               Code::shared_prefix_length, 1, 0},
    Row<Incre>{"a mask without the prefix's columns", prefixed,
               [](Incre& f) {
                 f.call.attn_mask = {f.memory.take(16), DType::u8, {2, 8}};
               },
               Code::mask_shape, 8, 11},
    Row<Incre>{"a mask with columns for unused rows", prefixed,
               [](Incre& f) {
                 f.call.actual_shared_prefix_len = 2;
                 f.call.attn_mask = {f.memory.take(22), DType::u8, {2, 11}};
               },
               Code::mask_shape, 11, 10},
    Row<Incre>{"a bias without the prefix's columns", prefixed,
               [](Incre& f) {
                 f.call.pse_shift = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
               },
               Code::pse_shape, 8, 11},
    Row<Incre>{"out is the prefix", prefixed,
               [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.call.value_shared_prefix.data); },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"with key_rope", prefixed,
               [](Incre& f) {
                 f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                 f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
               },
               Code::rope_half, 0, 1},
};

inline const std::array kRope{
    Row<Incre>{"query_rope alone", roped, [](Incre& f) { f.call.key_rope = {}; }, Code::rope_half, 1, 2},
    Row<Incre>{"key_rope alone", roped, [](Incre& f) { f.call.query_rope = {}; }, Code::rope_half, 1, 2},
    Row<Incre>{"query_rope of another type", roped, [](Incre& f) { f.call.query_rope.dtype = DType::f32; },
               Code::rope_dtype, 1, 2},
    Row<Incre>{"key_rope of another type", roped, [](Incre& f) { f.call.key_rope.dtype = DType::bf16; },
               Code::rope_dtype, 3, 2},
    Row<Incre>{"query_rope of rank 3", roped,
               [](Incre& f) {
                 f.call.query_rope.shape = {2, 4, 8};
               },
               Code::rope_shape, 3, 4},
    Row<Incre>{"query_rope of other heads", roped, [](Incre& f) { f.call.query_rope.shape.extent[1] = 2; },
               Code::rope_shape, 2, 4},
    Row<Incre>{"key_rope of another head size", roped, [](Incre& f) { f.call.key_rope.shape.extent[3] = 16; },
               Code::rope_shape, 16, 8},
    Row<Incre>{"key_rope of other rows", roped, [](Incre& f) { f.call.key_rope.shape.extent[2] = 7; }, Code::rope_shape,
               7, 8},
    Row<Incre>{"rope of head size 0", roped,
               [](Incre& f) { f.call.query_rope.shape.extent[3] = f.call.key_rope.shape.extent[3] = 0; },
               Code::rope_shape, 0, 1},
    Row<Incre>{"query_rope without data", roped, [](Incre& f) { f.call.query_rope.data = nullptr; }, Code::rope_null, 0,
               1},
    Row<Incre>{"key_rope without data", roped, [](Incre& f) { f.call.key_rope.data = nullptr; }, Code::rope_null, 0, 1},
    Row<Incre>{"out is key_rope", roped,
               [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.call.key_rope.data); },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"out is query_rope", roped,
               [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.call.query_rope.data); },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"rope with int8", by_channel,
               [](Incre& f) {
                 f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                 f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
               },
               Code::rope_with_integers, 4, 2},
    Row<Incre>{"key_rope of the wrong pages", paged,
               [](Incre& f) {
                 f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                 f.call.key_rope = {f.memory.take(640), DType::f16, {5, 4, 16}};
               },
               Code::rope_shape, 3, 4},
};

inline const std::array kMasksAndSinks{
    Row<Incre>{"sink of another type", sunk, [](Incre& f) { f.call.learnable_sink.dtype = DType::f32; },
               Code::sink_dtype, 1, 2},
    Row<Incre>{"sink of N2", sunk, [](Incre& f) { f.call.learnable_sink.shape = {2}; }, Code::sink_shape, 2, 4},
    Row<Incre>{"sink of rank 2", sunk,
               [](Incre& f) {
                 f.call.learnable_sink.shape = {1, 4};
               },
               Code::sink_shape, 2, 1},
    Row<Incre>{"sink without data", sunk, [](Incre& f) { f.call.learnable_sink.data = nullptr; }, Code::sink_null, 0,
               1},
    Row<Incre>{"out is the sink", sunk,
               [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.call.learnable_sink.data); },
               Code::output_overlaps_input, 1, 0},

    Row<Incre>{"two query rows", plain<Incre>,
               [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 2; },
               Code::query_not_one_token, 2, 1},
    Row<Incre>{"no query row", plain<Incre>,
               [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 0; },
               Code::query_not_one_token, 0, 1},
    Row<Incre>{"no query row in mode 3", drafts,
               [](Incre& f) { f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 0; },
               Code::query_not_one_token, 0, 1},
    Row<Incre>{"several rows in mode 0", drafts, [](Incre& f) { f.call.sparse_mode = 0; }, Code::query_not_one_token, 3,
               1},
    Row<Incre>{"sparse_mode -1", plain<Incre>, [](Incre& f) { f.call.sparse_mode = -1; }, Code::sparse_mode_unknown, -1,
               9},
    Row<Incre>{"sparse_mode 10", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 10; }, Code::sparse_mode_unknown, 10,
               9},
    Row<Incre>{"sparse_mode 2", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 2; },
               Code::sparse_mode_not_for_operator, 2, 0},
    Row<Incre>{"mode 3 with a mask", masked<Incre>, [](Incre& f) { f.call.sparse_mode = 3; }, Code::mask_unexpected, 3,
               0},
    Row<Incre>{"mode 9 without a tree", tree, [](Incre& f) { f.call.attn_mask = {}; }, Code::draft_tree_missing, 0, 1},
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
    Row<Incre>{"tree of float16", tree, [](Incre& f) { f.call.attn_mask.dtype = DType::f16; }, Code::dtype_mask, 2, 6},
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

}  // namespace
}  // namespace bad_input

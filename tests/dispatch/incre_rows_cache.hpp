// Where a cache lies: what pages, lists, padding and prefixes refuse.  (Seeds 000 and 003; operators 3, 5 and 8.1.)
#pragma once

#include "dispatch/incre_calls.hpp"

namespace bad_input {
namespace {

inline constexpr std::int32_t kBelow[] = {0, -1, 2, 3, 1, 0}, kBeyond[] = {0, 4, 0, 3, 5, 0};
inline constexpr index_t kHuge = std::numeric_limits<index_t>::max();

inline const std::array kPages{
    Row<Incre>{"no lengths", paged, [](Incre& f) { f.kv_lens = {}; }, Code::paged_needs_lengths, 0, 2},
    Row<Incre>{"negative length", paged,
               [](Incre& f) {
                 f.kv_lens = {8, -1};
               },
               Code::length_range, -1, 0},
    Row<Incre>{"three lengths", paged,
               [](Incre& f) {
                 f.kv_lens = {8, 5, 1};
               },
               Code::lengths_size, 3, 2},
    Row<Incre>{"a length of one token too many", paged, [](Incre& f) { f.kv_lens = {13}; }, Code::block_table_columns,
               3, 4},
    Row<Incre>{"a length beyond counting", paged,
               [](Incre& f) {
                 f.kv_lens = {8, kHuge};
               },
               Code::block_table_columns, 3, (kHuge - 1) / 4 + 1},
    Row<Incre>{"a column too few", paged,
               [](Incre& f) {
                 f.call.block_table.shape = {2, 1};
               },
               Code::block_table_columns, 1, 2},
    Row<Incre>{"no table", paged, [](Incre& f) { f.call.block_table = {}; }, Code::block_table_missing, 0, 1},
    Row<Incre>{"block_size without table", plain<Incre>, [](Incre& f) { f.call.block_size = 16; },
               Code::block_table_missing, 0, 1},
    Row<Incre>{"table of int64", paged, [](Incre& f) { f.call.block_table.dtype = DType::i64; },
               Code::block_table_dtype, 8, 7},
    Row<Incre>{"table of rank 1", paged, [](Incre& f) { f.call.block_table.shape = {6}; }, Code::block_table_shape, 1,
               2},
    Row<Incre>{"table of three rows", paged,
               [](Incre& f) {
                 f.call.block_table.shape = {3, 2};
               },
               Code::block_table_shape, 3, 2},
    Row<Incre>{"table of negative width", paged,
               [](Incre& f) {
                 f.call.block_table.shape = {2, -1};
               },
               Code::extent_negative, -1, 0},
    Row<Incre>{"table without data", paged, [](Incre& f) { f.call.block_table.data = nullptr; }, Code::block_table_null,
               0, 1},
    Row<Incre>{"block_size 0", paged, [](Incre& f) { f.call.block_size = 0; }, Code::block_size_range, 0, 1},
    Row<Incre>{"block_size -4", paged, [](Incre& f) { f.call.block_size = -4; }, Code::block_size_range, -4, 1},
    Row<Incre>{"block_size is not the pages'", paged, [](Incre& f) { f.call.block_size = 8; }, Code::kv_shape_mismatch,
               4, 8},
    Row<Incre>{"block id -1", paged, [](Incre& f) { f.call.block_table.data = kBelow; }, Code::block_id_range, -1, 0},
    Row<Incre>{"block id = blocks", paged, [](Incre& f) { f.call.block_table.data = kBeyond; }, Code::block_id_range, 5,
               5},
    Row<Incre>{"an unused block becomes a used one", paged,
               [](Incre& f) {
                 f.kv_lens = {9, 5};
               },
               Code::block_id_range, -1, 0},
    Row<Incre>{"a pool without blocks", token_major,
               [](Incre& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0; }, Code::block_id_range, 0,
               0},
    Row<Incre>{"pages of rank 2", paged,
               [](Incre& f) {
                 f.call.key.shape = {20, 32};
               },
               Code::rank_mismatch, 2, 3},
    Row<Incre>{"pages of rank 4 in BSH", token_major_bsh,
               [](Incre& f) {
                 f.call.key.shape = f.call.value.shape = {5, 2, 4, 16};
               },
               Code::paged_layout, 4, 3},
    Row<Incre>{"pages of rank 4 in BSND", paged,
               [](Incre& f) {
                 f.call.input_layout = "BSND";
                 f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
               },
               Code::paged_layout, 4, 3},
    Row<Incre>{"pages of two forms", paged,
               [](Incre& f) {
                 f.call.value.shape = {5, 4, 32};
               },
               Code::kv_shape_mismatch, 3, 4},
    Row<Incre>{"pools of two sizes", paged, [](Incre& f) { f.call.value.shape.extent[0] = 4; }, Code::kv_shape_mismatch,
               4, 5},
    Row<Incre>{"a negative number of blocks", paged,
               [](Incre& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = -5; }, Code::extent_negative,
               -5, 0},
    Row<Incre>{"pages too large to count", paged,
               [](Incre& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = kHuge / 64; },
               Code::extent_too_large, 4},
    Row<Incre>{"heads of pages", paged,
               [](Incre& f) {
                 f.call.key.shape = {5, 4, 2, 16};
               },
               Code::kv_shape_mismatch, 2, 4},
    Row<Incre>{"head size of pages", paged, [](Incre& f) { f.call.key.shape.extent[3] = 8; }, Code::head_dim_mismatch,
               8, 16},
    Row<Incre>{"width of pages", token_major, [](Incre& f) { f.call.key.shape.extent[2] = 48; },
               Code::head_dim_mismatch, 24, 16},
    Row<Incre>{"width % N2", token_major, [](Incre& f) { f.call.key.shape.extent[2] = 33; }, Code::hidden_not_divisible,
               33, 2},
    Row<Incre>{"width of pages in BSH", token_major_bsh, [](Incre& f) { f.call.key.shape.extent[2] = 48; },
               Code::head_dim_mismatch, 48, 32},
    Row<Incre>{"num_heads 0 with pages", token_major,
               [](Incre& f) { f.call.num_heads = f.call.num_key_value_heads = 0; }, Code::head_num_not_positive, 0, 1},
    Row<Incre>{"null pool", paged, [](Incre& f) { f.call.key.data = nullptr; }, Code::null_key, 0, 1},
    Row<Incre>{"null pool of values", paged, [](Incre& f) { f.call.value.data = nullptr; }, Code::null_value, 0, 1},
    Row<Incre>{"out is the pool's last block", paged,
               [](Incre& f) {
                 f.call.attention_out.data =
                     const_cast<std::byte*>(static_cast<const std::byte*>(f.call.key.data) + 1278);
               },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"out is the table", paged,
               [](Incre& f) { f.call.attention_out.data = const_cast<std::int32_t*>(kTable); },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"pages with kv_padding_size", paged,
               [](Incre& f) {
                 f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
               },
               Code::paged_with_padding, 1, 0},
    Row<Incre>{"pages with a list", list,
               [](Incre& f) {
                 f.call.block_table = {kTable, DType::i32, {2, 3}};
                 f.call.block_size = 4;
               },
               Code::paged_with_list, 2, 1},
    Row<Incre>{"pages with a prefix", paged,
               [](Incre& f) {
                 f.call.key_shared_prefix = f.call.value_shared_prefix = {f.call.query.data, DType::f16, {1, 2, 1, 16}};
               },
               Code::paged_with_prefix, 1, 0},
    Row<Incre>{"pages with a mask too narrow", paged,
               [](Incre& f) {
                 f.call.attn_mask = {f.memory.take(14), DType::u8, {2, 7}};
               },
               Code::mask_shape, 7, 8},
    Row<Incre>{"pages with a bias too narrow", paged,
               [](Incre& f) {
                 f.call.pse_shift = {f.memory.take(112), DType::f16, {2, 4, 1, 7}};
               },
               Code::pse_shape, 7, 8},
};

inline const std::array kLists{
    Row<Incre>{"list and tensor", list, [](Incre& f) { f.call.key = f.keys[0]; }, Code::kv_list_and_tensor, 1, 0},
    Row<Incre>{"list of keys alone", list, [](Incre& f) { f.values = {}; }, Code::kv_list_size, 0, 2},
    Row<Incre>{"list of values alone", list, [](Incre& f) { f.keys = {}; }, Code::kv_list_size, 2, 0},
    Row<Incre>{"more values than keys", list, [](Incre& f) { f.values.push_back(f.values[0]); }, Code::kv_list_size, 3,
               2},
    Row<Incre>{"three tensors for two entries", list,
               [](Incre& f) { f.keys.push_back(f.keys[0]), f.values.push_back(f.values[0]); }, Code::kv_list_size, 3,
               2},
    Row<Incre>{"one tensor of batch 1", list, [](Incre& f) { f.keys.pop_back(), f.values.pop_back(); },
               Code::batch_mismatch, 1, 2},
    Row<Incre>{"an entry of batch 2", list, [](Incre& f) { f.keys[0].shape.extent[0] = 2; }, Code::kv_list_shape, 2, 1},
    Row<Incre>{"an entry of rank 3", list,
               [](Incre& f) {
                 f.keys[1].shape = {1, 3, 32};
               },
               Code::kv_list_shape, 3, 4},
    Row<Incre>{"an entry with other heads", list, [](Incre& f) { f.keys[1].shape.extent[1] = 4; }, Code::kv_list_shape,
               4, 2},
    Row<Incre>{"an entry with another head size", list, [](Incre& f) { f.values[1].shape.extent[3] = 8; },
               Code::kv_list_shape, 8, 16},
    Row<Incre>{"key and value of other rows", list, [](Incre& f) { f.values[1].shape.extent[2] = 2; },
               Code::kv_list_shape, 2, 3},
    Row<Incre>{"negative rows", list, [](Incre& f) { f.keys[1].shape.extent[2] = f.values[1].shape.extent[2] = -1; },
               Code::extent_negative, -1, 0},
    Row<Incre>{"rows beyond counting", list,
               [](Incre& f) { f.keys[1].shape.extent[2] = f.values[1].shape.extent[2] = kHuge; },
               Code::extent_too_large, kHuge},
    Row<Incre>{"an entry of another type", list, [](Incre& f) { f.values[1].dtype = DType::bf16; },
               Code::dtype_key_value, 3, 2},
    Row<Incre>{"a null key", list, [](Incre& f) { f.keys[1].data = nullptr; }, Code::null_key, 0, 1},
    Row<Incre>{"a null value", list, [](Incre& f) { f.values[0].data = nullptr; }, Code::null_value, 0, 1},
    Row<Incre>{"a length beyond its entry", list,
               [](Incre& f) {
                 f.kv_lens = {8, 4};
               },
               Code::length_range, 4, 3},
    Row<Incre>{"one length beyond the second entry", list, [](Incre& f) { f.kv_lens = {4}; }, Code::length_range, 4, 3},
    Row<Incre>{"a negative length", list,
               [](Incre& f) {
                 f.kv_lens = {-1, 3};
               },
               Code::length_range, -1, 0},
    Row<Incre>{"a mask narrower than the longest entry", list,
               [](Incre& f) {
                 f.call.attn_mask = {f.memory.take(14), DType::u8, {2, 7}};
               },
               Code::mask_shape, 7, 8},
    Row<Incre>{"out is the last entry", list,
               [](Incre& f) { f.call.attention_out.data = const_cast<void*>(f.values[1].data); },
               Code::output_overlaps_input, 1, 0},
    Row<Incre>{"with kv_padding_size", list,
               [](Incre& f) {
                 f.kv_lens = {3, 3};
                 f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
               },
               Code::kv_list_with_padding, 1, 0},
    Row<Incre>{"with a prefix", list,
               [](Incre& f) {
                 f.call.key_shared_prefix = f.call.value_shared_prefix = {f.call.query.data, DType::f16, {1, 2, 1, 16}};
               },
               Code::kv_list_with_prefix, 1, 0},
    Row<Incre>{"with key_rope", list,
               [](Incre& f) {
                 f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                 f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
               },
               Code::rope_shape, 2, 1},
};

}  // namespace
}  // namespace bad_input

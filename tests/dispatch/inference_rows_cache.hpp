// Where a cache lies: what pages, lists, padding and prefixes refuse.  (Seeds 000 and 003; operators 3, 5 and 8.1.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline constexpr std::int32_t kBelow[] = {0, -1, 2, 3, 1, 0}, kBeyond[] = {0, 4, 0, 3, 5, 0};
inline constexpr index_t kHuge = std::numeric_limits<index_t>::max();

template <class Fixture>
auto page_rows() {
  return std::array{
      Row<Fixture>{"no lengths", paged<Fixture>, [](Fixture& f) { f.kv_lens = {}; }, Code::paged_needs_lengths, 0, 2},
      Row<Fixture>{"negative length", paged<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {8, -1};
                   },
                   Code::length_range, -1, 0},
      Row<Fixture>{"a length of one token too many", paged<Fixture>, [](Fixture& f) { f.kv_lens = {13}; },
                   Code::block_table_columns, 3, 4},
      Row<Fixture>{"a length beyond counting", paged<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {8, kHuge};
                   },
                   Code::block_table_columns, 3, (kHuge - 1) / 4 + 1},
      Row<Fixture>{"a column too few", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.block_table.shape = {2, 1};
                   },
                   Code::block_table_columns, 1, 2},
      Row<Fixture>{"no table", paged<Fixture>, [](Fixture& f) { f.call.block_table = {}; }, Code::block_table_missing,
                   0, 1},
      Row<Fixture>{"block_size without table", step<Fixture>, [](Fixture& f) { f.call.block_size = 16; },
                   Code::block_table_missing, 0, 1},
      Row<Fixture>{"table of int64", paged<Fixture>, [](Fixture& f) { f.call.block_table.dtype = DType::i64; },
                   Code::block_table_dtype, 8, 7},
      Row<Fixture>{"table of rank 1", paged<Fixture>, [](Fixture& f) { f.call.block_table.shape = {6}; },
                   Code::block_table_shape, 1, 2},
      Row<Fixture>{"table of three rows", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.block_table.shape = {3, 2};
                   },
                   Code::block_table_shape, 3, 2},
      Row<Fixture>{"table of negative width", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.block_table.shape = {2, -1};
                   },
                   Code::extent_negative, -1, 0},
      Row<Fixture>{"table without data", paged<Fixture>, [](Fixture& f) { f.call.block_table.data = nullptr; },
                   Code::block_table_null, 0, 1},
      Row<Fixture>{"block_size 0", paged<Fixture>, [](Fixture& f) { f.call.block_size = 0; }, Code::block_size_range, 0,
                   1},
      Row<Fixture>{"block_size -4", paged<Fixture>, [](Fixture& f) { f.call.block_size = -4; }, Code::block_size_range,
                   -4, 1},
      Row<Fixture>{"block_size is not the pages'", paged<Fixture>, [](Fixture& f) { f.call.block_size = 8; },
                   Code::kv_shape_mismatch, 4, 8},
      Row<Fixture>{"block id -1", paged<Fixture>, [](Fixture& f) { f.call.block_table.data = kBelow; },
                   Code::block_id_range, -1, 0},
      Row<Fixture>{"block id = blocks", paged<Fixture>, [](Fixture& f) { f.call.block_table.data = kBeyond; },
                   Code::block_id_range, 5, 5},
      Row<Fixture>{"an unused block becomes a used one", paged<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {9, 5};
                   },
                   Code::block_id_range, -1, 0},
      Row<Fixture>{"a pool without blocks", token_major<Fixture>,
                   [](Fixture& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0; },
                   Code::block_id_range, 0, 0},
      Row<Fixture>{"pages of rank 2", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.key.shape = {20, 32};
                   },
                   Code::rank_mismatch, 2, 3},
      Row<Fixture>{"pages of rank 4 in BSH", token_major_bsh<Fixture>,
                   [](Fixture& f) {
                     f.call.key.shape = f.call.value.shape = {5, 2, 4, 16};
                   },
                   Code::paged_layout, 4, 3},
      Row<Fixture>{"pages of rank 4 in BSND", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.input_layout = "BSND";
                     f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
                   },
                   Code::paged_layout, 4, 3},
      Row<Fixture>{"pages of two forms", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.value.shape = {5, 4, 32};
                   },
                   Code::kv_shape_mismatch, 3, 4},
      Row<Fixture>{"pools of two sizes", paged<Fixture>, [](Fixture& f) { f.call.value.shape.extent[0] = 4; },
                   Code::kv_shape_mismatch, 4, 5},
      Row<Fixture>{"a negative number of blocks", paged<Fixture>,
                   [](Fixture& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = -5; },
                   Code::extent_negative, -5, 0},
      Row<Fixture>{"pages too large to count", paged<Fixture>,
                   [](Fixture& f) { f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = kHuge / 64; },
                   Code::extent_too_large, 4},
      Row<Fixture>{"heads of pages", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.key.shape = {5, 4, 2, 16};
                   },
                   Code::kv_shape_mismatch, 2, 4},
      Row<Fixture>{"head size of pages", paged<Fixture>, [](Fixture& f) { f.call.key.shape.extent[3] = 8; },
                   Code::head_dim_mismatch, 8, 16},
      Row<Fixture>{"width of pages", token_major<Fixture>, [](Fixture& f) { f.call.key.shape.extent[2] = 48; },
                   Code::head_dim_mismatch, 24, 16},
      Row<Fixture>{"width % N2", token_major<Fixture>, [](Fixture& f) { f.call.key.shape.extent[2] = 33; },
                   Code::hidden_not_divisible, 33, 2},
      Row<Fixture>{"width of pages in BSH", token_major_bsh<Fixture>,
                   [](Fixture& f) { f.call.key.shape.extent[2] = 48; }, Code::head_dim_mismatch, 48, 32},
      Row<Fixture>{"num_heads 0 with pages", token_major<Fixture>,
                   [](Fixture& f) { f.call.num_heads = f.call.num_key_value_heads = 0; }, Code::head_num_not_positive,
                   0, 1},
      Row<Fixture>{"null pool", paged<Fixture>, [](Fixture& f) { f.call.key.data = nullptr; }, Code::null_key, 0, 1},
      Row<Fixture>{"null pool of values", paged<Fixture>, [](Fixture& f) { f.call.value.data = nullptr; },
                   Code::null_value, 0, 1},
      Row<Fixture>{"out is the pool's last block", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.attention_out.data =
                         const_cast<std::byte*>(static_cast<const std::byte*>(f.call.key.data) + 1278);
                   },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"out is the table", paged<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<std::int32_t*>(kTable); },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"pages with kv_padding_size", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
                   },
                   Code::paged_with_padding, 1, 0},
      Row<Fixture>{"pages with a list", list<Fixture>,
                   [](Fixture& f) {
                     f.call.block_table = {kTable, DType::i32, {2, 3}};
                     f.call.block_size = 4;
                   },
                   Code::paged_with_list, 2, 1},
      Row<Fixture>{
          "pages with a prefix", paged<Fixture>,
          [](Fixture& f) {
            f.call.key_shared_prefix = f.call.value_shared_prefix = {f.call.query.data, DType::f16, {1, 2, 1, 16}};
          },
          Code::paged_with_prefix, 1, 0},
      Row<Fixture>{"pages with a mask too narrow", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.attn_mask = {f.memory.take(14), DType::u8, {2, 7}};
                   },
                   Code::mask_shape, 7, 8},
      Row<Fixture>{"pages with a bias too narrow", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.pse_shift = {f.memory.take(112), DType::f16, {2, 4, 1, 7}};
                   },
                   Code::pse_shape, 7, 8},
  };
}

template <class Fixture>
auto list_rows() {
  return std::array{
      Row<Fixture>{"list and tensor", list<Fixture>, [](Fixture& f) { f.call.key = f.keys[0]; },
                   Code::kv_list_and_tensor, 1, 0},
      Row<Fixture>{"list of keys alone", list<Fixture>, [](Fixture& f) { f.values = {}; }, Code::kv_list_size, 0, 2},
      Row<Fixture>{"list of values alone", list<Fixture>, [](Fixture& f) { f.keys = {}; }, Code::kv_list_size, 2, 0},
      Row<Fixture>{"more values than keys", list<Fixture>, [](Fixture& f) { f.values.push_back(f.values[0]); },
                   Code::kv_list_size, 3, 2},
      Row<Fixture>{"three tensors for two entries", list<Fixture>,
                   [](Fixture& f) { f.keys.push_back(f.keys[0]), f.values.push_back(f.values[0]); }, Code::kv_list_size,
                   3, 2},
      Row<Fixture>{"one tensor of batch 1", list<Fixture>, [](Fixture& f) { f.keys.pop_back(), f.values.pop_back(); },
                   Code::batch_mismatch, 1, 2},
      Row<Fixture>{"an entry of batch 2", list<Fixture>, [](Fixture& f) { f.keys[0].shape.extent[0] = 2; },
                   Code::kv_list_shape, 2, 1},
      Row<Fixture>{"an entry of rank 3", list<Fixture>,
                   [](Fixture& f) {
                     f.keys[1].shape = {1, 3, 32};
                   },
                   Code::kv_list_shape, 3, 4},
      Row<Fixture>{"an entry with other heads", list<Fixture>, [](Fixture& f) { f.keys[1].shape.extent[1] = 4; },
                   Code::kv_list_shape, 4, 2},
      Row<Fixture>{"an entry with another head size", list<Fixture>,
                   [](Fixture& f) { f.values[1].shape.extent[3] = 8; }, Code::kv_list_shape, 8, 16},
      Row<Fixture>{"key and value of other rows", list<Fixture>, [](Fixture& f) { f.values[1].shape.extent[2] = 2; },
                   Code::kv_list_shape, 2, 3},
      Row<Fixture>{"negative rows", list<Fixture>,
                   [](Fixture& f) { f.keys[1].shape.extent[2] = f.values[1].shape.extent[2] = -1; },
                   Code::extent_negative, -1, 0},
      Row<Fixture>{"rows beyond counting", list<Fixture>,
                   [](Fixture& f) { f.keys[1].shape.extent[2] = f.values[1].shape.extent[2] = kHuge; },
                   Code::extent_too_large, kHuge},
      Row<Fixture>{"an entry of another type", list<Fixture>, [](Fixture& f) { f.values[1].dtype = DType::bf16; },
                   Code::dtype_key_value, 3, 2},
      Row<Fixture>{"a null key", list<Fixture>, [](Fixture& f) { f.keys[1].data = nullptr; }, Code::null_key, 0, 1},
      Row<Fixture>{"a null value", list<Fixture>, [](Fixture& f) { f.values[0].data = nullptr; }, Code::null_value, 0,
                   1},
      Row<Fixture>{"a length beyond its entry", list<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {8, 4};
                   },
                   Code::length_range, 4, 3},
      Row<Fixture>{"one length beyond the second entry", list<Fixture>, [](Fixture& f) { f.kv_lens = {4}; },
                   Code::length_range, 4, 3},
      Row<Fixture>{"a negative length", list<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {-1, 3};
                   },
                   Code::length_range, -1, 0},
      Row<Fixture>{"a mask narrower than the longest entry", list<Fixture>,
                   [](Fixture& f) {
                     f.call.attn_mask = {f.memory.take(14), DType::u8, {2, 7}};
                   },
                   Code::mask_shape, 7, 8},
      Row<Fixture>{"out is the last entry", list<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.values[1].data); },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"with kv_padding_size", list<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {3, 3};
                     f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
                   },
                   Code::kv_list_with_padding, 1, 0},
      Row<Fixture>{
          "with a prefix", list<Fixture>,
          [](Fixture& f) {
            f.call.key_shared_prefix = f.call.value_shared_prefix = {f.call.query.data, DType::f16, {1, 2, 1, 16}};
          },
          Code::kv_list_with_prefix, 1, 0},
      Row<Fixture>{"with key_rope", list<Fixture>,
                   [](Fixture& f) {
                     f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                     f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
                   },
                   Code::rope_shape, 2, 1},
  };
}

}  // namespace
}  // namespace bad_input

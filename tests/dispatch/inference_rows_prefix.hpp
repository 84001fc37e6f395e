// What left padding, a shared prefix, rope parts and sinks refuse.  (Operators 1.5, 5 and 12.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

template <class Fixture>
auto padding_rows() {
  return std::array{
      Row<Fixture>{"padding of int32", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.dtype = DType::i32; },
                   Code::kv_padding_dtype, 7, 8},
      Row<Fixture>{"two paddings", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.shape = {2}; },
                   Code::kv_padding_shape, 2, 1},
      Row<Fixture>{"padding of rank 2", padded<Fixture>,
                   [](Fixture& f) {
                     f.call.kv_padding_size.shape = {1, 1};
                   },
                   Code::kv_padding_shape, 2, 1},
      Row<Fixture>{"padding without data", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.data = nullptr; },
                   Code::kv_padding_null, 0, 1},
      Row<Fixture>{"a length beyond S", padded<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {3, 9};
                   },
                   Code::length_range, 9, 8},
      Row<Fixture>{"a mask of the length's columns", padded<Fixture>,
                   [](Fixture& f) {
                     f.call.attn_mask = {f.memory.take(6), DType::u8, {2, 3}};
                   },
                   Code::mask_shape, 3, 8},
      Row<Fixture>{"padding with a prefix", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.kv_lens = {3};
                     f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
                   },
                   Code::shared_prefix_with_padding, 2, 0},
  };
}

template <class Fixture>
auto prefix_rows() {
  return std::array{
      Row<Fixture>{"keys alone", prefixed<Fixture>, [](Fixture& f) { f.call.value_shared_prefix = {}; },
                   Code::shared_prefix_half, 1, 2},
      Row<Fixture>{"values alone", prefixed<Fixture>, [](Fixture& f) { f.call.key_shared_prefix = {}; },
                   Code::shared_prefix_half, 1, 2},
      Row<Fixture>{"null keys", prefixed<Fixture>, [](Fixture& f) { f.call.key_shared_prefix.data = nullptr; },
                   Code::null_key, 0, 1},
      Row<Fixture>{"null values", prefixed<Fixture>, [](Fixture& f) { f.call.value_shared_prefix.data = nullptr; },
                   Code::null_value, 0, 1},
      Row<Fixture>{"of another type", prefixed<Fixture>,
                   [](Fixture& f) { f.call.value_shared_prefix.dtype = DType::i8; }, Code::dtype_key_value, 4, 2},
      Row<Fixture>{"of batch 2", prefixed<Fixture>, [](Fixture& f) { f.call.key_shared_prefix.shape.extent[0] = 2; },
                   Code::shared_prefix_shape, 2, 1},
      Row<Fixture>{"of other heads", prefixed<Fixture>,
                   [](Fixture& f) { f.call.key_shared_prefix.shape.extent[1] = 4; }, Code::shared_prefix_shape, 4, 2},
      Row<Fixture>{"of another head size", prefixed<Fixture>,
                   [](Fixture& f) { f.call.key_shared_prefix.shape.extent[3] = 8; }, Code::shared_prefix_shape, 8, 16},
      Row<Fixture>{"of rank 3", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.call.key_shared_prefix.shape = {1, 3, 32};
                   },
                   Code::shared_prefix_shape, 3, 4},
      Row<Fixture>{"values of other rows", prefixed<Fixture>,
                   [](Fixture& f) { f.call.value_shared_prefix.shape.extent[2] = 2; }, Code::shared_prefix_shape, 2, 3},
      Row<Fixture>{"of negative rows", prefixed<Fixture>,
                   [](Fixture& f) {
                     for (glint::TensorRef* t : {&f.call.key_shared_prefix, &f.call.value_shared_prefix})
                       t->shape.extent[2] = -1;
                   },
                   Code::extent_negative, -1, 0},
      Row<Fixture>{"a length beyond its rows", prefixed<Fixture>,
                   [](Fixture& f) { f.call.actual_shared_prefix_len = 4; }, Code::shared_prefix_length, 4, 3},
      Row<Fixture>{"a length of -2", prefixed<Fixture>, [](Fixture& f) { f.call.actual_shared_prefix_len = -2; },
                   Code::shared_prefix_length, -2, 0},
      Row<Fixture>{"a length without a prefix", step<Fixture>, [](Fixture& f) { f.call.actual_shared_prefix_len = 1; },
                   Code::shared_prefix_length, 1, 0},
      Row<Fixture>{"a mask without the prefix's columns", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.call.attn_mask = {f.memory.take(16), DType::u8, {2, 8}};
                   },
                   Code::mask_shape, 8, 11},
      Row<Fixture>{"a mask with columns for unused rows", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.call.actual_shared_prefix_len = 2;
                     f.call.attn_mask = {f.memory.take(22), DType::u8, {2, 11}};
                   },
                   Code::mask_shape, 11, 10},
      Row<Fixture>{"a bias without the prefix's columns", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.call.pse_shift = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                   },
                   Code::pse_shape, 8, 11},
      Row<Fixture>{"out is the prefix", prefixed<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.value_shared_prefix.data); },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"with key_rope", prefixed<Fixture>,
                   [](Fixture& f) {
                     f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                     f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
                   },
                   Code::rope_half, 0, 1},
  };
}

template <class Fixture>
auto rope_rows() {
  return std::array{
      Row<Fixture>{"query_rope alone", roped<Fixture>, [](Fixture& f) { f.call.key_rope = {}; }, Code::rope_half, 1, 2},
      Row<Fixture>{"key_rope alone", roped<Fixture>, [](Fixture& f) { f.call.query_rope = {}; }, Code::rope_half, 1, 2},
      Row<Fixture>{"query_rope of another type", roped<Fixture>,
                   [](Fixture& f) { f.call.query_rope.dtype = DType::f32; }, Code::rope_dtype, 1, 2},
      Row<Fixture>{"key_rope of another type", roped<Fixture>, [](Fixture& f) { f.call.key_rope.dtype = DType::bf16; },
                   Code::rope_dtype, 3, 2},
      Row<Fixture>{"query_rope of rank 3", roped<Fixture>,
                   [](Fixture& f) {
                     f.call.query_rope.shape = {2, 4, 8};
                   },
                   Code::rope_shape, 3, 4},
      Row<Fixture>{"query_rope of other heads", roped<Fixture>,
                   [](Fixture& f) { f.call.query_rope.shape.extent[1] = 2; }, Code::rope_shape, 2, 4},
      Row<Fixture>{"key_rope of another head size", roped<Fixture>,
                   [](Fixture& f) { f.call.key_rope.shape.extent[3] = 16; }, Code::rope_shape, 16, 8},
      Row<Fixture>{"key_rope of other rows", roped<Fixture>, [](Fixture& f) { f.call.key_rope.shape.extent[2] = 7; },
                   Code::rope_shape, 7, 8},
      Row<Fixture>{"rope of head size 0", roped<Fixture>,
                   [](Fixture& f) { f.call.query_rope.shape.extent[3] = f.call.key_rope.shape.extent[3] = 0; },
                   Code::rope_shape, 0, 1},
      Row<Fixture>{"query_rope without data", roped<Fixture>, [](Fixture& f) { f.call.query_rope.data = nullptr; },
                   Code::rope_null, 0, 1},
      Row<Fixture>{"key_rope without data", roped<Fixture>, [](Fixture& f) { f.call.key_rope.data = nullptr; },
                   Code::rope_null, 0, 1},
      Row<Fixture>{"out is key_rope", roped<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.key_rope.data); },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"out is query_rope", roped<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.query_rope.data); },
                   Code::output_overlaps_input, 1, 0},
      Row<Fixture>{"rope with int8", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                     f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
                   },
                   Code::rope_with_integers, 4, 2},
      Row<Fixture>{"key_rope of the wrong pages", paged<Fixture>,
                   [](Fixture& f) {
                     f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
                     f.call.key_rope = {f.memory.take(640), DType::f16, {5, 4, 16}};
                   },
                   Code::rope_shape, 3, 4},
  };
}

template <class Fixture>
auto sink_rows() {
  return std::array{
      Row<Fixture>{"sink of another type", sunk<Fixture>, [](Fixture& f) { f.call.learnable_sink.dtype = DType::f32; },
                   Code::sink_dtype, 1, 2},
      Row<Fixture>{"sink of N2", sunk<Fixture>, [](Fixture& f) { f.call.learnable_sink.shape = {2}; }, Code::sink_shape,
                   2, 4},
      Row<Fixture>{"sink of rank 2", sunk<Fixture>,
                   [](Fixture& f) {
                     f.call.learnable_sink.shape = {1, 4};
                   },
                   Code::sink_shape, 2, 1},
      Row<Fixture>{"sink without data", sunk<Fixture>, [](Fixture& f) { f.call.learnable_sink.data = nullptr; },
                   Code::sink_null, 0, 1},
      Row<Fixture>{"out is the sink", sunk<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.learnable_sink.data); },
                   Code::output_overlaps_input, 1, 0},

  };
}

}  // namespace
}  // namespace bad_input

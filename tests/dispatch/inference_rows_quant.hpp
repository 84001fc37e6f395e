// What the factors of an integer cache refuse.  (Seeds 000 and 003; operators 4.3.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

template <class Fixture>
auto joint_rows() {
  return std::array{
      Row<Fixture>{"int8 without scales", joint<Fixture>,
                   [](Fixture& f) { f.call.antiquant_scale = f.call.antiquant_offset = {}; }, Code::antiquant_missing,
                   0, 2},
      Row<Fixture>{"offset alone", joint<Fixture>, [](Fixture& f) { f.call.antiquant_scale = {}; },
                   Code::antiquant_offset_alone, 1, 0},
      Row<Fixture>{"scale with a float16 cache", step<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale = ones(DType::f16, {2, 2, 1, 16});
                   },
                   Code::antiquant_unexpected, 2, 4},
      Row<Fixture>{"offset with a float16 cache", step<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_offset = ones(DType::f16, {2, 2, 1, 16});
                   },
                   Code::antiquant_unexpected, 2, 4},
      Row<Fixture>{"joint and separate", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale = ones(DType::f32, {2, 16});
                   },
                   Code::antiquant_joint_and_separate, 1, 0},
      Row<Fixture>{"scale of another 16-bit type", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::bf16, {2, 2, 1, 16});
                   },
                   Code::antiquant_dtype, 3, 2},
      Row<Fixture>{"per-token scale of int64", joint_tokens<Fixture>,
                   [](Fixture& f) { f.call.antiquant_scale.dtype = f.call.antiquant_offset.dtype = DType::i64; },
                   Code::antiquant_dtype, 8, 1},
      Row<Fixture>{"offset of another type", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_offset = ones(DType::f32, {2, 2, 1, 16});
                   },
                   Code::antiquant_dtype, 1, 2},
      Row<Fixture>{"scale without data", joint<Fixture>, [](Fixture& f) { f.call.antiquant_scale.data = nullptr; },
                   Code::antiquant_null, 0, 1},
      Row<Fixture>{"offset without data", joint<Fixture>, [](Fixture& f) { f.call.antiquant_offset.data = nullptr; },
                   Code::antiquant_null, 0, 1},
      Row<Fixture>{"BNSD's scale in BSND's shape", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale.shape = {2, 2, 16};
                   },
                   Code::antiquant_shape, 3, 4},
      Row<Fixture>{"scale of N heads", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale.shape = {2, 4, 1, 16};
                   },
                   Code::antiquant_shape, 4, 2},
      Row<Fixture>{"scale of one half", joint<Fixture>, [](Fixture& f) { f.call.antiquant_scale.shape.extent[0] = 1; },
                   Code::antiquant_shape, 1, 2},
      Row<Fixture>{"scale of another hidden size", joint_bsh<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale.shape = {2, 64};
                   },
                   Code::antiquant_shape, 64, 32},
      Row<Fixture>{"offset of another shape", joint<Fixture>, [](Fixture& f) { f.call.antiquant_offset.shape = {2}; },
                   Code::antiquant_shape, 1, 4},
      Row<Fixture>{"two head sizes", joint<Fixture>,
                   [](Fixture& f) { f.call.value.shape.extent[3] = f.call.attention_out.shape.extent[3] = 8; },
                   Code::antiquant_shape, 8, 16},
      Row<Fixture>{"joint mode 2", joint<Fixture>, [](Fixture& f) { f.call.antiquant_mode = 2; },
                   Code::antiquant_mode_range, 2, 1},
      Row<Fixture>{"joint mode -1", joint<Fixture>, [](Fixture& f) { f.call.antiquant_mode = -1; },
                   Code::antiquant_mode_range, -1, 0},
      Row<Fixture>{
          "joint per token, short", joint_tokens<Fixture>,
          [](Fixture& f) { f.call.antiquant_scale.shape.extent[2] = f.call.antiquant_offset.shape.extent[2] = 7; },
          Code::antiquant_shape, 7, 8},
      Row<Fixture>{"joint per token, batch", joint_tokens<Fixture>,
                   [](Fixture& f) { f.call.antiquant_scale.shape.extent[1] = 1; }, Code::antiquant_shape, 1, 2},
      Row<Fixture>{"joint per token, rank", joint_tokens<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale.shape = {2, 16};
                   },
                   Code::antiquant_shape, 2, 3},
      Row<Fixture>{
          "joint per token, negative", joint_tokens<Fixture>,
          [](Fixture& f) { f.call.antiquant_scale.shape.extent[2] = f.call.antiquant_offset.shape.extent[2] = -1; },
          Code::antiquant_shape, -1, 0},
      Row<Fixture>{"joint per token with pages", by_slot<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale = f.call.key_antiquant_offset = {};
                     f.call.value_antiquant_scale = f.call.value_antiquant_offset = {};
                     f.call.antiquant_mode = 1;
                     f.call.antiquant_scale = ones(DType::f32, {2, 2, 12});
                   },
                   Code::antiquant_mode_not_for_cache, 1, 4},
      Row<Fixture>{"joint scale 0", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale = with_sixth(kHalfMinusZero, {2, 2, 1, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"joint scale Inf", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_scale = with_sixth(kHalfInf, {2, 2, 1, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"joint offset NaN", joint<Fixture>,
                   [](Fixture& f) {
                     f.call.antiquant_offset = with_sixth(kHalfNan, {2, 2, 1, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"out is the scale", joint<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.antiquant_scale.data); },
                   Code::output_overlaps_input, 1, 0},
  };
}

template <class Fixture>
auto separate_rows() {
  return std::array{
      Row<Fixture>{"key's scale alone", by_channel<Fixture>,
                   [](Fixture& f) { f.call.value_antiquant_scale = f.call.value_antiquant_offset = {}; },
                   Code::antiquant_missing, 1, 2},
      Row<Fixture>{"value's scale alone", by_channel<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_scale = f.call.key_antiquant_offset = {}; },
                   Code::antiquant_missing, 1, 2},
      Row<Fixture>{"key's offset alone", by_channel<Fixture>, [](Fixture& f) { f.call.key_antiquant_scale = {}; },
                   Code::antiquant_offset_alone, 1, 0},
      Row<Fixture>{"value's offset alone", by_channel<Fixture>, [](Fixture& f) { f.call.value_antiquant_scale = {}; },
                   Code::antiquant_offset_alone, 1, 0},
      Row<Fixture>{"scale with a float16 cache", step<Fixture>,
                   [](Fixture& f) {
                     f.call.value_antiquant_scale = ones(DType::f32, {2, 16});
                   },
                   Code::antiquant_unexpected, 2, 4},
      Row<Fixture>{"scale of int8", by_channel<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_scale.dtype = f.call.key_antiquant_offset.dtype = DType::i8; },
                   Code::antiquant_dtype, 4, 1},
      Row<Fixture>{"scale without data", by_channel<Fixture>,
                   [](Fixture& f) { f.call.value_antiquant_scale.data = nullptr; }, Code::antiquant_null, 0, 1},
      Row<Fixture>{"key mode 6", by_channel<Fixture>, [](Fixture& f) { f.call.key_antiquant_mode = 6; },
                   Code::antiquant_mode_range, 6, 5},
      Row<Fixture>{"value mode -1", by_channel<Fixture>, [](Fixture& f) { f.call.value_antiquant_mode = -1; },
                   Code::antiquant_mode_range, -1, 0},
      Row<Fixture>{"key 1, value 0", by_token<Fixture>,
                   [](Fixture& f) {
                     f.call.value_antiquant_mode = 0;
                     f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, {2, 16});
                   },
                   Code::antiquant_mode_pair, 0, 1},
      Row<Fixture>{"key 0, value 2", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.value_antiquant_mode = 2;
                     f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, {2});
                   },
                   Code::antiquant_mode_pair, 2, 0},
      Row<Fixture>{"mode 4 without pages", by_token<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_mode = f.call.value_antiquant_mode = 4; },
                   Code::antiquant_mode_not_for_cache, 4, 1},
      Row<Fixture>{"mode 5 without pages", by_token_and_head<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_mode = f.call.value_antiquant_mode = 5; },
                   Code::antiquant_mode_not_for_cache, 5, 3},
      Row<Fixture>{"mode 1 with pages", by_slot<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_mode = f.call.value_antiquant_mode = 1; },
                   Code::antiquant_mode_not_for_cache, 1, 4},
      Row<Fixture>{"mode 3 with pages", by_slot_and_head<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_mode = f.call.value_antiquant_mode = 3; },
                   Code::antiquant_mode_not_for_cache, 3, 5},
      Row<Fixture>{"mode 0, heads and channels", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {16, 2};
                   },
                   Code::antiquant_shape, 16, 2},
      Row<Fixture>{"mode 0, five axes' worth", by_channel<Fixture>,
                   [](Fixture& f) {
                     for (glint::TensorRef* t : {&f.call.value_antiquant_scale, &f.call.value_antiquant_offset})
                       t->shape = {1, 1, 2, 16};
                   },
                   Code::antiquant_shape, 1, 2},
      Row<Fixture>{"mode 1, short", by_token<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {2, 7};
                   },
                   Code::antiquant_shape, 7, 8},
      Row<Fixture>{"mode 1, batch", by_token<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {1, 8};
                   },
                   Code::antiquant_shape, 1, 2},
      Row<Fixture>{"mode 1 without the prefix's columns", by_token<Fixture>,
                   [](Fixture& f) {
                     f.call.key_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
                     f.call.value_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
                   },
                   Code::antiquant_shape, 8, 11},
      Row<Fixture>{"mode 2, N heads", by_head<Fixture>,
                   [](Fixture& f) { f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {4}; },
                   Code::antiquant_shape, 4, 2},
      Row<Fixture>{"mode 3, no heads", by_token_and_head<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {2, 8};
                   },
                   Code::antiquant_shape, 2, 3},
      Row<Fixture>{"mode 3, short", by_token_and_head<Fixture>,
                   [](Fixture& f) {
                     for (glint::TensorRef* t : {&f.call.value_antiquant_scale, &f.call.value_antiquant_offset})
                       t->shape = {2, 2, 7};
                   },
                   Code::antiquant_shape, 7, 8},
      Row<Fixture>{"mode 4, blocks", by_slot<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {4, 4};
                   },
                   Code::antiquant_shape, 4, 5},
      Row<Fixture>{"mode 5, slots", by_slot_and_head<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {5, 2, 5};
                   },
                   Code::antiquant_shape, 5, 4},
      Row<Fixture>{"scale 0", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.key_antiquant_scale = with_sixth(0.0f, {2, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"scale NaN", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.value_antiquant_scale = with_sixth(__builtin_nanf(""), {2, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"offset Inf", by_channel<Fixture>,
                   [](Fixture& f) {
                     f.call.value_antiquant_offset = with_sixth(-__builtin_inff(), {2, 16});
                   },
                   Code::antiquant_value, 5, 32},
      Row<Fixture>{"mode 2, scale 0 of the second head", by_head<Fixture>,
                   [](Fixture& f) {
                     static constexpr float kZero[] = {1, 0};
                     f.call.key_antiquant_scale.data = kZero;
                   },
                   Code::antiquant_value, 1, 2},
      Row<Fixture>{"int4 of an odd head size", int4<Fixture>,
                   [](Fixture& f) {
                     for (glint::Extents* e : {&f.call.query.shape, &f.call.key.shape}) e->extent[3] = 15;
                     f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = {2, 15};
                   },
                   Code::int4_head_dim_odd, 15, 16},
      Row<Fixture>{"int4 values of an odd head size", int4<Fixture>,
                   [](Fixture& f) {
                     f.call.value.shape.extent[3] = f.call.attention_out.shape.extent[3] = 7;
                     f.call.value_antiquant_scale.shape = f.call.value_antiquant_offset.shape = {2, 7};
                   },
                   Code::int4_head_dim_odd, 7, 8},
      Row<Fixture>{"int4 in int32, not an eighth", int4_packed<Fixture>,
                   [](Fixture& f) { f.call.key.shape.extent[3] = 16; }, Code::head_dim_mismatch, 128, 16},
      Row<Fixture>{"int4 beside int8", int4<Fixture>, [](Fixture& f) { f.call.value.dtype = DType::i8; },
                   Code::dtype_key_value, 4, 10},
      Row<Fixture>{"int8 values beside a float16 key", step<Fixture>,
                   [](Fixture& f) { f.call.value.dtype = DType::i8; }, Code::dtype_key_value, 4, 2},
      Row<Fixture>{"a float32 cache under float16", step<Fixture>,
                   [](Fixture& f) { f.call.key.dtype = f.call.value.dtype = DType::f32; }, Code::dtype_key_value, 1, 2},
  };
}

}  // namespace
}  // namespace bad_input

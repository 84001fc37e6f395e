// Legal calls with one query row beyond a plain cache, to be spoiled.  B = 2, N = 4, N2 = 2, S = 8, D = 16.
#pragma once

#include "dispatch/inference_calls.hpp"

namespace bad_input {
namespace {

// What the rules read lives outside the fixture's memory, which expect_row() poisons.
template <class Number>
const void* many_of(Number one) {
  static std::vector<Number> numbers;
  if (numbers.empty()) numbers.assign(4096, one);
  return numbers.data();
}
inline const void* ones(DType dtype) {
  if (dtype == DType::f16) return many_of(glint::from_float<glint::half>(1));
  if (dtype == DType::bf16) return many_of(glint::from_float<glint::bfloat16>(1));
  return many_of(1.0f);
}
inline glint::TensorRef ones(DType dtype, Extents shape) { return {ones(dtype), dtype, shape}; }

// Factor 5 of each is not one; they are as long as one test needs.
template <class Number>
const void* all_but_one(Number one, Number sixth) {
  static std::vector<std::vector<Number>> kept;
  kept.emplace_back(4096, one)[5] = sixth;
  return kept.back().data();
}
inline glint::TensorRef with_sixth(float sixth, Extents shape) { return {all_but_one(1.0f, sixth), DType::f32, shape}; }
inline glint::TensorRef with_sixth(glint::half sixth, Extents shape) {
  return {all_but_one(glint::from_float<glint::half>(1), sixth), DType::f16, shape};
}
inline constexpr glint::half kHalfInf{0x7c00}, kHalfNan{0x7e01}, kHalfMinusZero{0x8000};

inline constexpr std::int32_t kTable[] = {0, 4, -1, 3, 1, 77};  // lengths {8, 5} need two blocks of four each
inline constexpr std::int64_t kPadding = 2;

inline constexpr Size kOneRow{.q_len = 1};

template <class Fixture>
Fixture step() {
  return dense<Fixture>(kOneRow);
}
template <class Fixture>
Fixture sized(Size s, DType query, DType cache) {
  Fixture f = dense<Fixture>(s, query);
  f.call.key.dtype = f.call.value.dtype = cache;
  return f;
}

// (blocks, N2, block_size, D)
template <class Fixture>
Fixture paged() {
  Fixture f = step<Fixture>();
  f.call.key = {f.memory.take(1280), DType::f16, {5, 2, 4, 16}};
  f.call.value = {f.memory.take(1280), DType::f16, {5, 2, 4, 16}};
  f.call.block_table = {kTable, DType::i32, {2, 3}};
  f.call.block_size = 4;
  f.kv_lens = {8, 5};
  return f;
}
// (blocks, block_size, N2 * D)
template <class Fixture>
Fixture token_major() {
  Fixture f = paged<Fixture>();
  f.call.key.shape = f.call.value.shape = {5, 4, 32};
  return f;
}
template <class Fixture>
Fixture token_major_bsh() {
  Fixture f = token_major<Fixture>();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, 1, 64};
  return f;
}
template <class Fixture>
Fixture list() {
  Fixture f = step<Fixture>();
  const void *key = f.call.key.data, *value = f.call.value.data;
  f.call.key = f.call.value = {};
  f.keys = {{key, DType::f16, {1, 2, 8, 16}}, {key, DType::f16, {1, 2, 3, 16}}};
  f.values = {{value, DType::f16, {1, 2, 8, 16}}, {value, DType::f16, {1, 2, 3, 16}}};
  return f;
}
template <class Fixture>
Fixture padded() {
  Fixture f = step<Fixture>();
  f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
  f.kv_lens = {3, 8};  // the second entry starts below 0 and has no keys
  return f;
}
template <class Fixture>
Fixture prefixed() {
  Fixture f = step<Fixture>();
  f.call.key_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
  f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
  return f;
}
template <class Fixture>
Fixture roped() {
  Fixture f = step<Fixture>();
  f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
  f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
  return f;
}
template <class Fixture>
Fixture sunk() {
  Fixture f = step<Fixture>();
  f.call.learnable_sink = {f.memory.take(8), DType::f16, {4}};
  return f;
}
// Factors of an int8 cache: joint ...
template <class Fixture>
Fixture joint() {
  Fixture f = sized<Fixture>(kOneRow, DType::f16, DType::i8);
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f16, {2, 2, 1, 16});
  return f;
}
template <class Fixture>
Fixture joint_bsh() {
  Fixture f = joint<Fixture>();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, 1, 64};
  f.call.key.shape = f.call.value.shape = {2, 8, 32};
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f16, {2, 32});
  return f;
}
template <class Fixture>
Fixture joint_tokens() {
  Fixture f = sized<Fixture>(kOneRow, DType::f16, DType::i8);
  f.call.antiquant_mode = 1;
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f32, {2, 2, 8});
  return f;
}
// ... or separate, in one mode.
template <class Fixture>
Fixture separate(index_t mode, Extents shape) {
  Fixture f = sized<Fixture>(kOneRow, DType::f16, DType::i8);
  f.call.key_antiquant_mode = f.call.value_antiquant_mode = mode;
  f.call.key_antiquant_scale = f.call.key_antiquant_offset = ones(DType::f32, shape);
  f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, shape);
  return f;
}
template <class Fixture>
Fixture by_channel() {
  return separate<Fixture>(0, {2, 16});
}
template <class Fixture>
Fixture by_token() {
  return separate<Fixture>(1, {2, 8});
}
template <class Fixture>
Fixture by_head() {
  return separate<Fixture>(2, {2});
}
template <class Fixture>
Fixture by_token_and_head() {
  return separate<Fixture>(3, {2, 2, 8});
}
template <class Fixture>
Fixture paged_int8(index_t mode, Extents shape) {
  const Fixture factors = separate<Fixture>(mode, shape);
  Fixture f = paged<Fixture>();
  f.call.key.dtype = f.call.value.dtype = DType::i8;
  f.call.key_antiquant_mode = f.call.value_antiquant_mode = mode;
  f.call.key_antiquant_scale = f.call.key_antiquant_offset = factors.call.key_antiquant_scale;
  f.call.value_antiquant_scale = f.call.value_antiquant_offset = factors.call.value_antiquant_scale;
  return f;
}
template <class Fixture>
Fixture by_slot() {
  return paged_int8<Fixture>(4, {5, 4});
}
template <class Fixture>
Fixture by_slot_and_head() {
  return paged_int8<Fixture>(5, {5, 2, 4});
}
template <class Fixture>
Fixture int4() {
  Fixture f = by_channel<Fixture>();
  f.call.key.dtype = f.call.value.dtype = DType::i4;
  return f;
}
// Eight numbers in an int32.
template <class Fixture>
Fixture int4_packed() {
  Fixture f = int4<Fixture>();
  f.call.key.dtype = f.call.value.dtype = DType::i32;
  f.call.key.shape = f.call.value.shape = {2, 2, 8, 2};
  return f;
}

template <class Fixture>
Fixture biased_step() {
  Fixture f = step<Fixture>();
  f.call.pse_shift = {f.memory.take(2 * 4 * 8 * 2), DType::f16, {2, 4, 1, 8}};
  return f;
}
template <class Fixture>
Fixture to_int8() {
  Fixture f = step<Fixture>();
  f.call.attention_out.dtype = DType::i8;
  f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::f32, {1});
  return f;
}

template <class Fixture>
Fixture under_ascend(Fixture f) {
  f.call.limits = glint::Limits::ascend;
  return f;
}

}  // namespace
}  // namespace bad_input

// Legal calls of incre_flash_attention beyond a plain cache, to be spoiled.  B = 2, N = 4, N2 = 2, S = 8, D = 16.
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

inline Incre sized(Size s, DType query, DType cache) {
  Incre f = dense<Incre>(s, query);
  f.call.key.dtype = f.call.value.dtype = cache;
  return f;
}
inline constexpr Size kOneRow{.q_len = 1};

// (blocks, N2, block_size, D)
inline Incre paged() {
  Incre f = plain<Incre>();
  f.call.key = {f.memory.take(1280), DType::f16, {5, 2, 4, 16}};
  f.call.value = {f.memory.take(1280), DType::f16, {5, 2, 4, 16}};
  f.call.block_table = {kTable, DType::i32, {2, 3}};
  f.call.block_size = 4;
  f.kv_lens = {8, 5};
  return f;
}
// (blocks, block_size, N2 * D)
inline Incre token_major() {
  Incre f = paged();
  f.call.key.shape = f.call.value.shape = {5, 4, 32};
  return f;
}
inline Incre token_major_bsh() {
  Incre f = token_major();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, 1, 64};
  return f;
}
inline Incre list() {
  Incre f = plain<Incre>();
  const void *key = f.call.key.data, *value = f.call.value.data;
  f.call.key = f.call.value = {};
  f.keys = {{key, DType::f16, {1, 2, 8, 16}}, {key, DType::f16, {1, 2, 3, 16}}};
  f.values = {{value, DType::f16, {1, 2, 8, 16}}, {value, DType::f16, {1, 2, 3, 16}}};
  return f;
}
inline Incre padded() {
  Incre f = plain<Incre>();
  f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
  f.kv_lens = {3, 8};  // the second entry starts below 0 and has no keys
  return f;
}
inline Incre prefixed() {
  Incre f = plain<Incre>();
  f.call.key_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
  f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {1, 2, 3, 16}};
  return f;
}
inline Incre roped() {
  Incre f = plain<Incre>();
  f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
  f.call.key_rope = {f.memory.take(512), DType::f16, {2, 2, 8, 8}};
  return f;
}
inline Incre sunk() {
  Incre f = plain<Incre>();
  f.call.learnable_sink = {f.memory.take(8), DType::f16, {4}};
  return f;
}
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

// Factors of an int8 cache: joint ...
inline Incre joint() {
  Incre f = sized(kOneRow, DType::f16, DType::i8);
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f16, {2, 2, 1, 16});
  return f;
}
inline Incre joint_bsh() {
  Incre f = joint();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, 1, 64};
  f.call.key.shape = f.call.value.shape = {2, 8, 32};
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f16, {2, 32});
  return f;
}
inline Incre joint_tokens() {
  Incre f = sized(kOneRow, DType::f16, DType::i8);
  f.call.antiquant_mode = 1;
  f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f32, {2, 2, 8});
  return f;
}
// ... or separate, in one mode.
inline Incre separate(index_t mode, Extents shape) {
  Incre f = sized(kOneRow, DType::f16, DType::i8);
  f.call.key_antiquant_mode = f.call.value_antiquant_mode = mode;
  f.call.key_antiquant_scale = f.call.key_antiquant_offset = ones(DType::f32, shape);
  f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, shape);
  return f;
}
inline Incre by_channel() { return separate(0, {2, 16}); }
inline Incre by_token() { return separate(1, {2, 8}); }
inline Incre by_head() { return separate(2, {2}); }
inline Incre by_token_and_head() { return separate(3, {2, 2, 8}); }
inline Incre paged_int8(index_t mode, Extents shape) {
  const Incre factors = separate(mode, shape);
  Incre f = paged();
  f.call.key.dtype = f.call.value.dtype = DType::i8;
  f.call.key_antiquant_mode = f.call.value_antiquant_mode = mode;
  f.call.key_antiquant_scale = f.call.key_antiquant_offset = factors.call.key_antiquant_scale;
  f.call.value_antiquant_scale = f.call.value_antiquant_offset = factors.call.value_antiquant_scale;
  return f;
}
inline Incre by_slot() { return paged_int8(4, {5, 4}); }
inline Incre by_slot_and_head() { return paged_int8(5, {5, 2, 4}); }
inline Incre int4() {
  Incre f = by_channel();
  f.call.key.dtype = f.call.value.dtype = DType::i4;
  return f;
}
// Eight numbers in an int32.
inline Incre int4_packed() {
  Incre f = int4();
  f.call.key.dtype = f.call.value.dtype = DType::i32;
  f.call.key.shape = f.call.value.shape = {2, 2, 8, 2};
  return f;
}

inline Incre to_int8() {
  Incre f = plain<Incre>();
  f.call.attention_out.dtype = DType::i8;
  f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::f32, {1});
  return f;
}

inline Incre under_ascend(Incre f) {
  f.call.limits = glint::Limits::ascend;
  return f;
}

}  // namespace
}  // namespace bad_input

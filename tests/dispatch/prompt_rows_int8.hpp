// What queries of int8 ask of their scales, and what they do not go with.  (Operators 4.1, 4.2 and 12.17.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline Prompt bytes() {
  Prompt f = dense<Prompt>({}, DType::i8);
  f.call.attention_out = {f.memory.take(1536), DType::f16, {2, 4, 6, 16}};
  f.call.deq_scale1 = f.call.quant_scale1 = f.call.deq_scale2 = ones(DType::f32, {1});
  return f;
}
inline Prompt bytes_to_bytes() {
  Prompt f = bytes();
  f.call.attention_out.dtype = DType::i8;
  f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::f32, {1});
  return f;
}
inline glint::TensorRef number(float value) {
  static std::vector<std::unique_ptr<float>> kept;
  return {kept.emplace_back(std::make_unique<float>(value)).get(), DType::f32, {1}};
}
inline glint::TensorRef bits(std::uint64_t value) {
  static std::vector<std::unique_ptr<std::uint64_t>> kept;
  return {kept.emplace_back(std::make_unique<std::uint64_t>(value)).get(), DType::u64, {1}};
}
inline const float kNan = __builtin_nanf(""), kInf = __builtin_inff();

inline auto int8_rows() {
  return std::array{
      Row<Prompt>{"no deq_scale1", bytes, [](Prompt& f) { f.call.deq_scale1 = {}; }, Code::int8_scale_missing, 0, 1},
      Row<Prompt>{"no quant_scale1", bytes, [](Prompt& f) { f.call.quant_scale1 = {}; }, Code::int8_scale_missing, 0,
                  1},
      Row<Prompt>{"no deq_scale2", bytes, [](Prompt& f) { f.call.deq_scale2 = {}; }, Code::int8_scale_missing, 0, 1},
      Row<Prompt>{"no quant_scale2", bytes_to_bytes, [](Prompt& f) { f.call.quant_scale2 = f.call.quant_offset2 = {}; },
                  Code::post_quant_missing, 0, 1},
      Row<Prompt>{"quant_offset2 alone", bytes_to_bytes, [](Prompt& f) { f.call.quant_scale2 = {}; },
                  Code::post_quant_offset_alone, 1, 0},
      Row<Prompt>{"quant_scale2 with a float16 output", bytes,
                  [](Prompt& f) { f.call.quant_scale2 = ones(DType::f32, {1}); }, Code::post_quant_unexpected, 1, 0},
      Row<Prompt>{"quant_offset2 with a float16 output", bytes,
                  [](Prompt& f) { f.call.quant_offset2 = ones(DType::f32, {1}); }, Code::post_quant_offset_alone, 1, 0},
      Row<Prompt>{"quant_scale2 of bfloat16", bytes_to_bytes,
                  [](Prompt& f) { f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::bf16, {1}); },
                  Code::post_quant_dtype, 3, 1},
      Row<Prompt>{"deq_scale1 under float16", plain<Prompt>,
                  [](Prompt& f) { f.call.deq_scale1 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},
      Row<Prompt>{"quant_scale1 under float16", plain<Prompt>,
                  [](Prompt& f) { f.call.quant_scale1 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},
      Row<Prompt>{"deq_scale2 under float16", plain<Prompt>,
                  [](Prompt& f) { f.call.deq_scale2 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},
      Row<Prompt>{"deq_scale1 with an int8 output of floats", to_int8<Prompt>,
                  [](Prompt& f) { f.call.deq_scale1 = ones(DType::f32, {1}); }, Code::int8_scale_unexpected, 2, 4},

      Row<Prompt>{"output of float32", bytes, [](Prompt& f) { f.call.attention_out.dtype = DType::f32; },
                  Code::dtype_output, 1, 2},
      Row<Prompt>{"key of float16", bytes, [](Prompt& f) { f.call.key.dtype = DType::f16; }, Code::dtype_key_value, 2,
                  4},
      Row<Prompt>{"value of int4", bytes, [](Prompt& f) { f.call.value.dtype = DType::i4; }, Code::dtype_key_value, 10,
                  4},
      Row<Prompt>{"pse_shift of float32", bytes,
                  [](Prompt& f) {
                    f.call.pse_shift = {f.memory.take(768), DType::f32, {1, 1, 6, 8}};
                  },
                  Code::dtype_pse, 1, 2},
      Row<Prompt>{"antiquant factors", bytes,
                  [](Prompt& f) {
                    f.call.key_antiquant_scale = f.call.value_antiquant_scale = ones(DType::f32, {2, 16});
                  },
                  Code::antiquant_unexpected, 4, 2},
      Row<Prompt>{"learnable_sink", bytes,
                  [](Prompt& f) {
                    f.call.learnable_sink = {f.memory.take(8), DType::f16, {4}};
                  },
                  Code::int8_with_sink, 1, 0},
      Row<Prompt>{"rope", bytes,
                  [](Prompt& f) {
                    f.call.query_rope = {f.memory.take(384), DType::i8, {2, 4, 6, 8}};
                    f.call.key_rope = {f.memory.take(256), DType::i8, {2, 2, 8, 8}};
                  },
                  Code::rope_with_integers, 4, 2},

      Row<Prompt>{"deq_scale1 of float16", bytes, [](Prompt& f) { f.call.deq_scale1.dtype = DType::f16; },
                  Code::int8_scale_dtype, 2, 1},
      Row<Prompt>{"quant_scale1 of uint64", bytes, [](Prompt& f) { f.call.quant_scale1 = bits(0x3f800000u); },
                  Code::int8_scale_dtype, 9, 1},
      Row<Prompt>{"deq_scale2 of int64", bytes, [](Prompt& f) { f.call.deq_scale2.dtype = DType::i64; },
                  Code::int8_scale_dtype, 8, 1},
      Row<Prompt>{"deq_scale1 for each head", bytes, [](Prompt& f) { f.call.deq_scale1.shape = {4}; },
                  Code::int8_scale_shape, 4, 1},
      Row<Prompt>{"quant_scale1 of rank 2", bytes,
                  [](Prompt& f) {
                    f.call.quant_scale1.shape = {1, 1};
                  },
                  Code::int8_scale_shape, 2, 1},
      Row<Prompt>{"deq_scale2 of nothing", bytes, [](Prompt& f) { f.call.deq_scale2.shape = {0}; },
                  Code::int8_scale_shape, 0, 1},
      Row<Prompt>{"deq_scale1 without data", bytes, [](Prompt& f) { f.call.deq_scale1.data = nullptr; },
                  Code::int8_scale_null, 0, 1},
      Row<Prompt>{"quant_scale1 without data", bytes, [](Prompt& f) { f.call.quant_scale1.data = nullptr; },
                  Code::int8_scale_null, 0, 1},

      Row<Prompt>{"deq_scale1 0", bytes, [](Prompt& f) { f.call.deq_scale1 = number(-0.0f); }, Code::int8_scale_value,
                  0, 1},
      Row<Prompt>{"deq_scale1 NaN", bytes, [](Prompt& f) { f.call.deq_scale1 = number(kNan); }, Code::int8_scale_value,
                  0, 1},
      Row<Prompt>{"deq_scale1 Inf", bytes, [](Prompt& f) { f.call.deq_scale1 = number(-kInf); }, Code::int8_scale_value,
                  0, 1},
      Row<Prompt>{"deq_scale1 0 in 19 bits", bytes, [](Prompt& f) { f.call.deq_scale1 = bits(0x1fff); },
                  Code::int8_scale_value, 0, 1},
      Row<Prompt>{"deq_scale2 0 under a full upper half", bytes,
                  [](Prompt& f) { f.call.deq_scale2 = bits(~0ull << 32); }, Code::int8_scale_value, 0, 1},
      Row<Prompt>{"deq_scale2 NaN", bytes, [](Prompt& f) { f.call.deq_scale2 = bits(0x7f800001u); },
                  Code::int8_scale_value, 0, 1},
      Row<Prompt>{"quant_scale1 0", bytes, [](Prompt& f) { f.call.quant_scale1 = number(0); }, Code::int8_scale_value,
                  0, 1},
      Row<Prompt>{"quant_scale1 0 in float16", bytes, [](Prompt& f) { f.call.quant_scale1 = number(0x1p-25f); },
                  Code::int8_scale_value, 0, 1},
      Row<Prompt>{"quant_scale1 Inf in float16", bytes, [](Prompt& f) { f.call.quant_scale1 = number(-65520); },
                  Code::int8_scale_value, 0, 1},
      Row<Prompt>{"quant_scale1 NaN", bytes, [](Prompt& f) { f.call.quant_scale1 = number(kNan); },
                  Code::int8_scale_value, 0, 1},
      Row<Prompt>{"scale_value Inf in float16", bytes, [](Prompt& f) { f.call.scale_value = 65520; },
                  Code::scale_not_finite, 0, 1},
  };
}

constexpr LegalRow<Prompt> kLegalInt8[] = {
    {"to float16", bytes, [](Prompt&) {}},
    {"to int8", bytes_to_bytes, [](Prompt&) {}},
    {"to int8 without offset", bytes_to_bytes, [](Prompt& f) { f.call.quant_offset2 = {}; }},
    {"to int8, a factor for each channel", bytes_to_bytes,
     [](Prompt& f) { f.call.quant_scale2.shape = f.call.quant_offset2.shape = {64}; }},
    {"scales as bits", bytes,
     [](Prompt& f) { f.call.deq_scale1 = bits(0x3c000000u), f.call.deq_scale2 = bits(1ull << 46 | 0x3f800000u); }},
    {"negative scales", bytes,
     [](Prompt& f) {
       f.call.deq_scale1 = number(-1), f.call.quant_scale1 = number(-127), f.call.deq_scale2 = number(-0.5f);
     }},
    {"the least scales", bytes,
     [](Prompt& f) { f.call.deq_scale1 = f.call.deq_scale2 = bits(0x2000), f.call.quant_scale1 = number(0x1p-24f); }},
    {"the largest scales", bytes,
     [](Prompt& f) {
       f.call.deq_scale1 = f.call.deq_scale2 = number(0x1p127f), f.call.quant_scale1 = number(65519);
       f.call.scale_value = 65504;
     }},
    {"scalars", bytes,
     [](Prompt& f) { f.call.deq_scale1.shape = f.call.quant_scale1.shape = f.call.deq_scale2.shape = {}; }},
    {"a bias of float16", bytes,
     [](Prompt& f) {
       f.call.pse_shift = {f.memory.take(768), DType::f16, {2, 4, 6, 8}};
     }},
    {"padded keys", bytes,
     [](Prompt& f) {
       f.kv_lens = {3, 8};
       f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"pages and TND", bytes,
     [](Prompt& f) {
       f.call.input_layout = "TND";
       f.call.query.shape = f.call.attention_out.shape = {6, 4, 16};
       f.call.key.shape = f.call.value.shape = {2, 4, 32};
       static constexpr std::int32_t kOneEach[] = {1, 0};
       f.call.block_table = {kOneEach, DType::i32, {2, 1}};
       f.call.block_size = 4;
       f.q_lens = {2, 6}, f.kv_lens = {3, 4};
     }},
};

}  // namespace
}  // namespace bad_input

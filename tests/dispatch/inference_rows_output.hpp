// What the factors of an int8 output refuse.  (Seeds 000 and 003; operators 4.2.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

template <class Fixture>
auto post_quant_rows() {
  return std::array{
      Row<Fixture>{"int8 output without scale", to_int8<Fixture>,
                   [](Fixture& f) { f.call.quant_scale2 = f.call.quant_offset2 = {}; }, Code::post_quant_missing, 0, 1},
      Row<Fixture>{"offset alone", to_int8<Fixture>, [](Fixture& f) { f.call.quant_scale2 = {}; },
                   Code::post_quant_offset_alone, 1, 0},
      Row<Fixture>{"scale with a float16 output", to_int8<Fixture>,
                   [](Fixture& f) { f.call.attention_out.dtype = DType::f16; }, Code::post_quant_unexpected, 1, 0},
      Row<Fixture>{"an output of bfloat16", step<Fixture>, [](Fixture& f) { f.call.attention_out.dtype = DType::bf16; },
                   Code::dtype_output, 3, 2},
      Row<Fixture>{"scale of float16", to_int8<Fixture>,
                   [](Fixture& f) { f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::f16, {1}); },
                   Code::post_quant_dtype, 2, 1},
      Row<Fixture>{"scale of bfloat16 under float16", to_int8<Fixture>,
                   [](Fixture& f) { f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::bf16, {1}); },
                   Code::post_quant_dtype, 3, 1},
      Row<Fixture>{"offset of another type", to_int8<Fixture>,
                   [](Fixture& f) { f.call.quant_offset2 = ones(DType::bf16, {1}); }, Code::post_quant_dtype, 3, 1},
      Row<Fixture>{"a scale for each head", to_int8<Fixture>,
                   [](Fixture& f) { f.call.quant_scale2.shape = f.call.quant_offset2.shape = {4}; },
                   Code::post_quant_shape, 4, 64},
      Row<Fixture>{"fewer offsets than scales", to_int8<Fixture>,
                   [](Fixture& f) {
                     f.call.quant_scale2.shape = {4, 16};
                   },
                   Code::post_quant_shape, 1, 64},
      Row<Fixture>{"scale without data", to_int8<Fixture>, [](Fixture& f) { f.call.quant_scale2.data = nullptr; },
                   Code::post_quant_null, 0, 1},
      Row<Fixture>{"offset without data", to_int8<Fixture>, [](Fixture& f) { f.call.quant_offset2.data = nullptr; },
                   Code::post_quant_null, 0, 1},
      Row<Fixture>{"scale 0", to_int8<Fixture>,
                   [](Fixture& f) {
                     f.call.quant_scale2 = with_sixth(0.0f, {4, 16});
                     f.call.quant_offset2 = {};
                   },
                   Code::post_quant_value, 5, 64},
      Row<Fixture>{"offset NaN", to_int8<Fixture>,
                   [](Fixture& f) {
                     f.call.quant_scale2 = ones(DType::f32, {64});
                     f.call.quant_offset2 = with_sixth(__builtin_nanf(""), {64});
                   },
                   Code::post_quant_value, 5, 64},
      Row<Fixture>{"out is the scale", to_int8<Fixture>,
                   [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.quant_scale2.data); },
                   Code::output_overlaps_input, 1, 0},
  };
}

}  // namespace
}  // namespace bad_input

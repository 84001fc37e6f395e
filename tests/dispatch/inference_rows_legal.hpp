// Calls of incre_flash_attention at a bound, not beyond it.
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline constexpr std::int64_t kBelowZero = -3, kFar = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int32_t kEdges[] = {0, 4, -1, 4, 0, -1};

template <class Fixture>
void without_offsets(Fixture& f) {
  f.call.antiquant_offset = f.call.key_antiquant_offset = f.call.value_antiquant_offset = {};
}
template <class Fixture>
void key_factors(Fixture& f, Extents shape) {
  f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = shape;
}

template <class Fixture>
auto legal_places() {
  using Row = LegalRow<Fixture>;
  return std::array{
      Row{"exactly the columns needed, ids 0 and blocks - 1", paged<Fixture>,
          [](Fixture& f) {
            f.call.block_table = {kEdges, DType::i32, {2, 3}};
            f.kv_lens = {8, 8};
          }},
      Row{"unused columns", paged<Fixture>,
          [](Fixture& f) {
            f.kv_lens = {4, 5};
          }},
      Row{"the pool exactly full", paged<Fixture>,
          [](Fixture& f) {
            static constexpr std::int32_t kFull[] = {0, 1, 2, 3, 4, 0};
            f.call.block_table.data = kFull;
            f.kv_lens = {12};
          }},
      Row{"no keys and no blocks", paged<Fixture>,
          [](Fixture& f) {
            f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0;
            f.call.key.data = f.call.value.data = nullptr;
            f.kv_lens = {0};
          }},
      Row{"no columns for no keys", paged<Fixture>,
          [](Fixture& f) {
            f.call.block_table = {nullptr, DType::i32, {2, 0}};
            f.kv_lens = {0, 0};
          }},
      Row{"pages of BSH under BNSD", token_major<Fixture>, [](Fixture&) {}},
      Row{"pages of BSH", token_major_bsh<Fixture>, [](Fixture&) {}},
      Row{"pages under BSND", token_major<Fixture>,
          [](Fixture& f) {
            f.call.input_layout = "BSND";
            f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
          }},
      Row{"values of another width", token_major<Fixture>,
          [](Fixture& f) { f.call.value.shape.extent[2] = 16, f.call.attention_out.shape.extent[3] = 8; }},
      Row{"a mask and a bias of the longest entry", paged<Fixture>,
          [](Fixture& f) {
            f.call.attn_mask = {f.memory.take(16), DType::u8, {2, 8}};
            f.call.pse_shift = {f.memory.take(160), DType::f16, {2, 4, 1, 10}};
          }},
      Row{"pages as a list of one", paged<Fixture>,
          [](Fixture& f) {
            f.keys = {f.call.key}, f.values = {f.call.value};
            f.call.key = f.call.value = {};
          }},
      Row{"pages with a rope part", paged<Fixture>,
          [](Fixture& f) {
            f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
            f.call.key_rope = {f.memory.take(640), DType::f16, {5, 2, 4, 8}};
          }},
      Row{"pages of BSH with a rope part", token_major_bsh<Fixture>,
          [](Fixture& f) {
            f.call.query_rope = {f.memory.take(128), DType::f16, {2, 1, 32}};
            f.call.key_rope = {f.memory.take(640), DType::f16, {5, 4, 16}};
          }},
      Row{"pages with per-channel post-quant", paged<Fixture>,
          [](Fixture& f) {
            f.call.attention_out.dtype = DType::i8;
            f.call.quant_scale2 = ones(DType::f32, {4, 16});
          }},
      Row{"a list", list<Fixture>, [](Fixture&) {}},
      Row{"lengths up to each entry's rows", list<Fixture>,
          [](Fixture& f) {
            f.kv_lens = {8, 3};
          }},
      Row{"one length for a list", list<Fixture>, [](Fixture& f) { f.kv_lens = {3}; }},
      Row{"an entry without rows", list<Fixture>,
          [](Fixture& f) {
            f.keys[1] = {nullptr, DType::f16, {1, 2, 0, 16}};
            f.values[1] = {nullptr, DType::f16, {1, 2, 0, 16}};
          }},
      Row{"a list with a mask of the longest length", list<Fixture>,
          [](Fixture& f) {
            f.kv_lens = {5, 3};
            f.call.attn_mask = {f.memory.take(10), DType::u8, {2, 5}};
          }},
      Row{"a list with a padding that is ignored", list<Fixture>,
          [](Fixture& f) {
            f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
          }},
      Row{"a list of one tensor", list<Fixture>,
          [](Fixture& f) {
            f.keys = {f.keys[0]}, f.values = {f.values[0]};
            f.keys[0].shape.extent[0] = f.values[0].shape.extent[0] = 2;
          }},
      Row{"padding", padded<Fixture>, [](Fixture&) {}},
      Row{"padding as a scalar", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.shape = {}; }},
      Row{"negative padding", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.data = &kBelowZero; }},
      Row{"padding beyond the cache", padded<Fixture>, [](Fixture& f) { f.call.kv_padding_size.data = &kFar; }},
      Row{"padding without lengths", padded<Fixture>, [](Fixture& f) { f.kv_lens = {}; }},
      Row{"padding that is ignored beside a prefix", prefixed<Fixture>,
          [](Fixture& f) {
            f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
          }},
      Row{"prefix", prefixed<Fixture>, [](Fixture&) {}},
      Row{"prefix of length 0", prefixed<Fixture>, [](Fixture& f) { f.call.actual_shared_prefix_len = 0; }},
      Row{"prefix of all its rows", prefixed<Fixture>, [](Fixture& f) { f.call.actual_shared_prefix_len = 3; }},
      Row{"prefix without rows", prefixed<Fixture>,
          [](Fixture& f) {
            f.call.key_shared_prefix = f.call.value_shared_prefix = {nullptr, DType::f16, {1, 2, 0, 16}};
          }},
      Row{"prefix and a mask", prefixed<Fixture>,
          [](Fixture& f) {
            f.call.actual_shared_prefix_len = 2;
            f.call.attn_mask = {f.memory.take(10), DType::u8, {1, 10}};
          }},
  };
}

template <class Fixture>
auto legal_factors() {
  using Row = LegalRow<Fixture>;
  return std::array{
      Row{"joint, BNSD", joint<Fixture>, [](Fixture&) {}},
      Row{"joint without offset", joint<Fixture>, without_offsets<Fixture>},
      Row{"joint of float32", joint<Fixture>,
          [](Fixture& f) {
            f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f32, {2, 2, 1, 16});
          }},
      Row{"joint, BSH", joint_bsh<Fixture>, [](Fixture&) {}},
      Row{"joint, BSND", joint<Fixture>,
          [](Fixture& f) {
            f.call.input_layout = "BSND";
            f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
            f.call.key.shape = f.call.value.shape = {2, 8, 2, 16};
            f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2, 2, 16};
          }},
      Row{"joint, one number each", joint<Fixture>,
          [](Fixture& f) { f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2}; }},
      Row{"joint, per token", joint_tokens<Fixture>, [](Fixture&) {}},
      Row{"joint, more tokens than needed", joint_tokens<Fixture>,
          [](Fixture& f) {
            f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2, 2, 9};
          }},
      Row{"joint, a denormal scale", joint<Fixture>,
          [](Fixture& f) {
            static const std::vector<glint::half> denormals(64, glint::half{1});
            f.call.antiquant_scale.data = denormals.data();
          }},
      Row{"mode 0 (H)", by_channel<Fixture>, [](Fixture& f) { key_factors(f, {32}); }},
      Row{"mode 0 (1)", by_channel<Fixture>, [](Fixture& f) { key_factors(f, {1}); }},
      Row{"mode 0 (1), whatever stands behind its only axis", by_channel<Fixture>,
          [](Fixture& f) {
            static constexpr float kOneAndZeros[32] = {1};
            key_factors(f, {1});
            without_offsets(f);
            f.call.key_antiquant_scale.data = kOneAndZeros;
            f.call.key_antiquant_scale.shape.extent[1] = 32;
          }},
      Row{"mode 0 (1,H)", by_channel<Fixture>,
          [](Fixture& f) {
            key_factors(f, {1, 32});
          }},
      Row{"mode 0 (1,N,D)", by_channel<Fixture>,
          [](Fixture& f) {
            key_factors(f, {1, 2, 16});
          }},
      Row{"mode 0 (N,1,D)", by_channel<Fixture>,
          [](Fixture& f) {
            key_factors(f, {2, 1, 16});
          }},
      Row{"mode 0 (1,N,1,D)", by_channel<Fixture>,
          [](Fixture& f) {
            key_factors(f, {1, 2, 1, 16});
          }},
      Row{"mode 0 without offsets", by_channel<Fixture>, without_offsets<Fixture>},
      Row{"mode 0 of two head sizes", by_channel<Fixture>,
          [](Fixture& f) {
            f.call.value.shape.extent[3] = f.call.attention_out.shape.extent[3] = 8;
            f.call.value_antiquant_scale.shape = f.call.value_antiquant_offset.shape = {2, 8};
          }},
      Row{"mode 1", by_token<Fixture>, [](Fixture&) {}},
      Row{"mode 1 (1,B,S)", by_token<Fixture>,
          [](Fixture& f) {
            key_factors(f, {1, 2, 9});
          }},
      Row{"mode 1 with NaN: data, not a rule", by_token<Fixture>,
          [](Fixture& f) {
            static const std::vector<float> nans(16, __builtin_nanf(""));
            f.call.key_antiquant_scale.data = nans.data();
          }},
      Row{"mode 2", by_head<Fixture>, [](Fixture&) {}},
      Row{"mode 3", by_token_and_head<Fixture>, [](Fixture&) {}},
      Row{"mode 4", by_slot<Fixture>, [](Fixture&) {}},
      Row{"mode 5", by_slot_and_head<Fixture>, [](Fixture&) {}},
      Row{"key 0, value 1", by_channel<Fixture>,
          [](Fixture& f) {
            f.call.value_antiquant_mode = 1;
            f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, {2, 8});
          }},
      Row{"int4", int4<Fixture>, [](Fixture&) {}},
      Row{"int4 in int32", int4_packed<Fixture>, [](Fixture&) {}},
      Row{"an int8 cache and prefix", by_channel<Fixture>,
          [](Fixture& f) {
            f.call.key_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
            f.call.value_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
          }},
      Row{"a float16 cache under float32", [] { return sized<Fixture>(kOneRow, DType::f32, DType::f16); },
          [](Fixture&) {}},
      Row{"int8 output", to_int8<Fixture>, [](Fixture&) {}},
      Row{"int8 output, no offset", to_int8<Fixture>, [](Fixture& f) { f.call.quant_offset2 = {}; }},
      Row{"int8 output, a factor for each channel", to_int8<Fixture>,
          [](Fixture& f) {
            f.call.quant_scale2.shape = f.call.quant_offset2.shape = {1, 4, 1, 16};
          }},
      Row{"int8 output, bfloat16 factors under bfloat16", to_int8<Fixture>,
          [](Fixture& f) {
            for (glint::TensorRef* t : {&f.call.query, &f.call.key, &f.call.value}) t->dtype = DType::bf16;
            f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::bf16, {1});
          }},
  };
}

template <class Fixture>
auto legal_options() {
  using Row = LegalRow<Fixture>;
  return std::array{
      Row{"rope", roped<Fixture>, [](Fixture&) {}},
      Row{"sink", sunk<Fixture>, [](Fixture&) {}},
      Row{"pse_shift (B,1,1,S)", biased_step<Fixture>,
          [](Fixture& f) {
            f.call.pse_shift.shape = {2, 1, 1, 8};
          }},
      Row{"key is value", step<Fixture>, [](Fixture& f) { f.call.value.data = f.call.key.data; }},
  };
}

}  // namespace
}  // namespace bad_input

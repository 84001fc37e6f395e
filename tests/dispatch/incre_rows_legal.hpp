// Calls of incre_flash_attention at a bound, not beyond it.
#pragma once

#include "dispatch/incre_calls.hpp"

namespace bad_input {
namespace {

inline constexpr std::int64_t kBelowZero = -3, kFar = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int32_t kEdges[] = {0, 4, -1, 4, 0, -1};

inline void without_offsets(Incre& f) {
  f.call.antiquant_offset = f.call.key_antiquant_offset = f.call.value_antiquant_offset = {};
}
inline void key_factors(Incre& f, Extents shape) {
  f.call.key_antiquant_scale.shape = f.call.key_antiquant_offset.shape = shape;
}

constexpr LegalRow<Incre> kLegalPlaces[] = {
    {"exactly the columns needed, ids 0 and blocks - 1", paged,
     [](Incre& f) {
       f.call.block_table = {kEdges, DType::i32, {2, 3}};
       f.kv_lens = {8, 8};
     }},
    {"unused columns", paged,
     [](Incre& f) {
       f.kv_lens = {4, 5};
     }},
    {"the pool exactly full", paged,
     [](Incre& f) {
       static constexpr std::int32_t kFull[] = {0, 1, 2, 3, 4, 0};
       f.call.block_table.data = kFull;
       f.kv_lens = {12};
     }},
    {"no keys and no blocks", paged,
     [](Incre& f) {
       f.call.key.shape.extent[0] = f.call.value.shape.extent[0] = 0;
       f.call.key.data = f.call.value.data = nullptr;
       f.kv_lens = {0};
     }},
    {"no columns for no keys", paged,
     [](Incre& f) {
       f.call.block_table = {nullptr, DType::i32, {2, 0}};
       f.kv_lens = {0, 0};
     }},
    {"pages of BSH under BNSD", token_major, [](Incre&) {}},
    {"pages of BSH", token_major_bsh, [](Incre&) {}},
    {"pages under BSND", token_major,
     [](Incre& f) {
       f.call.input_layout = "BSND";
       f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
     }},
    {"values of another width", token_major,
     [](Incre& f) { f.call.value.shape.extent[2] = 16, f.call.attention_out.shape.extent[3] = 8; }},
    {"a mask and a bias of the longest entry", paged,
     [](Incre& f) {
       f.call.attn_mask = {f.memory.take(16), DType::u8, {2, 8}};
       f.call.pse_shift = {f.memory.take(160), DType::f16, {2, 4, 1, 10}};
     }},
    {"pages as a list of one", paged,
     [](Incre& f) {
       f.keys = {f.call.key}, f.values = {f.call.value};
       f.call.key = f.call.value = {};
     }},
    {"pages with a rope part", paged,
     [](Incre& f) {
       f.call.query_rope = {f.memory.take(128), DType::f16, {2, 4, 1, 8}};
       f.call.key_rope = {f.memory.take(640), DType::f16, {5, 2, 4, 8}};
     }},
    {"pages of BSH with a rope part", token_major_bsh,
     [](Incre& f) {
       f.call.query_rope = {f.memory.take(128), DType::f16, {2, 1, 32}};
       f.call.key_rope = {f.memory.take(640), DType::f16, {5, 4, 16}};
     }},
    {"pages with per-channel post-quant", paged,
     [](Incre& f) {
       f.call.attention_out.dtype = DType::i8;
       f.call.quant_scale2 = ones(DType::f32, {4, 16});
     }},
    {"a list", list, [](Incre&) {}},
    {"lengths up to each entry's rows", list,
     [](Incre& f) {
       f.kv_lens = {8, 3};
     }},
    {"one length for a list", list, [](Incre& f) { f.kv_lens = {3}; }},
    {"an entry without rows", list,
     [](Incre& f) {
       f.keys[1] = {nullptr, DType::f16, {1, 2, 0, 16}};
       f.values[1] = {nullptr, DType::f16, {1, 2, 0, 16}};
     }},
    {"a list with a mask of the longest length", list,
     [](Incre& f) {
       f.kv_lens = {5, 3};
       f.call.attn_mask = {f.memory.take(10), DType::u8, {2, 5}};
     }},
    {"a list with a padding that is ignored", list,
     [](Incre& f) {
       f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"a list of one tensor", list,
     [](Incre& f) {
       f.keys = {f.keys[0]}, f.values = {f.values[0]};
       f.keys[0].shape.extent[0] = f.values[0].shape.extent[0] = 2;
     }},
    {"padding", padded, [](Incre&) {}},
    {"padding as a scalar", padded, [](Incre& f) { f.call.kv_padding_size.shape = {}; }},
    {"negative padding", padded, [](Incre& f) { f.call.kv_padding_size.data = &kBelowZero; }},
    {"padding beyond the cache", padded, [](Incre& f) { f.call.kv_padding_size.data = &kFar; }},
    {"padding without lengths", padded, [](Incre& f) { f.kv_lens = {}; }},
    {"padding that is ignored beside a prefix", prefixed,
     [](Incre& f) {
       f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"prefix", prefixed, [](Incre&) {}},
    {"prefix of length 0", prefixed, [](Incre& f) { f.call.actual_shared_prefix_len = 0; }},
    {"prefix of all its rows", prefixed, [](Incre& f) { f.call.actual_shared_prefix_len = 3; }},
    {"prefix without rows", prefixed,
     [](Incre& f) {
       f.call.key_shared_prefix = f.call.value_shared_prefix = {nullptr, DType::f16, {1, 2, 0, 16}};
     }},
    {"prefix and a mask", prefixed,
     [](Incre& f) {
       f.call.actual_shared_prefix_len = 2;
       f.call.attn_mask = {f.memory.take(10), DType::u8, {1, 10}};
     }},
};

constexpr LegalRow<Incre> kLegalFactors[] = {
    {"joint, BNSD", joint, [](Incre&) {}},
    {"joint without offset", joint, without_offsets},
    {"joint of float32", joint,
     [](Incre& f) {
       f.call.antiquant_scale = f.call.antiquant_offset = ones(DType::f32, {2, 2, 1, 16});
     }},
    {"joint, BSH", joint_bsh, [](Incre&) {}},
    {"joint, BSND", joint,
     [](Incre& f) {
       f.call.input_layout = "BSND";
       f.call.query.shape = f.call.attention_out.shape = {2, 1, 4, 16};
       f.call.key.shape = f.call.value.shape = {2, 8, 2, 16};
       f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2, 2, 16};
     }},
    {"joint, one number each", joint,
     [](Incre& f) { f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2}; }},
    {"joint, per token", joint_tokens, [](Incre&) {}},
    {"joint, more tokens than needed", joint_tokens,
     [](Incre& f) {
       f.call.antiquant_scale.shape = f.call.antiquant_offset.shape = {2, 2, 9};
     }},
    {"joint, a denormal scale", joint,
     [](Incre& f) {
       static const std::vector<glint::half> denormals(64, glint::half{1});
       f.call.antiquant_scale.data = denormals.data();
     }},
    {"mode 0 (H)", by_channel, [](Incre& f) { key_factors(f, {32}); }},
    {"mode 0 (1)", by_channel, [](Incre& f) { key_factors(f, {1}); }},
    {"mode 0 (1,H)", by_channel,
     [](Incre& f) {
       key_factors(f, {1, 32});
     }},
    {"mode 0 (1,N,D)", by_channel,
     [](Incre& f) {
       key_factors(f, {1, 2, 16});
     }},
    {"mode 0 (N,1,D)", by_channel,
     [](Incre& f) {
       key_factors(f, {2, 1, 16});
     }},
    {"mode 0 (1,N,1,D)", by_channel,
     [](Incre& f) {
       key_factors(f, {1, 2, 1, 16});
     }},
    {"mode 0 without offsets", by_channel, without_offsets},
    {"mode 0 of two head sizes", by_channel,
     [](Incre& f) {
       f.call.value.shape.extent[3] = f.call.attention_out.shape.extent[3] = 8;
       f.call.value_antiquant_scale.shape = f.call.value_antiquant_offset.shape = {2, 8};
     }},
    {"mode 1", by_token, [](Incre&) {}},
    {"mode 1 (1,B,S)", by_token,
     [](Incre& f) {
       key_factors(f, {1, 2, 9});
     }},
    {"mode 1 with NaN: data, not a rule", by_token,
     [](Incre& f) {
       static const std::vector<float> nans(16, __builtin_nanf(""));
       f.call.key_antiquant_scale.data = nans.data();
     }},
    {"mode 2", by_head, [](Incre&) {}},
    {"mode 3", by_token_and_head, [](Incre&) {}},
    {"mode 4", by_slot, [](Incre&) {}},
    {"mode 5", by_slot_and_head, [](Incre&) {}},
    {"key 0, value 1", by_channel,
     [](Incre& f) {
       f.call.value_antiquant_mode = 1;
       f.call.value_antiquant_scale = f.call.value_antiquant_offset = ones(DType::f32, {2, 8});
     }},
    {"int4", int4, [](Incre&) {}},
    {"int4 in int32", int4_packed, [](Incre&) {}},
    {"an int8 cache and prefix", by_channel,
     [](Incre& f) {
       f.call.key_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
       f.call.value_shared_prefix = {f.memory.take(96), DType::i8, {1, 2, 3, 16}};
     }},
    {"a float16 cache under float32", [] { return sized(kOneRow, DType::f32, DType::f16); }, [](Incre&) {}},
    {"int8 output", to_int8, [](Incre&) {}},
    {"int8 output, no offset", to_int8, [](Incre& f) { f.call.quant_offset2 = {}; }},
    {"int8 output, a factor for each channel", to_int8,
     [](Incre& f) {
       f.call.quant_scale2.shape = f.call.quant_offset2.shape = {1, 4, 1, 16};
     }},
    {"int8 output, bfloat16 factors under bfloat16", to_int8,
     [](Incre& f) {
       for (glint::TensorRef* t : {&f.call.query, &f.call.key, &f.call.value}) t->dtype = DType::bf16;
       f.call.quant_scale2 = f.call.quant_offset2 = ones(DType::bf16, {1});
     }},
};

constexpr LegalRow<Incre> kLegalOptions[] = {
    {"rope", roped, [](Incre&) {}},
    {"sink", sunk, [](Incre&) {}},
    {"drafts", drafts, [](Incre&) {}},
    {"drafts with fewer keys than rows", drafts,
     [](Incre& f) {
       f.kv_lens = {2, 0};
     }},
    {"one draft", plain<Incre>, [](Incre& f) { f.call.sparse_mode = 3; }},
    {"tree", tree, [](Incre&) {}},
    {"one tree for all", tree, [](Incre& f) { f.call.attn_mask.shape.extent[0] = 1; }},
    {"tree with as many keys as rows", tree,
     [](Incre& f) {
       f.kv_lens = {3, 8};
     }},
    {"mask (1,S)", masked<Incre>,
     [](Incre& f) {
       f.call.attn_mask.shape = {1, 8};
     }},
    {"mask of int8", masked<Incre>, [](Incre& f) { f.call.attn_mask.dtype = DType::i8; }},
    {"pse_shift (B,1,1,S)", biased<Incre>,
     [](Incre& f) {
       f.call.pse_shift.shape = {2, 1, 1, 8};
     }},
    {"key is value", plain<Incre>, [](Incre& f) { f.call.value.data = f.call.key.data; }},
};

}  // namespace
}  // namespace bad_input

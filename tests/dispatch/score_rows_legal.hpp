// Exactly at a bound, and what only looks illegal: name, a legal call, a change that keeps it legal.
#pragma once

#include "dispatch/score_calls.hpp"

namespace bad_input {
namespace {

constexpr LegalRow<Score> kLegal[] = {
    {"as it is", plain, [](Score&) {}},
    {"float", in_floats, [](Score&) {}},
    {"lower case layout", plain, [](Score& f) { f.call.input_layout = "bnsd"; }},
    {"SBH", sbh, [](Score&) {}},
    {"one kv head", plain, [](Score& f) { f.call.key.shape.extent[1] = f.call.value.shape.extent[1] = 1; }},
    {"value with its own D", plain,
     [](Score& f) { f.call.value.shape.extent[3] = f.call.attention_out.shape.extent[3] = 7; }},
    {"out right behind q", plain,
     [](Score& f) {
       f.call.attention_out.data = static_cast<char*>(const_cast<void*>(f.call.query.data)) + 1536;
       f.call.key.data = f.call.value.data = f.memory.take(2048);
     }},
    {"no statistics", plain, [](Score& f) { f.no_lists_for_stats(); }},
    {"statistics without the 8", plain,
     [](Score& f) {
       f.call.softmax_max.shape = f.call.softmax_sum.shape = {2, 4, 6};
     }},
    {"only softmax_max", plain, [](Score& f) { f.call.softmax_sum = {}; }},
    {"inner_precise 2", plain, [](Score& f) { f.call.inner_precise = 2; }},
    {"scale 0", plain, [](Score& f) { f.call.scale_value = 0; }},
    {"negative scale", plain, [](Score& f) { f.call.scale_value = -1; }},
    // Seed 004 and operators C36: without a mask, modes, tokens and prefix have no effect.
    {"any mode without mask", plain, [](Score& f) { f.call.sparse_mode = 8; }},
    {"any tokens without mask", plain, [](Score& f) { f.call.pre_tokens = -5, f.call.next_tokens = -5; }},
    {"mode 6 without mask or prefix", plain, [](Score& f) { f.call.sparse_mode = 6; }},
    {"mode 5 without mask, with a prefix", plain, [](Score& f) { f.call.sparse_mode = 5, f.prefix = {99}; }},
    {"mask SS", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {6, 8};
     }},
    {"mask 11SS", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {1, 1, 6, 8};
     }},
    {"mask B1SS", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {2, 1, 6, 8};
     }},
    {"mask BNSS", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {2, 4, 6, 8};
     }},
    {"mask uint8", all_mask, [](Score& f) { f.call.attn_mask.dtype = DType::u8; }},
    {"compressed mask with leading ones", triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {1, 2048, 2048};
     }},
    {"compressed mask with two leading ones", prefix_triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {1, 1, 3072, 2048};
     }},
    {"mode 5 without prefix is mode 1", prefix_dense,
     [](Score& f) {
       f.prefix.clear(), f.call.attn_mask.shape = {6, 8};
     }},
    {"mode 5 with a bad prefix is mode 1", prefix_dense,
     [](Score& f) {
       f.prefix = {1, 9};
     }},
    {"least prefix", prefix_compressed,
     [](Score& f) {
       f.prefix = {2, 2};
     }},
    {"greatest prefix", prefix_compressed,
     [](Score& f) {
       f.prefix = {8, 8};
     }},
    {"prefix 0, S1 > S2", tall_prefix,
     [](Score& f) {
       f.prefix = {0, 0};
     }},
    {"|pre| = S2 - 1", masked, [](Score& f) { f.call.pre_tokens = -7; }},
    {"next = |pre|", masked, [](Score& f) { f.call.pre_tokens = -7, f.call.next_tokens = 7; }},
    {"|next| = S1 - 1", masked, [](Score& f) { f.call.next_tokens = -5; }},
    {"|next| = pre", masked, [](Score& f) { f.call.pre_tokens = 5, f.call.next_tokens = -5; }},
    {"pre = next = 0", masked, [](Score& f) { f.call.pre_tokens = f.call.next_tokens = 0; }},
    {"the widest tokens", masked, [](Score& f) { f.call.pre_tokens = f.call.next_tokens = INT64_MAX; }},
    {"band, shifted |pre| = S2 - 1", band, [](Score& f) { f.call.pre_tokens = -5; }},
    {"band, shifted |next| = S1 - 1", band, [](Score& f) { f.call.next_tokens = -7; }},
    {"band, the widest tokens", band, [](Score& f) { f.call.pre_tokens = f.call.next_tokens = INT64_MAX; }},
    {"TND band, the widest tokens", tnd_band, [](Score& f) { f.call.pre_tokens = f.call.next_tokens = INT64_MAX; }},
    {"TND mode 0, the widest tokens", tnd_mode_0, [](Score& f) { f.call.pre_tokens = f.call.next_tokens = INT64_MAX; }},
    {"TND mode 0, pre just reaches", tnd_mode_0, [](Score& f) { f.call.pre_tokens = 0, f.call.next_tokens = 0; }},
    {"TND mode 4, pre + next = 0", tnd_band, [](Score& f) { f.call.pre_tokens = 2, f.call.next_tokens = -2; }},
    {"TND mode 3, as many queries as keys", tnd,
     [](Score& f) {
       f.kv_ends = {3, 6, 12};
     }},
    {"the example of mode 7", tnd_mode_7, [](Score&) {}},
    {"mode 7 at its last key", tnd_mode_7, [](Score& f) { f.call.next_tokens = -4; }},
    {"the example of mode 8", tnd_mode_8, [](Score&) {}},
    {"mode 8 at its last key", tnd_mode_8, [](Score& f) { f.call.next_tokens = -1; }},
    {"slopes in mode 8", tnd_mode_8_sloped, [](Score&) {}},
    {"a tail of zeros", tnd_plain,
     [](Score& f) {
       f.q_ends = {3, 12, 0};
     }},
    {"T1 beyond the last end", tnd_plain,
     [](Score& f) {
       f.q_ends = {3, 6, 11};
     }},
    {"empty sequences", tnd_plain,
     [](Score& f) {
       f.q_ends = {0, 12, 12}, f.kv_ends = {4, 4, 14};
     }},
    {"softmax_layout TND", tnd, [](Score& f) { f.call.softmax_layout = "TND"; }},
    {"flat pse", tnd_flat_bias, [](Score&) {}},
    {"column pse", tnd_column_bias, [](Score&) {}},
    {"pse 1NSS", biased,
     [](Score& f) {
       f.call.real_shift.shape = {1, 4, 6, 8};
     }},
    {"pse BN1S", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 4, 1, 8};
     }},
    {"pse B1SS", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 1, 6, 8};
     }},
    {"pse_type 0", biased, [](Score& f) { f.call.pse_type = 0; }},
    {"slopes of every kind", sloped, [](Score& f) { f.call.pse_type = 3, f.call.real_shift.shape = {4}; }},
    {"1024 rows of 1025", compressed_bias, [](Score&) {}},
    {"1024 rows with mode 2", compressed_bias, [](Score& f) { f.call.sparse_mode = 2; }},
    {"sink", sunk, [](Score&) {}},
    {"keep_prob 1 beside a mask", dropped, [](Score& f) { f.call.keep_prob = 1; }},
    {"the least keep_prob", dropped, [](Score& f) { f.call.keep_prob = 1e-30; }},
    {"drop_mask with spare bytes", dropped_odd, [](Score& f) { f.call.drop_mask.shape = {43}; }},
    {"generated dropout", generated, [](Score&) {}},
    {"TND drop_mask", tnd_dropped, [](Score&) {}},
    {"strict TND", tnd_strict, [](Score&) {}},
    {"strict mode 5", strict_prefix, [](Score&) {}},
};

}  // namespace
}  // namespace bad_input

// Illegal modes, masks, prefixes and tokens: name, a legal call, how to spoil it, code, got, want.
#pragma once

#include "dispatch/score_calls.hpp"

namespace bad_input {
namespace {

constexpr Row<Score> kMasks[] = {
    {"sparse_mode -1", plain, [](Score& f) { f.call.sparse_mode = -1; }, Code::sparse_mode_unknown, -1, 8},
    {"sparse_mode 9", plain, [](Score& f) { f.call.sparse_mode = 9; }, Code::sparse_mode_unknown, 9, 8},
    {"sparse_mode 7 in BNSD", causal, [](Score& f) { f.call.sparse_mode = 7; }, Code::sparse_mode_not_for_layout, 7, 6},
    {"sparse_mode 8 in BNSD", causal, [](Score& f) { f.call.sparse_mode = 8; }, Code::sparse_mode_not_for_layout, 8, 6},
    {"sparse_mode 5 in TND", tnd_mode_0, [](Score& f) { f.call.sparse_mode = 5; }, Code::sparse_mode_not_for_layout, 5,
     6},
    {"mode 1 with the compressed tag", causal, [](Score& f) { f.call.sparse_mode = 1; }, Code::mask_missing, 0, 1},
    {"mode 5 with the compressed tag", prefix_compressed, [](Score& f) { f.call.sparse_mode = 5; }, Code::mask_missing,
     0, 1},
    {"mask of rank 1", masked, [](Score& f) { f.call.attn_mask.shape = {48}; }, Code::mask_shape, 1, 4},
    {"mask of rank 3 in training", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {2, 6, 8};
     },
     Code::mask_shape, 3, 4},
    {"mask rows", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {5, 8};
     },
     Code::mask_shape, 5, 6},
    {"mask columns", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {6, 7};
     },
     Code::mask_shape, 7, 8},
    {"mask batch", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {3, 1, 6, 8};
     },
     Code::mask_shape, 3, 2},
    {"mask heads", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {2, 2, 6, 8};
     },
     Code::mask_shape, 2, 4},
    {"mask of shape 1NSS", masked,
     [](Score& f) {
       f.call.attn_mask.shape = {1, 4, 6, 8};
     },
     Code::mask_shape, 4, 1},
    {"mask of mode 1", all_mask,
     [](Score& f) {
       f.call.attn_mask.shape = {6, 7};
     },
     Code::mask_shape, 7, 8},
    {"mask 11SS in mode 5", prefix_dense,
     [](Score& f) {
       f.call.attn_mask.shape = {1, 1, 6, 8};
     },
     Code::mask_shape, 1, 2},
    {"mask SS in mode 5", prefix_dense,
     [](Score& f) {
       f.call.attn_mask.shape = {6, 8};
     },
     Code::mask_shape, 1, 2},
    {"full mask in mode 2", triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {6, 8};
     },
     Code::mask_not_compressed, 6, 2048},
    {"compressed mask of 2047 columns", triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {2048, 2047};
     },
     Code::mask_not_compressed, 2047, 2048},
    {"compressed mask of a batch", triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {2, 1, 2048, 2048};
     },
     Code::mask_not_compressed, 2, 1},
    {"compressed mask of rank 1", triangle, [](Score& f) { f.call.attn_mask.shape = {2048}; },
     Code::mask_not_compressed, 1, 2},
    {"mode 6 with 2048 rows", prefix_triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {2048, 2048};
     },
     Code::mask_not_compressed, 2048, 3072},
    {"mode 2 with 3072 rows", triangle,
     [](Score& f) {
       f.call.attn_mask.shape = {3072, 2048};
     },
     Code::mask_not_compressed, 3072, 2048},
    {"padding_mask", plain,
     [](Score& f) {
       f.call.padding_mask = {f.call.query.data, DType::f16, {1}};
     },
     Code::padding_mask_given, 1, 0},
    {"prefix in mode 0", masked,
     [](Score& f) {
       f.prefix = {2, 2};
     },
     Code::prefix_unexpected, kAny, kAny},
    {"prefix in mode 3", causal,
     [](Score& f) {
       f.prefix = {2, 2};
     },
     Code::prefix_unexpected, kAny, kAny},
    {"mode 6 without prefix", prefix_compressed, [](Score& f) { f.prefix.clear(); }, Code::prefix_missing, 0, 2},
    {"a prefix too few", prefix_compressed, [](Score& f) { f.prefix = {2}; }, Code::prefix_size, 1, 2},
    {"a prefix too many", prefix_compressed,
     [](Score& f) {
       f.prefix = {2, 2, 2};
     },
     Code::prefix_size, 3, 2},
    {"prefix below S2-S1", prefix_compressed,
     [](Score& f) {
       f.prefix = {2, 1};
     },
     Code::prefix_range, 1, 8},
    {"prefix above S2", prefix_compressed,
     [](Score& f) {
       f.prefix = {9, 2};
     },
     Code::prefix_range, 9, 8},
    {"negative prefix, S1 > S2", tall_prefix,
     [](Score& f) {
       f.prefix = {-1, 0};
     },
     Code::prefix_range, -1, 8},
    {"strict mode 5 without prefix", strict_prefix, [](Score& f) { f.prefix.clear(); }, Code::prefix_missing, 0, 2},
    {"strict mode 5, prefix too few", strict_prefix, [](Score& f) { f.prefix = {2}; }, Code::prefix_size, 1, 2},
    {"strict mode 5, prefix out of range", strict_prefix,
     [](Score& f) {
       f.prefix = {2, 9};
     },
     Code::prefix_range, 9, 8},
};

// S1 = 6, S2 = 8 (mode 0: from the top left); square: 8 and 8.
constexpr Row<Score> kTokens[] = {
    {"both negative", masked, [](Score& f) { f.call.pre_tokens = -1, f.call.next_tokens = -1; },
     Code::tokens_both_negative, -1, 0},
    {"pre < 0, next too small", masked, [](Score& f) { f.call.pre_tokens = -3, f.call.next_tokens = 2; },
     Code::tokens_empty_band, 2, 3},
    {"pre < 0, |pre| = S2", masked, [](Score& f) { f.call.pre_tokens = -8; }, Code::tokens_pre_outside, 8, 8},
    {"next < 0, |next| > pre", masked, [](Score& f) { f.call.pre_tokens = 2, f.call.next_tokens = -3; },
     Code::tokens_empty_band, 3, 2},
    {"next < 0, |next| = S1", masked, [](Score& f) { f.call.next_tokens = -6; }, Code::tokens_next_outside, 6, 6},
    {"band, both negative", square_band, [](Score& f) { f.call.pre_tokens = -1, f.call.next_tokens = -1; },
     Code::tokens_both_negative, -1, 0},
    {"band, pre < 0, next too small", square_band, [](Score& f) { f.call.pre_tokens = -3, f.call.next_tokens = 2; },
     Code::tokens_empty_band, 2, 3},
    {"band, |pre| = S2", square_band, [](Score& f) { f.call.pre_tokens = -8; }, Code::tokens_pre_outside, 8, 8},
    {"band, |next| = S1", square_band, [](Score& f) { f.call.next_tokens = -8; }, Code::tokens_next_outside, 8, 8},
    // Shifted to the top left, S2 - S1 = 2: pre' = pre - 2, next' = next + 2.
    {"band, shifted |pre| = S2", band, [](Score& f) { f.call.pre_tokens = -6; }, Code::tokens_pre_outside, 8, 8},
    {"band, shifted |next| = S1", band, [](Score& f) { f.call.next_tokens = -8; }, Code::tokens_next_outside, 6, 6},
    {"band, shifted both negative", band, [](Score& f) { f.call.pre_tokens = 1, f.call.next_tokens = -3; },
     Code::tokens_both_negative, -1, 0},
    {"TND mode 0, next < 0", tnd_mode_0, [](Score& f) { f.call.next_tokens = -1; }, Code::tokens_next_outside, -1, 0},
    {"TND mode 0, pre does not reach", tnd_mode_0, [](Score& f) { f.call.pre_tokens = -1; }, Code::tokens_pre_outside,
     5, 6},
    {"TND mode 0, pre < 0, next too small", tnd_mode_0,
     [](Score& f) { f.call.pre_tokens = -1, f.call.next_tokens = 0; }, Code::tokens_empty_band, 0, 1},
    {"TND mode 3, more queries than keys", tnd,
     [](Score& f) {
       f.kv_ends = {2, 8, 14};
     },
     Code::causal_needs_more_keys, 3, 2},
    {"TND mode 4, pre < 0", tnd_band, [](Score& f) { f.call.pre_tokens = -1; }, Code::tokens_pre_outside, -1, 0},
    {"TND mode 4, pre + next < 0", tnd_band, [](Score& f) { f.call.pre_tokens = 2, f.call.next_tokens = -3; },
     Code::tokens_empty_band, -1, 0},
    {"mode 7, pre below the last kv length", tnd_mode_7, [](Score& f) { f.call.pre_tokens = 5; },
     Code::tokens_pre_outside, 5, 6},
    {"mode 7, next > 0", tnd_mode_7, [](Score& f) { f.call.next_tokens = 1; }, Code::tokens_next_outside, 1, 0},
    {"mode 7, rows without keys", tnd_mode_7, [](Score& f) { f.call.next_tokens = -5; }, Code::tokens_next_outside, 7,
     6},
    {"mode 7, more queries than keys", tnd_mode_7,
     [](Score& f) {
       f.kv_ends = {2, 9};
     },
     Code::causal_needs_more_keys, 3, 2},
    {"mode 8, pre below the first kv length", tnd_mode_8, [](Score& f) { f.call.pre_tokens = 3; },
     Code::tokens_pre_outside, 3, 4},
    {"mode 8, rows without keys", tnd_mode_8, [](Score& f) { f.call.next_tokens = -2; }, Code::tokens_next_outside, 5,
     4},
};

}  // namespace
}  // namespace bad_input

// Illegal bias, sink, dropout and sequences: name, a legal call, how to spoil it, code, got, want.
#pragma once

#include "dispatch/score_calls.hpp"

namespace bad_input {
namespace {

constexpr Row<Score> kBias[] = {
    {"pse_type -1", biased, [](Score& f) { f.call.pse_type = -1; }, Code::pse_type_range, -1, 3},
    {"pse_type 4", biased, [](Score& f) { f.call.pse_type = 4; }, Code::pse_type_range, 4, 3},
    {"pse_type 0 without pse", plain, [](Score& f) { f.call.pse_type = 0; }, Code::pse_missing, 0, 1},
    {"pse_type 2 without slopes", plain, [](Score& f) { f.call.pse_type = 2; }, Code::pse_missing, 2, 1},
    {"slopes of rank 3", sloped,
     [](Score& f) {
       f.call.real_shift.shape = {1, 2, 4};
     },
     Code::pse_shape, 3, 1},
    {"slopes for 3 heads", sloped, [](Score& f) { f.call.real_shift.shape = {3}; }, Code::pse_shape, 3, 4},
    {"slopes for 3 batch entries", sloped,
     [](Score& f) {
       f.call.real_shift.shape = {3, 4};
     },
     Code::pse_shape, 3, 2},
    {"slopes, S1 != S2", sloped,
     [](Score& f) {
       f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 6;
       f.no_lists_for_stats();
     },
     Code::pse_generated_not_square, 6, 8},
    {"pse of rank 3", biased,
     [](Score& f) {
       f.call.real_shift.shape = {4, 6, 8};
     },
     Code::pse_shape, 3, 4},
    {"pse batch", biased,
     [](Score& f) {
       f.call.real_shift.shape = {3, 4, 6, 8};
     },
     Code::pse_shape, 3, 2},
    {"pse heads", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 2, 6, 8};
     },
     Code::pse_shape, 2, 4},
    {"pse rows", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 4, 5, 8};
     },
     Code::pse_shape, 5, 6},
    {"pse columns", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 4, 6, 7};
     },
     Code::pse_shape, 7, 8},
    {"1024 rows, S1 below 1024", biased,
     [](Score& f) {
       f.call.real_shift.shape = {2, 4, 1024, 8}, f.call.sparse_mode = 3, f.call.attn_mask_compressed = true;
     },
     Code::pse_compressed_not_square, 6, 8},
    {"1024 rows, mode 0", compressed_bias,
     [](Score& f) { f.call.sparse_mode = 0, f.call.attn_mask_compressed = false; }, Code::pse_compressed_mode, 0, 2},
    {"1024 rows, mode 4", compressed_bias, [](Score& f) { f.call.sparse_mode = 4; }, Code::pse_compressed_mode, 4, 2},
    {"1024 rows, S1 != S2", compressed_bias,
     [](Score& f) {
       f.call.query.shape.extent[2] = f.call.attention_out.shape.extent[2] = 1023;
       f.no_lists_for_stats();
     },
     Code::pse_compressed_not_square, 1023, 1025},
    {"1024 rows, S of 1023", compressed_bias,
     [](Score& f) {
       for (index_t* rows :
            {&f.call.query.shape.extent[2], &f.call.attention_out.shape.extent[2], &f.call.key.shape.extent[2],
             &f.call.value.shape.extent[2], &f.call.real_shift.shape.extent[3]})
         *rows = 1023;
       f.no_lists_for_stats();
     },
     Code::pse_compressed_length, 1023, 1025},
    {"1024 rows, columns", compressed_bias, [](Score& f) { f.call.real_shift.shape.extent[3] = 1024; }, Code::pse_shape,
     1024, 1025},
    {"compressed pse of 1023 rows", compressed_bias,
     [](Score& f) { f.call.real_shift.shape.extent[2] = 1023, f.call.real_shift_form = PseForm::compressed; },
     Code::pse_shape, 1023, 1024},
    {"dense pse in TND", tnd,
     [](Score& f) {
       f.call.real_shift = {f.call.query.data, DType::f16, {1, 4, 6, 6}};
     },
     Code::pse_shape, kAny, kAny},
    {"flat pse outside TND", biased,
     [](Score& f) { f.call.real_shift.shape = {384}, f.call.real_shift_form = PseForm::tnd_per_score; },
     Code::pse_shape, kAny, kAny},
    {"flat pse of rank 2", tnd_flat_bias,
     [](Score& f) {
       f.call.real_shift.shape = {24, 10};
     },
     Code::pse_shape, 2, 1},
    {"flat pse one short", tnd_flat_bias, [](Score& f) { f.call.real_shift.shape = {239}; }, Code::pse_shape, 239, 240},
    {"flat pse one long", tnd_flat_bias, [](Score& f) { f.call.real_shift.shape = {241}; }, Code::pse_shape, 241, 240},
    {"column pse one short", tnd_column_bias, [](Score& f) { f.call.real_shift.shape = {55}; }, Code::pse_shape, 55,
     56},
    {"pse in mode 7", tnd_mode_7,
     [](Score& f) {
       f.call.real_shift = {f.call.query.data, DType::f16, {4 * (9 + 12)}};
       f.call.real_shift_form = PseForm::tnd_per_score;
     },
     Code::pse_not_for_mode, 7, 6},
    {"slopes in mode 7", tnd_mode_7,
     [](Score& f) {
       f.call.real_shift = {f.call.query.data, DType::f32, {4}}, f.call.pse_type = 2;
     },
     Code::pse_not_for_mode, 7, 6},
    {"slopes in mode 8, not square", tnd_mode_8_sloped, [](Score& f) { f.call.q_start_idx = {}; },
     Code::pse_not_for_mode, -1, 0},
    // A tensor with a shape and no data is a mistake, not an absent tensor.
    {"pse without data", biased, [](Score& f) { f.call.real_shift.data = nullptr; }, Code::null_pse, 0, 1},
    {"slopes without data", sloped, [](Score& f) { f.call.real_shift.data = nullptr; }, Code::null_pse, 0, 1},
    {"flat pse without data", tnd_flat_bias, [](Score& f) { f.call.real_shift.data = nullptr; }, Code::null_pse, 0, 1},
    {"mask without data", masked, [](Score& f) { f.call.attn_mask.data = nullptr; }, Code::null_mask, 0, 1},
};

constexpr Row<Score> kSinks[] = {
    {"sink of another type", sunk, [](Score& f) { f.call.sink.dtype = DType::f16; }, Code::sink_dtype, 2, 1},
    {"sink of N2", sunk, [](Score& f) { f.call.sink.shape = {2}; }, Code::sink_shape, 2, 4},
    {"sink of rank 2", sunk,
     [](Score& f) {
       f.call.sink.shape = {1, 4};
     },
     Code::sink_shape, 2, 1},
    {"sink without data", sunk, [](Score& f) { f.call.sink.data = nullptr; }, Code::sink_null, 0, 1},
    {"out is the sink", sunk, [](Score& f) { f.call.attention_out.data = const_cast<void*>(f.call.sink.data); },
     Code::output_overlaps_input, 1, 0},
};

constexpr Row<Score> kDropout[] = {
    {"drop_mask without data", dropped_odd, [](Score& f) { f.call.drop_mask.data = nullptr; }, Code::null_drop_mask, 0,
     1},
    {"keep_prob 0", dropped, [](Score& f) { f.call.keep_prob = 0; }, Code::keep_prob_range, 0, 1000},
    {"keep_prob -0.5", dropped, [](Score& f) { f.call.keep_prob = -0.5; }, Code::keep_prob_range, -500, 1000},
    {"keep_prob 1.5", dropped, [](Score& f) { f.call.keep_prob = 1.5; }, Code::keep_prob_range, 1500, 1000},
    {"keep_prob 1e300", dropped, [](Score& f) { f.call.keep_prob = 1e300; }, Code::keep_prob_range, kAny, 1000},
    {"keep_prob NaN", dropped, [](Score& f) { f.call.keep_prob = __builtin_nan(""); }, Code::keep_prob_range,
     -1000000000, 1000},
    {"keep_prob Inf", dropped, [](Score& f) { f.call.keep_prob = __builtin_inf(); }, Code::keep_prob_range, -1000000000,
     1000},
    {"no source of bits", plain, [](Score& f) { f.call.keep_prob = 0.5; }, Code::drop_mask_missing, 0, 1},
    {"two sources of bits", dropped, [](Score& f) { f.call.generate_dropout = true; }, Code::drop_mask_and_seed, 2, 1},
    {"drop_mask of rank 3", dropped,
     [](Score& f) {
       f.call.drop_mask.shape = {4, 6, 2};
     },
     Code::drop_mask_shape, 3, 4},
    {"drop_mask batch", dropped,
     [](Score& f) {
       f.call.drop_mask.shape = {1, 4, 6, 1};
     },
     Code::drop_mask_shape, 1, 2},
    {"drop_mask heads", dropped,
     [](Score& f) {
       f.call.drop_mask.shape = {2, 2, 6, 1};
     },
     Code::drop_mask_shape, 2, 4},
    {"drop_mask rows", dropped,
     [](Score& f) {
       f.call.drop_mask.shape = {2, 4, 5, 1};
     },
     Code::drop_mask_shape, 5, 6},
    {"drop_mask of S2", dropped,
     [](Score& f) {
       f.call.drop_mask.shape = {2, 4, 6, 8};
     },
     Code::drop_mask_shape, 8, 1},
    {"four axes, S2 % 8 != 0", dropped_odd,
     [](Score& f) {
       f.call.drop_mask.shape = {2, 4, 6, 1};
     },
     Code::drop_mask_shape, 7, 8},
    {"drop_mask one byte short", dropped_odd, [](Score& f) { f.call.drop_mask.shape = {41}; }, Code::drop_mask_size, 41,
     42},
    {"TND drop_mask one byte short", tnd_dropped, [](Score& f) { f.call.drop_mask.shape = {29}; }, Code::drop_mask_size,
     29, 30},
};

constexpr Row<Score> kSequences[] = {
    {"no lists in TND", tnd_plain, [](Score& f) { f.q_ends.clear(), f.kv_ends.clear(); }, Code::sequence_lists_missing,
     0, 1},
    {"no q list in TND", tnd_plain, [](Score& f) { f.q_ends.clear(); }, Code::sequence_lists_missing, 0, 1},
    {"no kv list in TND", tnd_plain, [](Score& f) { f.kv_ends.clear(); }, Code::sequence_lists_missing, 0, 1},
    {"q list in BNSD", plain,
     [](Score& f) {
       f.q_ends = {6, 12};
     },
     Code::sequence_lists_unexpected, 2, 0},
    {"kv list in BNSD", plain,
     [](Score& f) {
       f.kv_ends = {8, 16};
     },
     Code::sequence_lists_unexpected, 2, 0},
    {"lists of different sizes", tnd_plain,
     [](Score& f) {
       f.kv_ends = {4, 14};
     },
     Code::sequence_lists_differ, 2, 3},
    {"decreasing q list", tnd_plain,
     [](Score& f) {
       f.q_ends = {6, 3, 12};
     },
     Code::sequence_list_decreasing, 3, 6},
    {"decreasing kv list", tnd_plain,
     [](Score& f) {
       f.kv_ends = {8, 4, 14};
     },
     Code::sequence_list_decreasing, 4, 8},
    {"negative first entry", tnd_plain,
     [](Score& f) {
       f.q_ends = {-1, 6, 12};
     },
     Code::sequence_list_decreasing, -1, 0},
    {"a zero between", tnd_plain,
     [](Score& f) {
       f.q_ends = {6, 0, 12};
     },
     Code::sequence_list_decreasing, 12, kAny},
    {"q list past T1", tnd_plain,
     [](Score& f) {
       f.q_ends = {3, 6, 13};
     },
     Code::sequence_list_total, 13, 12},
    {"kv list past T2", tnd_plain,
     [](Score& f) {
       f.kv_ends = {4, 8, 15};
     },
     Code::sequence_list_total, 15, 14},
};

}  // namespace
}  // namespace bad_input

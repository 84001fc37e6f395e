// What prompt_flash_attention and incre_flash_attention refuse alike: name, a legal call, how to spoil it, code, got,
// want.  (Seeds 000, 002, 003; operators 8 and 12; proof 4.)
#pragma once

#include "dispatch/inference_calls.hpp"

namespace bad_input {
namespace {

template <class Fixture>
constexpr auto alike() {
  using Spoil = void (*)(Fixture&);
  constexpr auto legal = &plain<Fixture>;
  constexpr bool incre = std::is_same_v<Fixture, Incre>;
  const auto row = [](const char* name, Fixture (*base)(), Spoil spoil, Code code, index_t got = kAny,
                      index_t want = kAny) { return Row<Fixture>{name, base, spoil, code, got, want}; };
  return std::array{
      row(
          "null query", legal, [](Fixture& f) { f.call.query.data = nullptr; }, Code::null_query, 0, 1),
      row(
          "null key", legal, [](Fixture& f) { f.call.key.data = nullptr; }, Code::null_key, 0, 1),
      row(
          "null value", legal, [](Fixture& f) { f.call.value.data = nullptr; }, Code::null_value, 0, 1),
      row(
          "null output", legal, [](Fixture& f) { f.call.attention_out.data = nullptr; }, Code::null_output, 0, 1),
      row(
          "null lse", with_lse<Fixture>, [](Fixture& f) { f.call.softmax_lse.data = nullptr; }, Code::null_stats, 0, 1),
      row(
          "no workspace", legal, [](Fixture& f) { f.workspace.clear(); }, Code::workspace_too_small, 0),
      row(
          "out is q", legal, [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.query.data); },
          Code::output_overlaps_input, 1, 0),
      row(
          "out is k", legal, [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.key.data); },
          Code::output_overlaps_input, 1, 0),
      row(
          "out is v", legal, [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.value.data); },
          Code::output_overlaps_input, 1, 0),
      row(
          "out is the mask", masked<Fixture>,
          [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.attn_mask.data); },
          Code::output_overlaps_input, 1, 0),
      row(
          "out is pse_shift", biased<Fixture>,
          [](Fixture& f) { f.call.attention_out.data = const_cast<void*>(f.call.pse_shift.data); },
          Code::output_overlaps_input, 1, 0),
      row(
          "lse is k", with_lse<Fixture>,
          [](Fixture& f) { f.call.softmax_lse.data = const_cast<void*>(f.call.key.data); }, Code::output_overlaps_input,
          1, 0),

      row(
          "query of float64's size", legal, [](Fixture& f) { f.call.query.dtype = DType::i64; }, Code::dtype_query, 8,
          2),
      row(
          "query of int8", legal, [](Fixture& f) { f.call.query.dtype = DType::i8; },
          incre ? Code::dtype_query : Code::dtype_key_value, incre ? 4 : 2, incre ? 2 : 4),
      row(
          "key of int8", legal, [](Fixture& f) { f.call.key.dtype = DType::i8; }, Code::dtype_key_value, 2, 4),
      row(
          "key of another type", legal, [](Fixture& f) { f.call.key.dtype = DType::bf16; }, Code::dtype_key_value, 3,
          2),
      row(
          "value of another type", legal, [](Fixture& f) { f.call.value.dtype = DType::bf16; }, Code::dtype_key_value,
          3, 2),
      row(
          "output of int8", legal, [](Fixture& f) { f.call.attention_out.dtype = DType::i8; }, Code::post_quant_missing,
          0, 1),
      row(
          "output of another type", legal, [](Fixture& f) { f.call.attention_out.dtype = DType::bf16; },
          Code::dtype_output, 3, 2),
      row(
          "mask of int32", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.dtype = DType::i32; }, Code::dtype_mask,
          7, 6),
      row(
          "mask of float64's size", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.dtype = DType::i64; },
          Code::dtype_mask, 8, 6),
      row(
          "pse_shift of another type", biased<Fixture>, [](Fixture& f) { f.call.pse_shift.dtype = DType::f32; },
          Code::dtype_pse, 1, 2),
      row(
          "lse of float16", with_lse<Fixture>, [](Fixture& f) { f.call.softmax_lse.dtype = DType::f16; },
          Code::dtype_stats, 2, 1),

      row(
          "layout unknown", legal, [](Fixture& f) { f.call.input_layout = "NSD"; }, Code::layout_unknown),
      row(
          "layout SBH", bsh<Fixture>,
          [](Fixture& f) {
            f.call.input_layout = "SBH";
            f.call.query.shape = f.call.attention_out.shape = {f.size.q_len, 2, 64};
            f.call.key.shape = f.call.value.shape = {8, 2, 32};
          },
          Code::layout_not_for_operator),
      row(
          "layout BNSD_TND", legal, [](Fixture& f) { f.call.input_layout = "BNSD_TND"; },
          Code::layout_not_for_operator),
      row(
          "layout BNSD_", legal, [](Fixture& f) { f.call.input_layout = "BNSD_"; }, Code::layout_unknown),
      row(
          "BNSD_BSND with an output in BNSD", legal, [](Fixture& f) { f.call.input_layout = "BNSD_BSND"; },
          Code::output_shape_mismatch, 4),
      row(
          "rank", legal,
          [](Fixture& f) {
            f.call.key.shape = {2, 8, 32};
          },
          Code::rank_mismatch, 3, 4),
      row(
          "num_heads 0", legal, [](Fixture& f) { f.call.num_heads = 0; }, Code::head_num_not_positive, 0, 1),
      row(
          "num_heads -1", legal, [](Fixture& f) { f.call.num_heads = -1; }, Code::head_num_not_positive, -1, 1),
      row(
          "num_key_value_heads -1", legal, [](Fixture& f) { f.call.num_key_value_heads = -1; },
          Code::head_num_not_positive, -1, 0),
      row(
          "num_heads is not the axis", legal, [](Fixture& f) { f.call.num_heads = 8; }, Code::num_heads_mismatch, 4, 8),
      row(
          "num_key_value_heads is not the axis", legal, [](Fixture& f) { f.call.num_key_value_heads = 4; },
          Code::kv_heads_mismatch, 2, 4),
      row(
          "num_key_value_heads forgotten", legal, [](Fixture& f) { f.call.num_key_value_heads = 0; },
          Code::kv_heads_mismatch, 2, 4),
      row(
          "H % num_heads", bsh<Fixture>, [](Fixture& f) { f.call.num_heads = 6; }, Code::hidden_not_divisible, 64, 6),
      row(
          "num_heads % num_key_value_heads", legal,
          [](Fixture& f) {
            f.call.num_key_value_heads = 3;
            f.call.key.shape.extent[1] = f.call.value.shape.extent[1] = 3;
          },
          Code::heads_not_divisible, 4, 3),
      row(
          "hidden size of key", bsh<Fixture>, [](Fixture& f) { f.call.key.shape.extent[2] = 48; },
          Code::head_dim_mismatch, 48, 32),
      row(
          "D of key", legal, [](Fixture& f) { f.call.key.shape.extent[3] = 8; }, Code::head_dim_mismatch, 8, 16),
      row(
          "value length", legal, [](Fixture& f) { f.call.value.shape.extent[2] = 9; }, Code::kv_shape_mismatch, 9, 8),
      row(
          "key batch", legal, [](Fixture& f) { f.call.key.shape.extent[0] = 3; }, Code::batch_mismatch, 3, 2),
      row(
          "output shape", legal, [](Fixture& f) { f.call.attention_out.shape.extent[1] = 2; },
          Code::output_shape_mismatch, 2, 4),
      row(
          "scale NaN", legal, [](Fixture& f) { f.call.scale_value = __builtin_nan(""); }, Code::scale_not_finite),
      row(
          "scale Inf", legal, [](Fixture& f) { f.call.scale_value = __builtin_inf(); }, Code::scale_not_finite),
      row(
          "lse of rank 2", with_lse<Fixture>,
          [](Fixture& f) {
            f.call.softmax_lse.shape = {8, 1};
          },
          Code::stats_shape_mismatch, 2, 4),
      row(
          "lse of 8 columns", with_lse<Fixture>, [](Fixture& f) { f.call.softmax_lse.shape.extent[3] = 8; },
          Code::stats_shape_mismatch),
      row(
          "lse of other heads", with_lse<Fixture>, [](Fixture& f) { f.call.softmax_lse.shape.extent[1] = 2; },
          Code::stats_shape_mismatch, 2, 4),
      row(
          "inner_precise -1", legal, [](Fixture& f) { f.call.inner_precise = -1; }, Code::inner_precise_range, -1),

      row(
          "mask columns", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.shape.extent[3] = 7; }, Code::mask_shape,
          7, 8),
      row(
          "mask rows", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.shape.extent[2] = 5; }, Code::mask_shape, 5,
          incre ? 1 : 6),
      row(
          "mask batch", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.shape.extent[0] = 3; }, Code::mask_shape, 3,
          2),
      row(
          "mask heads", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.shape.extent[1] = 4; }, Code::mask_shape, 4,
          1),
      row(
          "mask of rank 1", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.shape = {8}; }, Code::mask_shape, 1, 4),
      row(
          "mask without data", masked<Fixture>, [](Fixture& f) { f.call.attn_mask.data = nullptr; }, Code::null_mask, 0,
          1),
      row(
          "padding_mask", legal, [](Fixture& f) { f.call.padding_mask = f.call.query; }, Code::padding_mask_given, 1,
          0),
      row(
          "pse_shift of rank 3", biased<Fixture>,
          [](Fixture& f) {
            f.call.pse_shift.shape = {4, 6, 8};
          },
          Code::pse_shape, 3, 4),
      row(
          "pse_shift batch", biased<Fixture>, [](Fixture& f) { f.call.pse_shift.shape.extent[0] = 3; }, Code::pse_shape,
          3, 2),
      row(
          "pse_shift heads", biased<Fixture>, [](Fixture& f) { f.call.pse_shift.shape.extent[1] = 2; }, Code::pse_shape,
          2, 4),
      row(
          "pse_shift columns", biased<Fixture>, [](Fixture& f) { f.call.pse_shift.shape.extent[3] = 9; },
          Code::pse_shape, 9, 8),
      row(
          "pse_shift without data", biased<Fixture>, [](Fixture& f) { f.call.pse_shift.data = nullptr; },
          Code::null_pse, 0, 1),
      row(
          "no such number of kv lengths", legal,
          [](Fixture& f) {
            f.kv_lens = {1, 1, 1};
            f.call.query.shape.extent[0] += 2;
            f.call.key.shape.extent[0] += 2;
            f.call.value.shape.extent[0] += 2;
            f.call.attention_out.shape.extent[0] += 2;
          },
          Code::lengths_size, 3, 4),
      row(
          "negative kv length", legal,
          [](Fixture& f) {
            f.kv_lens = {8, -1};
          },
          Code::length_range, -1, 0),
      row(
          "kv length beyond S", legal, [](Fixture& f) { f.kv_lens = {9}; }, Code::length_range, 9, 8),
  };
}

}  // namespace
}  // namespace bad_input

// What the typed doors of PromptFlashAttention and IncreFlashAttention refuse alike, for every kind of cache as a type.
#pragma once

#include "ops/inference_problems.hpp"

namespace {

template <class Operator>
auto output_rows() {
  using Problem = typename Operator::template problem<kv::Contiguous<float>>;
  return std::array{
      Row<Problem>{"no output", [](Problem& p) { p.out = nullptr; }, Code::null_output, 0, 1},
      Row<Problem>{"two outputs", [](Problem& p) { p.out_int8 = integers; }, Code::two_outputs, 2, 1},
      Row<Problem>{"int8 without factors", [](Problem& p) { p.out = nullptr, p.out_int8 = integers; },
                   Code::post_quant_missing, 0, 1},
      Row<Problem>{"factors with a float output", [](Problem& p) { p.post_quant = {.scale = kOnes}; },
                   Code::post_quant_unexpected, 1, 0},
      Row<Problem>{"factors without an output", [](Problem& p) { p.out = nullptr, p.post_quant = {.scale = kOnes}; },
                   Code::null_output, 0, 1},
      Row<Problem>{"an offset alone", [](Problem& p) { p.post_quant = {.offset = kOnes}; },
                   Code::post_quant_offset_alone, 1, 0},
      Row<Problem>{"two channels",
                   [](Problem& p) {
                     p.out = nullptr, p.out_int8 = integers;
                     p.post_quant = {.scale = kOnes, .channels = 2};
                   },
                   Code::post_quant_shape, 2, 24},
      Row<Problem>{"out_int8 is the factors",
                   [](Problem& p) {
                     static float factor = 1;
                     p.out = nullptr, p.out_int8 = reinterpret_cast<std::int8_t*>(&factor);
                     p.post_quant = {.scale = &factor};
                   },
                   Code::output_overlaps_input, 1, 0},
      Row<Problem>{"lse is the output", [](Problem& p) { p.lse = p.out + 47; }, Code::output_overlaps_input, 1, 0},
      Row<Problem>{"out's rows fold",
                   [](Problem& p) {
                     p.out_strides = {24, 5, 6};
                   },
                   Code::strides_overlap, 5, 6},
  };
}

template <class Operator>
auto option_rows() {
  using Problem = typename Operator::template problem<kv::Contiguous<float>>;
  return std::array{
      Row<Problem>{"a mask of three rows",
                   [](Problem& p) {
                     p.attn_mask = {bytes, 1, 1, 3, 8}, p.shape.q_len = 2;
                   },
                   Code::mask_shape, 3, 2},
      Row<Problem>{"a mask with heads",
                   [](Problem& p) {
                     p.attn_mask = {bytes, 2, 4, 1, 8};
                   },
                   Code::mask_shape, 4, 1},
      Row<Problem>{"a mask of seven columns",
                   [](Problem& p) {
                     p.attn_mask = {bytes, 2, 1, 1, 7};
                   },
                   Code::mask_shape, 7, 8},
      Row<Problem>{"a bias of half", [](Problem& p) { p.pse_shift = {memory, DType::f16, 1, 1, 1, 8}; },
                   Code::dtype_pse, 2, 1},
      Row<Problem>{"a flat bias",
                   [](Problem& p) { p.pse_shift = {memory, DType::f32, 1, 1, 1, 8, glint::PseForm::tnd_per_column}; },
                   Code::pse_shape, 1, 0},
      Row<Problem>{"q_rope alone", [](Problem& p) { p.q_rope = memory, p.rope_dim = 2; }, Code::rope_half, 1, 2},
      Row<Problem>{"k_rope alone", [](Problem& p) { p.kv.k_rope = memory, p.rope_dim = 2; }, Code::rope_half, 1, 2},
      Row<Problem>{"rope without a head size", [](Problem& p) { p.q_rope = p.kv.k_rope = memory; }, Code::rope_shape, 0,
                   1},
      Row<Problem>{"a rope head size alone", [](Problem& p) { p.rope_dim = 2; }, Code::rope_shape, 2, 0},
      Row<Problem>{"a rope head size below 0", [](Problem& p) { p.q_rope = p.kv.k_rope = memory, p.rope_dim = -2; },
                   Code::rope_shape, -2, 1},
      Row<Problem>{"rows of q_rope",
                   [](Problem& p) {
                     p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
                     p.q_rope_strides = {8, 2, 1};
                   },
                   Code::strides_too_small, 1, 2},
      Row<Problem>{"rows of k_rope",
                   [](Problem& p) {
                     p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
                     p.kv.k_rope_strides = {32, 16, 1};
                   },
                   Code::strides_too_small, 1, 2},
      Row<Problem>{"strides beyond counting",
                   [](Problem& p) {
                     p.kv.k_strides = {kHuge, 48, 6};
                   },
                   Code::extent_too_large, kHuge, 1},
      Row<Problem>{"half a prefix", [](Problem& p) { p.prefix = {.k = memory, .rows = 2}; }, Code::shared_prefix_half,
                   1, 2},
      Row<Problem>{"a prefix without data", [](Problem& p) { p.prefix.rows = 2; }, Code::shared_prefix_half, 0, 2},
      Row<Problem>{"a prefix of rows below 0", [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = -2}; },
                   Code::extent_negative, -2, 0},
      Row<Problem>{"a prefix longer than its rows",
                   [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .length = 3}; },
                   Code::shared_prefix_length, 3, 2},
      Row<Problem>{"a prefix of length -2",
                   [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .length = -2}; },
                   Code::shared_prefix_length, -2, 0},
      Row<Problem>{"a prefix too large to count",
                   [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = kHuge}; }, Code::extent_too_large,
                   kHuge, 1},
      Row<Problem>{"a prefix's rope part alone",
                   [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2, .k_rope = memory}; },
                   Code::rope_half, 1, 0},
      Row<Problem>{"a prefix without its rope part",
                   [](Problem& p) {
                     p.prefix = {.k = memory, .v = memory, .rows = 2};
                     p.q_rope = p.kv.k_rope = memory, p.rope_dim = 2;
                   },
                   Code::rope_half, 0, 1},
      Row<Problem>{"factors of a float cache", [](Problem& p) { p.v_antiquant = {.scale = kOnes}; },
                   Code::antiquant_unexpected, 1, 4},
      Row<Problem>{"lengths of the shape", [](Problem& p) { p.shape.kv_len = kHuge; }, Code::extent_too_large, 6, 1},
      Row<Problem>{"lengths of a batch of none", [](Problem& p) { p.shape.kv_len = kHuge, p.shape.batch = 0; },
                   Code::extent_too_large, 6, 1},
  };
}

template <class Operator>
auto padding_rows() {
  using Problem = typename Operator::template problem<kv::LeftPadded<float>>;
  return std::array{
      Row<Problem>{"with a prefix", [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; },
                   Code::shared_prefix_with_padding, 1, 0},
      Row<Problem>{"a length beyond the cache", [](Problem& p) { p.kv_lens = kTooLong; }, Code::length_range, 13, 8},
  };
}

template <class Operator>
auto page_rows() {
  using Problem = typename Operator::template problem<kv::Paged<float>>;
  return std::array{
      Row<Problem>{"no table", [](Problem& p) { p.kv.block_table = nullptr; }, Code::block_table_null, 0, 1},
      Row<Problem>{"no lengths", [](Problem& p) { p.kv_lens = {}; }, Code::paged_needs_lengths, 0, 2},
      Row<Problem>{"no block size", [](Problem& p) { p.kv.block_size = 0; }, Code::block_size_range, 0, 1},
      Row<Problem>{"blocks below 0", [](Problem& p) { p.kv.blocks = -1; }, Code::extent_negative, -1, 0},
      Row<Problem>{"columns below 0", [](Problem& p) { p.kv.max_blocks = -1; }, Code::extent_negative, -1, 0},
      Row<Problem>{"pages beyond counting", [](Problem& p) { p.kv.block_size = kHuge; }, Code::extent_too_large, kHuge,
                   1},
      Row<Problem>{"columns beyond counting", [](Problem& p) { p.kv.max_blocks = kHuge; }, Code::extent_too_large, 4,
                   1},
      Row<Problem>{"a column too few", [](Problem& p) { p.kv.max_blocks = 1; }, Code::block_table_columns, 1, 2},
      Row<Problem>{"a length too long", [](Problem& p) { p.kv_lens = kTooLong; }, Code::block_table_columns, 3, 4},
      Row<Problem>{"a pool too small", [](Problem& p) { p.kv.blocks = 3; }, Code::block_id_range, 3, 3},
      Row<Problem>{"a prefix", [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; },
                   Code::paged_with_prefix, 1, 0},
      Row<Problem>{"no pool", [](Problem& p) { p.kv.v = nullptr; }, Code::null_value, 0, 1},
      Row<Problem>{"out is in the pool", [](Problem& p) { p.out = memory + 1000 + 191; }, Code::output_overlaps_input,
                   1, 0},
  };
}

template <class Operator>
auto list_rows() {
  using Problem = typename Operator::template problem<kv::List<float>>;
  return std::array{
      Row<Problem>{"three keys", [](Problem& p) { p.kv.k = kKeys; }, Code::kv_list_size, 3, 2},
      Row<Problem>{"one value", [](Problem& p) { p.kv.v = p.kv.v.first(1); }, Code::kv_list_size, 1, 2},
      Row<Problem>{"one number of rows", [](Problem& p) { p.kv.rows = p.kv.rows.first(1); }, Code::kv_list_size, 1, 2},
      Row<Problem>{"one rope part",
                   [](Problem& p) {
                     p.kv.k_rope = std::span(kKeys).first(1);
                     p.q_rope = memory, p.rope_dim = 2;
                   },
                   Code::kv_list_size, 1, 2},
      Row<Problem>{"a null key", [](Problem& p) { p.kv.k = kNullKeys; }, Code::null_key, 0, 1},
      Row<Problem>{"a null rope part",
                   [](Problem& p) {
                     p.kv.k_rope = kNullKeys;
                     p.q_rope = memory, p.rope_dim = 2;
                   },
                   Code::rope_null, 0, 1},
      Row<Problem>{"a length beyond its entry", [](Problem& p) { p.kv_lens = kBeyondEntry; }, Code::length_range, 4, 3},
      Row<Problem>{"a prefix", [](Problem& p) { p.prefix = {.k = memory, .v = memory, .rows = 2}; },
                   Code::kv_list_with_prefix, 1, 0},
      Row<Problem>{"out is an entry's last row", [](Problem& p) { p.out = memory + 3000 + 35; },
                   Code::output_overlaps_input, 1, 0},
  };
}

template <class Operator>
auto factor_rows() {
  using Problem = typename Operator::template problem<kv::Contiguous<std::int8_t>>;
  return std::array{
      Row<Problem>{"no factors", [](Problem& p) { p.k_antiquant = p.v_antiquant = {}; }, Code::antiquant_missing, 0, 2},
      Row<Problem>{"an offset alone", [](Problem& p) { p.v_antiquant.scale = nullptr; }, Code::antiquant_offset_alone,
                   1, 0},
      Row<Problem>{"of int8", [](Problem& p) { p.k_antiquant.dtype = DType::i8; }, Code::antiquant_dtype, 4, 1},
      Row<Problem>{"of no mode", [](Problem& p) { p.k_antiquant.mode = glint::AntiquantMode{6}; },
                   Code::antiquant_mode_range, 6, 5},
      Row<Problem>{"of pages", [](Problem& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token_paged; },
                   Code::antiquant_mode_not_for_cache, 4, 1},
      Row<Problem>{"of two modes", [](Problem& p) { p.v_antiquant.mode = glint::AntiquantMode::per_head; },
                   Code::antiquant_mode_pair, 2, 0},
      Row<Problem>{"a single one per head",
                   [](Problem& p) {
                     for (glint::Antiquant* a : {&p.k_antiquant, &p.v_antiquant})
                       a->mode = glint::AntiquantMode::per_head, a->single = true;
                   },
                   Code::antiquant_shape, 2, 0},
      Row<Problem>{"a column too few",
                   [](Problem& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token, p.v_antiquant.columns = 7; },
                   Code::antiquant_shape, 7, 8},
      Row<Problem>{
          "columns beyond counting",
          [](Problem& p) { p.v_antiquant.mode = glint::AntiquantMode::per_token, p.v_antiquant.columns = kHuge; },
          Code::extent_too_large, kHuge, 1},
      Row<Problem>{"a scale of 0",
                   [](Problem& p) {
                     static constexpr float kZero = 0;
                     p.k_antiquant = {.scale = &kZero, .single = true};
                   },
                   Code::antiquant_value, 0, 1},
      Row<Problem>{"rope parts", [](Problem& p) { p.q_rope = memory, p.kv.k_rope = integers, p.rope_dim = 2; },
                   Code::rope_with_integers, 4, 1},
      Row<Problem>{"out is a factor", [](Problem& p) { p.k_antiquant.offset = p.out + 47; },
                   Code::output_overlaps_input, 1, 0},
  };
}

}  // namespace

// What lengths, padded queries and layout TND of prompt_flash_attention refuse, and what of them is legal.  (Operators
// 3, 5 and 12.)
#pragma once

#include "dispatch/cache_calls.hpp"

namespace bad_input {
namespace {

inline Prompt padded_queries() {
  Prompt f = plain<Prompt>();
  f.q_lens = {3, 6};  // the second entry starts below 0 and has no rows
  f.call.query_padding_size = {&kPadding, DType::i64, {1}};
  return f;
}

// Two sequences: 2 and 4 query rows, 3 and 5 keys.
inline Prompt tnd() {
  Prompt f = plain<Prompt>();
  f.call.input_layout = "TND";
  f.call.query.shape = f.call.attention_out.shape = {6, 4, 16};
  f.call.key.shape = f.call.value.shape = {8, 2, 16};
  f.q_lens = {2, 6}, f.kv_lens = {3, 8};
  return f;
}
inline Prompt tnd_masked() {
  Prompt f = tnd();
  f.call.attn_mask = {f.memory.take(40), DType::u8, {2, 1, 4, 5}};
  return f;
}
inline Prompt tnd_biased() {
  Prompt f = tnd();
  f.call.pse_shift = {f.memory.take(320), DType::f16, {2, 4, 4, 5}};
  return f;
}
inline Prompt tnd_paged() {
  Prompt f = tnd();
  const Prompt pages = token_major<Prompt>();
  f.call.key = {f.memory.take(1280), DType::f16, pages.call.key.shape};
  f.call.value = {f.memory.take(1280), DType::f16, pages.call.value.shape};
  f.call.block_table = pages.call.block_table;
  f.call.block_size = 4;
  f.kv_lens = {8, 5};
  return f;
}
inline Prompt tnd_lse() {
  Prompt f = tnd();
  f.call.softmax_lse = {f.memory.take(96), DType::f32, {6, 4, 1}};
  return f;
}

inline auto query_length_rows() {
  return std::array{
      Row<Prompt>{"negative q length", plain<Prompt>,
                  [](Prompt& f) {
                    f.q_lens = {-1, 6};
                  },
                  Code::length_range, -1, 0},
      Row<Prompt>{"q length beyond S1", plain<Prompt>,
                  [](Prompt& f) {
                    f.q_lens = {6, 7};
                  },
                  Code::length_range, 7, 6},
      Row<Prompt>{"one q length beyond S1", plain<Prompt>, [](Prompt& f) { f.q_lens = {7}; }, Code::length_range, 7, 6},
      Row<Prompt>{"fewer q lengths than entries", plain<Prompt>,
                  [](Prompt& f) {
                    f.q_lens = {1, 1};
                    f.call.query.shape.extent[0] += 2, f.call.attention_out.shape.extent[0] += 2;
                    f.call.key.shape.extent[0] += 2, f.call.value.shape.extent[0] += 2;
                  },
                  Code::lengths_size, 2, 4},
      Row<Prompt>{"padding of int32", padded_queries, [](Prompt& f) { f.call.query_padding_size.dtype = DType::i32; },
                  Code::query_padding_dtype, 7, 8},
      Row<Prompt>{"two paddings", padded_queries, [](Prompt& f) { f.call.query_padding_size.shape = {2}; },
                  Code::query_padding_shape, 2, 1},
      Row<Prompt>{"padding of rank 2", padded_queries,
                  [](Prompt& f) {
                    f.call.query_padding_size.shape = {1, 1};
                  },
                  Code::query_padding_shape, 2, 1},
      Row<Prompt>{"padding without data", padded_queries, [](Prompt& f) { f.call.query_padding_size.data = nullptr; },
                  Code::query_padding_null, 0, 1},
      Row<Prompt>{"padding of int32 without lengths", padded_queries,
                  [](Prompt& f) {
                    f.q_lens = {};
                    f.call.query_padding_size.dtype = DType::i32;
                  },
                  Code::query_padding_dtype, 7, 8},
      Row<Prompt>{"padding with layout TND", tnd,
                  [](Prompt& f) {
                    f.call.query_padding_size = {&kPadding, DType::i64, {1}};
                  },
                  Code::query_padding_not_for_layout, 2, 0},
  };
}

inline auto tnd_rows() {
  return std::array{
      Row<Prompt>{"no q ends", tnd, [](Prompt& f) { f.q_lens = {}; }, Code::sequence_lists_missing, 0, 1},
      Row<Prompt>{"no kv ends", tnd, [](Prompt& f) { f.kv_lens = {}; }, Code::sequence_lists_missing, 0, 1},
      Row<Prompt>{"a kv end too many", tnd,
                  [](Prompt& f) {
                    f.kv_lens = {3, 8, 8};
                  },
                  Code::sequence_lists_differ, 3, 2},
      Row<Prompt>{"lengths in place of q ends", tnd,
                  [](Prompt& f) {
                    f.q_lens = {4, 2};
                  },
                  Code::sequence_list_decreasing, 2, 4},
      Row<Prompt>{"lengths in place of kv ends", tnd,
                  [](Prompt& f) {
                    f.kv_lens = {5, 3};
                  },
                  Code::sequence_list_decreasing, 3, 5},
      Row<Prompt>{"a q end below 0", tnd,
                  [](Prompt& f) {
                    f.q_lens = {-1, 6};
                  },
                  Code::sequence_list_decreasing, -1, 0},
      Row<Prompt>{"q ends beyond the tensor", tnd,
                  [](Prompt& f) {
                    f.q_lens = {2, 7};
                  },
                  Code::sequence_list_total, 7, 6},
      Row<Prompt>{"kv ends beyond the tensor", tnd,
                  [](Prompt& f) {
                    f.kv_lens = {3, 9};
                  },
                  Code::sequence_list_total, 9, 8},
      Row<Prompt>{"heads of query", tnd, [](Prompt& f) { f.call.query.shape.extent[1] = 2; }, Code::num_heads_mismatch,
                  2, 4},
      Row<Prompt>{"a tensor of rank 4", tnd,
                  [](Prompt& f) {
                    f.call.query.shape = {1, 6, 4, 16};
                  },
                  Code::rank_mismatch, 4, 3},
      Row<Prompt>{"kv_padding_size", tnd,
                  [](Prompt& f) {
                    f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
                  },
                  Code::cache_not_for_layout, 1, 0},
      Row<Prompt>{"a list", tnd,
                  [](Prompt& f) {
                    f.keys = {f.call.key, f.call.key}, f.values = {f.call.value, f.call.value};
                    f.call.key = f.call.value = {};
                  },
                  Code::cache_not_for_layout, 2, 1},
      Row<Prompt>{"mask of all rows", tnd_masked,
                  [](Prompt& f) {
                    f.call.attn_mask.shape = {2, 1, 6, 5};
                  },
                  Code::mask_shape, 6, 4},
      Row<Prompt>{"mask of all keys", tnd_masked,
                  [](Prompt& f) {
                    f.call.attn_mask.shape = {2, 1, 4, 8};
                  },
                  Code::mask_shape, 8, 5},
      Row<Prompt>{"mask batch", tnd_masked,
                  [](Prompt& f) {
                    f.call.attn_mask.shape = {3, 1, 4, 5};
                  },
                  Code::mask_shape, 3, 2},
      Row<Prompt>{"pse_shift of all rows", tnd_biased, [](Prompt& f) { f.call.pse_shift.shape.extent[2] = 6; },
                  Code::pse_shape, 6, 4},
      Row<Prompt>{"pse_shift of all keys", tnd_biased, [](Prompt& f) { f.call.pse_shift.shape.extent[3] = 8; },
                  Code::pse_shape, 8, 5},
      Row<Prompt>{"|next| = the rows of a sequence", tnd_masked, [](Prompt& f) { f.call.next_tokens = -2; },
                  Code::tokens_next_outside, 2, 2},
      Row<Prompt>{"|pre| = the keys of a sequence", tnd_masked,
                  [](Prompt& f) { f.call.pre_tokens = -3, f.call.next_tokens = 3; }, Code::tokens_pre_outside, 3, 3},
      Row<Prompt>{"lse of dense layouts", tnd_lse,
                  [](Prompt& f) {
                    f.call.softmax_lse.shape = {1, 4, 6, 1};
                  },
                  Code::stats_shape_mismatch, 4, 3},
      Row<Prompt>{"lse of [N][T]", tnd_lse,
                  [](Prompt& f) {
                    f.call.softmax_lse.shape = {4, 6, 1};
                  },
                  Code::stats_shape_mismatch, 4, 6},
      Row<Prompt>{"lse is k", tnd_lse,
                  [](Prompt& f) {
                    f.call.softmax_lse.data = static_cast<std::byte*>(const_cast<void*>(f.call.key.data)) + 508;
                  },
                  Code::output_overlaps_input, 1, 0},
      Row<Prompt>{"out is the last key", tnd,
                  [](Prompt& f) {
                    f.call.attention_out.data = static_cast<std::byte*>(const_cast<void*>(f.call.key.data)) + 510;
                  },
                  Code::output_overlaps_input, 1, 0},
      Row<Prompt>{"pages with ends in place of lengths", tnd_paged,
                  [](Prompt& f) {
                    f.kv_lens = {8, 13};
                  },
                  Code::block_table_columns, 3, 4},
      Row<Prompt>{"pages without lengths", tnd_paged, [](Prompt& f) { f.kv_lens = {}; }, Code::sequence_lists_missing,
                  0, 1},
      Row<Prompt>{"a table of one row", tnd_paged,
                  [](Prompt& f) {
                    f.call.block_table.shape = {1, 3};
                  },
                  Code::block_table_shape, 1, 2},
      Row<Prompt>{"a used block -1", tnd_paged,
                  [](Prompt& f) {
                    f.kv_lens = {9, 5};
                  },
                  Code::block_id_range, -1, 0},
  };
}

constexpr LegalRow<Prompt> kLegalSequences[] = {
    {"padded queries", padded_queries, [](Prompt&) {}},
    {"padded queries of one length", padded_queries, [](Prompt& f) { f.q_lens = {4}; }},
    {"padding beyond the tensor", padded_queries,
     [](Prompt& f) {
       static constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
       f.call.query_padding_size.data = &kFar;
     }},
    {"negative padding", padded_queries,
     [](Prompt& f) {
       static constexpr std::int64_t kBelow = std::numeric_limits<std::int64_t>::min();
       f.call.query_padding_size.data = &kBelow;
     }},
    {"padding as a scalar", padded_queries, [](Prompt& f) { f.call.query_padding_size.shape = {}; }},
    {"padding without lengths", padded_queries, [](Prompt& f) { f.q_lens = {}; }},
    {"padded queries and keys", padded_queries,
     [](Prompt& f) {
       f.call.kv_padding_size = f.call.query_padding_size;
       f.kv_lens = {3, 8};
     }},
    {"TND", tnd, [](Prompt&) {}},
    {"TND in small letters", tnd, [](Prompt& f) { f.call.input_layout = "tnd"; }},
    {"rows behind the last sequence", tnd,
     [](Prompt& f) {
       f.q_lens = {2, 4}, f.kv_lens = {3, 7};
     }},
    {"sequences without rows", tnd,
     [](Prompt& f) {
       f.q_lens = {0, 6}, f.kv_lens = {3, 3};
     }},
    {"a tail of zeros", tnd,
     [](Prompt& f) {
       f.q_lens = {6, 0}, f.kv_lens = {8, 0};
     }},
    {"no rows", tnd,
     [](Prompt& f) {
       f.q_lens = f.kv_lens = {0, 0};
       f.call.query = {nullptr, DType::f16, {0, 4, 16}};
       f.call.attention_out = {nullptr, DType::f16, {0, 4, 16}};
     }},
    {"kv_padding_size without lengths of keys is ignored", plain<Prompt>,
     [](Prompt& f) {
       f.call.kv_padding_size = {&kPadding, DType::i64, {1}};
     }},
    {"TND with a mask", tnd_masked, [](Prompt&) {}},
    {"TND with one mask for all", tnd_masked,
     [](Prompt& f) {
       f.call.attn_mask.shape = {4, 5};
     }},
    {"TND with a bias", tnd_biased, [](Prompt&) {}},
    {"TND with lse", tnd_lse, [](Prompt&) {}},
    {"TND with lse of rank 2", tnd_lse,
     [](Prompt& f) {
       f.call.softmax_lse.shape = {6, 4};
     }},
    {"TND with a prefix", tnd,
     [](Prompt& f) {
       f.call.key_shared_prefix = f.call.value_shared_prefix = {f.memory.take(192), DType::f16, {3, 2, 16}};
     }},
    {"TND with a rope part", tnd,
     [](Prompt& f) {
       f.call.query_rope = {f.memory.take(384), DType::f16, {6, 4, 8}};
       f.call.key_rope = {f.memory.take(256), DType::f16, {8, 2, 8}};
     }},
    {"TND with factors for each token", tnd,
     [](Prompt& f) {
       f.call.key.dtype = f.call.value.dtype = DType::i8;
       f.call.key_antiquant_mode = f.call.value_antiquant_mode = 1;
       f.call.key_antiquant_scale = f.call.value_antiquant_scale = ones(DType::f32, {2, 5});
     }},
    {"TND over pages", tnd_paged, [](Prompt&) {}},
    {"TND over pages by head", tnd_paged,
     [](Prompt& f) {
       f.call.key.shape = f.call.value.shape = {5, 2, 4, 16};
     }},
    {"TND over pages with a mask of the longest", tnd_paged,
     [](Prompt& f) {
       f.call.attn_mask = {f.memory.take(80), DType::u8, {2, 1, 4, 10}};
     }},
    {"TND over int4 pages in int32", tnd_paged,
     [](Prompt& f) {
       f.call.key.dtype = f.call.value.dtype = DType::i32;
       f.call.key.shape = f.call.value.shape = {5, 4, 4};
       f.call.key_antiquant_scale = f.call.value_antiquant_scale = ones(DType::f32, {1});
     }},
};

}  // namespace
}  // namespace bad_input

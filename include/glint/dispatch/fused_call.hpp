// What fused_infer_attention_score is given at run time: strings, integers and void pointers, named as in the operator
// documents.
#pragma once

#include "glint/dispatch/call.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct FusedInferAttentionScoreCall {
  TensorRef query{}, key{}, value{};  // int8, int8, int8: multiplied as integers, with dequant_scale1 and its fellows
  // In place of key and value: B tensors of batch 1 with rows of their own, or one tensor of batch B.
  std::span<const TensorRef> key_list{}, value_list{};
  OutputRef attention_out{};  // of query's type, float16 under an int8 query; int8 with quant_scale2

  TensorRef pse_shift{};  // (B|1, N|1, S1|1, S2), of query's type, float16 under an int8 query
  // (S1,S2), (B|1,S1,S2), (B|1,1,S1,S2), and (B,S2) when S1 is 1; sparse_mode 9: the tree, (B|1,S1,S1).
  TensorRef atten_mask{};
  bool atten_mask_compressed = false;  // stands for the compressed mask that sparse_mode 2 to 4 want
  // Lengths; with layout TND cumulative ends, but lengths of keys in pages.
  std::span<const index_t> actual_seq_lengths{};
  std::span<const index_t> actual_seq_lengths_kv{};

  // Of int8 queries, one number each: dequant_scale1 and dequant_scale2 float32 or uint64 (float32 bits in the lower
  // half), quant_scale1 float32.
  TensorRef dequant_scale1{}, quant_scale1{}, dequant_scale2{};
  TensorRef quant_scale2{}, quant_offset2{};  // int8 output

  // An int8 or int4 cache under a query of another type: as for incre_flash_attention.
  TensorRef antiquant_scale{}, antiquant_offset{};
  TensorRef block_table{};                            // int32 (B, max_blocks)
  TensorRef query_padding_size{}, kv_padding_size{};  // int64, one number each; count only beside actual lengths
  TensorRef key_antiquant_scale{}, key_antiquant_offset{}, value_antiquant_scale{}, value_antiquant_offset{};
  TensorRef key_shared_prefix{}, value_shared_prefix{};  // (1, ...) in the layout of key
  index_t actual_shared_prefix_len = -1;                 // -1: all its rows
  // As query and key, with a head size of their own.  Not beside an int8 or int4 cache, a list or a shared prefix.
  TensorRef query_rope{}, key_rope{};
  TensorRef learnable_sink{};  // (N), of query's type; not with int8

  index_t num_heads = 1;
  double scale = 1;
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 2147483647;
  std::string_view input_layout = "BSH";
  index_t num_key_value_heads = 0;  // 0: num_heads
  int sparse_mode = 0;              // 0 to 4, and 9: a tree of drafts
  int inner_precise = 0;
  index_t block_size = 0;
  index_t antiquant_mode = 0;
  bool softmax_lse_flag = false;  // false: softmax_lse is not looked at
  index_t key_antiquant_mode = 0, value_antiquant_mode = 0;

  OutputRef softmax_lse{};  // float32 (B, N, S1, 1), TND (T1, N, 1); rows that see nothing: +inf
  Limits limits = Limits::none;
};

}  // namespace GLINT_ABI
}  // namespace glint

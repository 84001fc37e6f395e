// What incre_flash_attention is given at run time: strings, integers and void pointers, named as in the operator
// documents.
#pragma once

#include "glint/dispatch/call.hpp"
#include "glint/ops/incre_problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct IncreFlashAttentionCall {
  TensorRef query{}, key{}, value{};
  // In place of key and value: B tensors of batch 1 with rows of their own, or one tensor of batch B.
  std::span<const TensorRef> key_list{}, value_list{};
  OutputRef attention_out{};  // of query's type; int8 with quant_scale2
  index_t num_heads = 0;
  index_t num_key_value_heads = 0;  // 0: num_heads
  std::string_view input_layout = "BSH";
  double scale_value = 1;

  TensorRef attn_mask{};     // (B, S), (B, 1, S), (B, 1, 1, S); a leading 1 broadcasts
  TensorRef padding_mask{};  // reserved: must be absent
  TensorRef pse_shift{};     // (B|1, N|1, S1|1, S), of query's type
  std::span<const index_t> actual_seq_lengths{};
  int inner_precise = 1;

  // Several query rows, as in speculative decoding, are legal with sparse_mode 3 (causal) and 9 (a tree, given as
  // attn_mask (B|1, S1, S1)); attn_mask must otherwise be absent then.  With 0, query has one row.
  int sparse_mode = 0;

  // An int8 or int4 cache: one joint tensor for key and value, or separate ones.  int4: DType::i4 with logical shapes,
  // or i32 with an eighth of the last axis.
  TensorRef antiquant_scale{}, antiquant_offset{};
  index_t antiquant_mode = 0;
  TensorRef key_antiquant_scale{}, key_antiquant_offset{}, value_antiquant_scale{}, value_antiquant_offset{};
  index_t key_antiquant_mode = 0, value_antiquant_mode = 0;

  TensorRef quant_scale2{}, quant_offset2{};                     // int8 output
  TensorRef dequant_scale1{}, quant_scale1{}, dequant_scale2{};  // not for this operator: must be absent

  TensorRef block_table{};  // int32 (B, max_blocks)
  index_t block_size = 0;
  TensorRef kv_padding_size{};  // int64, one number

  TensorRef key_shared_prefix{}, value_shared_prefix{};  // (1, ...) in the layout of key
  index_t actual_shared_prefix_len = -1;                 // -1: all its rows
  TensorRef learnable_sink{};                            // (N), of query's type
  // As query and key, with a head size of their own.  Not beside an int8 or int4 cache, a list or a shared prefix.
  TensorRef query_rope{}, key_rope{};

  OutputRef softmax_lse{};  // float32 (B, N, S1, 1); rows that see nothing: +inf
  Limits limits = Limits::none;
};

}  // namespace GLINT_ABI
}  // namespace glint

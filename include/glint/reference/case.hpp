// What the oracle is asked and what it answers.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "glint/reference/array.hpp"

namespace glint::reference {

// Which document's conventions apply.
//   score   training (operators 1.1): statistics, dropout, pse_type, cumulative lengths for TND, all sparse modes
//   prompt  prompt and fused inference (operators 1.5): scale then pse_shift, per-batch lengths, modes 0-4 and 9
//   incre   one query row per batch (operators 1.5): as prompt, but a mask only: tokens are ignored, and sparse_mode
//           but for 9, the tree of drafts
enum class Operator { score, prompt, incre };

// How the pse tensor is stored (operators 1.3 and 12.12).  Never guessed from its size.
enum class PseForm {
  dense,        // (B|1, N1|1, S1|1, S2); missing leading axes count as 1
  compressed,   // (B|1, N1|1, 1024, S2): the last 1024 rows of an ALiBi matrix, causal modes only
  flat_score,   // TND: [b][N1][S1_b][S2_b]
  flat_column,  // TND: [b][N1][S2_b], the same for every row
};

// A row that sees nothing: zero (operators C31), or the mean of V as devices without the treatment give (1.2).
enum class InvalidRow { zero, uniform };

// Where the cap of the scores lies, beside a bias: x = cap(scale*r) + pse, or cap(scale*r + pse).
enum class SoftcapOrder { before_bias, after_bias };

inline constexpr index_t all_tokens = 2147483647;

// Integer K or V back to reals: (x + offset) * scale, operators 4.3.  Shapes by mode:
//   0 per channel (N2,D) with any unit axes, or per tensor (1)    3 per token and head (B,N2,>=S)
//   1 per token (B,>=S)                                           4 per token, paged (blocks,block_size)
//   2 per head (N2)                                               5 per token and head, paged (blocks,N2,block_size)
struct Antiquant {
  int mode = 0;
  Array scale, offset;  // absent scale: none; absent offset: 0
};

// int8 in and out, operators 4.1, 4.2 and 12.17.  Every factor has one element; quant_scale2 and quant_offset2
// may have N1*Dv (per channel, [n][d]).  dequant_scale1 present selects the int8 path; quant_scale2 present
// selects int8 output (AttentionResult::out then holds integers in [-128, 127]).
struct Int8Factors {
  Array dequant_scale1, quant_scale1, dequant_scale2, quant_scale2, quant_offset2;
  index_t key_block = 1024;  // keys that share one running maximum; P is quantised relative to it
};

// Keys and values in pages, operators 5.  Cache layouts by rank: (blocks,block_size,H), (blocks,N2,block_size,D),
// (blocks,N2,D/D0,block_size,D0).
struct Paging {
  NdArray<index_t> block_table;  // (B, max_blocks); absent: not paged
  index_t block_size = 0;
};

// One attention problem.  Lengths count tokens; B batch, S1/S2 query/key rows, N1/N2 query/key heads, G = N1/N2.
struct AttentionCase {
  Operator op = Operator::score;
  // BSH SBH BNSD BSND TND NTD; "A_B" reads A and writes B, where B may also be NBSD (operators 3).
  std::string layout = "BSH";
  index_t head_num = 1;
  index_t kv_head_num = 0;  // 0: from the shapes
  Array query, key, value;
  std::vector<Array> key_list, value_list;  // incre: one tensor per batch entry (each of batch 1) instead of key, value
  Array query_rope, key_rope;               // more D, concatenated

  double scale = 1, q_scale = 1;  // operators 12.14
  int sparse_mode = 0;
  index_t pre_tokens = all_tokens, next_tokens = all_tokens;
  ByteArray attn_mask;  // any shape of operators 2, 12.4, 12.11; the contents of compressed masks are not read
  // true: the typed door's rule of operators C36 - sparse_mode, tokens and prefix act without a mask tensor.
  // false: the run-time door's - without a mask tensor every key is seen, whatever the mode says.
  bool implied_mask = false;
  std::vector<index_t> prefix;  // modes 5 and 6, one per batch entry

  Array pse;  // operators 1.3; types 2 and 3: slopes (N1) or (B,N1)
  int pse_type = 1;
  PseForm pse_form = PseForm::dense;
  std::vector<index_t> q_start_idx, kv_start_idx;  // element 0 counts, in tokens
  Array sink;                                      // (N1)
  // softcap * tanh(x / softcap); 0: none.  No operator document has it: kernels for Gemma and its like do.  The bias
  // of pse_type 1 lies inside of the scale and therefore of the cap.
  double softcap = 0;
  SoftcapOrder softcap_order = SoftcapOrder::before_bias;

  double keep_prob = 1;  // (0, 1]; at 1 neither bits nor Philox are looked at
  ByteArray drop_mask;   // operators 1.4: one continuous LSB-first stream, 1 = keep
  bool philox = false;   // take the bits from the generator of operators 1.4 instead
  std::uint64_t seed = 0, offset = 0;

  // score with TND: cumulative ends.  prompt, incre: lengths per batch entry (one for all, or >= B of them), except
  // that packed layouts (TND, NTD) hold cumulative ends, of which paged keys again hold lengths (operators 3).
  std::vector<index_t> actual_seq_qlen, actual_seq_kvlen;
  std::optional<index_t> kv_padding_size, query_padding_size;  // operators 5; ignored without actual lengths
  Paging paging;
  Array key_shared_prefix, value_shared_prefix;  // (1,...) in the layout of key
  std::optional<index_t> actual_shared_prefix_len;

  Antiquant antiquant;                       // joint: both factors carry a leading axis 2, [0] key, [1] value
  Antiquant key_antiquant, value_antiquant;  // separate
  Int8Factors int8;

  InvalidRow invalid_row = InvalidRow::zero;
  bool keep_probabilities = false;  // fill AttentionResult::probabilities
};

struct AttentionResult {
  Array out;               // in the operator's output layout; integers if int8.quant_scale2 is given
  Array out_before_quant;  // the reals before operators 4.2; absent without post-quantisation
  // [B][N1][S1] for dense layouts, [T1][N1] for packed ones.  Rows that see nothing: max -FLT_MAX, sum +FLT_MAX
  // (operators 1.2); with a sink: sink and 1 (12.8); a key tensor without any row: 0 and 0 (12.9).  Rows outside
  // every sequence hold the first pair.
  Array softmax_max, softmax_sum;
  // ln(sum) + max; +inf for rows that see nothing, unless they are asked to be uniform.  See typed_lse for -inf.
  Array lse;
  Array weighted_abs_v;  // sum_j p'_j |v_j|, shape of out: the weight of the error contract
  Array score_abs;       // max_j |scale| * sum_d |q_d k_jd| (+ |pse|) over kept keys, shape of lse; 0 if none
  std::vector<Matrix> probabilities;  // [b*N1 + n]: softmax before dropout, S1_b x S2_b, 0 where not kept
};

// The log-sum-exp with the typed door's sentinel: -inf where the run-time door says +inf (architecture 4).
inline Array typed_lse(const AttentionResult& result) {
  Array typed = result.lse;
  for (index_t row = 0; row < typed.size(); ++row) {
    const double sum = result.softmax_sum.flat(row);
    const bool saw_nothing = sum == 0 || sum == static_cast<double>(std::numeric_limits<float>::max());
    if (saw_nothing) typed.flat(row) = -std::numeric_limits<double>::infinity();
  }
  return typed;
}

}  // namespace glint::reference

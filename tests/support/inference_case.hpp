// One case of IncreFlashAttention or PromptFlashAttention as a flat list of integers, as random_case.hpp has them for
// the training operator: everything else follows from them and from `seed`.
#pragma once

#include "support/lists.hpp"
#include "support/random_case.hpp"

namespace glint_test {

enum Op : index_t { kIncre, kPrompt };
enum CacheForm : index_t { kContiguous, kLeftPadded, kPaged, kList };
// Shapes (batch, rows) of attn_mask.
enum MaskForm : index_t { kUnmasked, kMask11, kMaskB1, kMask1S, kMaskBS1 };
enum MaskType : index_t { kBytes, kF16Mask, kBf16Mask, kF32Mask };  // the last three: prompt
enum Draft : index_t { kDraftNone, kDraftCausal, kDraftTree };
enum PostQuantise : index_t { kPostNone, kPostTensor, kPostChannel };
enum SinkForm : index_t { kSinkNone, kSinkAmong, kSinkFarBelow, kSinkFarAbove };
// What nothing may read holds NaN, always.  Beyond that, one key that some query rows see and others do not.
enum Poison : index_t { kPoisonUnread, kPoisonPartlySeen };

// How large the scores of an int8 query are: of no matter, ordinary, and beyond what half precision holds.
enum ScoreRange : index_t { kScoresTiny, kScoresUsual, kScoresSaturate };

struct InferenceCase {
  index_t op = kIncre;
  index_t query = kF32, cache = kF32;                     // Number
  index_t layout = kBsh, turned = 0, form = kContiguous;  // turned: BNSD in, BSND out
  index_t batch = 1, kv_heads = 1, group = 1, q_len = 1, kv_len = 1, dim = 1, value_dim = 1, rope = 0;
  index_t lens = kLengthsNone, padding = 0;
  index_t q_lens = kLengthsNone, pad_queries = 0, q_padding = 0, longer_lists = 0;
  index_t surplus_q = 0, surplus_kv = 0, zero_tail = 0;  // TND; zero_tail: bit 0 the q list, bit 1 the kv list
  index_t mode = 0, pre = 2147483647, next = 2147483647;
  index_t block_size = 16, spare_columns = 0, spare_blocks = 0, shared = 0, head_major = 0;  // shared: percent
  index_t prefix = 0, prefix_length = -1;
  index_t mask = kUnmasked, mask_type = kBytes, mask_fill = 0, draft = kDraftNone, tree_batch = 0, tree_any = 0;
  index_t pse = 0, pse_batch = 0, pse_head = 0, pse_row = 0;
  index_t k_mode = 0, v_mode = 0, k_single = 0, v_single = 0, k_offset = 0, v_offset = 0, factors = kF32, joint = 0;
  index_t score_range = kScoresUsual, negative_quant1 = 0, scale_bits = 0;  // int8 query; scale_bits: as uint64
  index_t post = kPostNone, post_offset = 0, post_bf16 = 0;
  index_t sink = kSinkNone, lse = 0, inner_precise = 0;
  index_t scale = 1000;                              // thousandths of 1/sqrt(D)
  index_t sd_q = 1, sd_k = 1, sd_v = 1, sd_pse = 1;  // index into kSpreads
  index_t v_mean = 0, strided = 0, skew = 0, poison = kPoisonUnread;
  std::uint64_t seed = 0;

  // What no generator draws: a case line says it.
  index_t init = kNormal;
  std::vector<index_t> q_list, kv_list;  // q_lens and lens (TND: lengths) in the place of drawn ones
  std::vector<index_t> rooms;            // kList: rows of each entry's tensors, in the place of drawn ones
  std::optional<double> exact_scale;     // in the place of `scale`

  index_t heads() const { return kv_heads * group; }
  bool ragged() const { return layout == kTnd; }
  // An integer cache that factors make numbers of.
  bool integer_cache() const { return query != kInt8 && (cache == kInt8 || cache == kInt4); }
  // Of pse, sink and an output that is not int8.
  index_t number() const { return query == kInt8 ? index_t{kF16} : query; }
  const char* layout_name() const { return kLayoutNames[layout]; }
  const char* out_layout_name() const { return kLayoutNames[out_layout()]; }
  index_t out_layout() const { return turned != 0 ? index_t{kBsnd} : layout; }
  bool padded_queries() const { return pad_queries != 0 && q_lens != kLengthsNone; }
  bool padded_keys() const { return form == kLeftPadded && lens != kLengthsNone; }
  // Padding in front of queries or keys switches the tokens of mode 0 off, as does the lack of a mask.
  bool tokens_act() const {
    return mode == 4 || (mode == 0 && op == kPrompt && mask != kUnmasked && !padded_queries() && !padded_keys());
  }
};

inline constexpr FieldOf<InferenceCase> kInferenceFields[] = {
    {"op", &InferenceCase::op, -1},
    {"query", &InferenceCase::query, -1},
    {"cache", &InferenceCase::cache, -1},
    {"layout", &InferenceCase::layout, 0},
    {"turned", &InferenceCase::turned, 0},
    {"form", &InferenceCase::form, 0},
    {"batch", &InferenceCase::batch, 1},
    {"kv_heads", &InferenceCase::kv_heads, 1},
    {"group", &InferenceCase::group, 1},
    {"q_len", &InferenceCase::q_len, 1},
    {"kv_len", &InferenceCase::kv_len, 0},
    {"dim", &InferenceCase::dim, 1},
    {"value_dim", &InferenceCase::value_dim, 1},
    {"rope", &InferenceCase::rope, 0},
    {"lens", &InferenceCase::lens, 0},
    {"padding", &InferenceCase::padding, -1},
    {"q_lens", &InferenceCase::q_lens, 0},
    {"pad_queries", &InferenceCase::pad_queries, 0},
    {"q_padding", &InferenceCase::q_padding, -1},
    {"longer_lists", &InferenceCase::longer_lists, 0},
    {"surplus_q", &InferenceCase::surplus_q, 0},
    {"surplus_kv", &InferenceCase::surplus_kv, 0},
    {"zero_tail", &InferenceCase::zero_tail, 0},
    {"mode", &InferenceCase::mode, -1},
    {"pre", &InferenceCase::pre, -1},
    {"next", &InferenceCase::next, -1},
    {"block_size", &InferenceCase::block_size, 1},
    {"spare_columns", &InferenceCase::spare_columns, 0},
    {"spare_blocks", &InferenceCase::spare_blocks, 0},
    {"shared", &InferenceCase::shared, 0},
    {"head_major", &InferenceCase::head_major, 0},
    {"prefix", &InferenceCase::prefix, 0},
    {"prefix_length", &InferenceCase::prefix_length, -1},
    {"mask", &InferenceCase::mask, 0},
    {"mask_type", &InferenceCase::mask_type, 0},
    {"mask_fill", &InferenceCase::mask_fill, 0},
    {"draft", &InferenceCase::draft, 0},
    {"tree_batch", &InferenceCase::tree_batch, 0},
    {"tree_any", &InferenceCase::tree_any, 0},
    {"pse", &InferenceCase::pse, 0},
    {"pse_batch", &InferenceCase::pse_batch, 0},
    {"pse_head", &InferenceCase::pse_head, 0},
    {"pse_row", &InferenceCase::pse_row, 0},
    {"k_mode", &InferenceCase::k_mode, 0},
    {"v_mode", &InferenceCase::v_mode, 0},
    {"k_single", &InferenceCase::k_single, 0},
    {"v_single", &InferenceCase::v_single, 0},
    {"k_offset", &InferenceCase::k_offset, 0},
    {"v_offset", &InferenceCase::v_offset, 0},
    {"factors", &InferenceCase::factors, 0},
    {"joint", &InferenceCase::joint, 0},
    {"score_range", &InferenceCase::score_range, -1},
    {"negative_quant1", &InferenceCase::negative_quant1, 0},
    {"scale_bits", &InferenceCase::scale_bits, 0},
    {"post", &InferenceCase::post, 0},
    {"post_offset", &InferenceCase::post_offset, 0},
    {"post_bf16", &InferenceCase::post_bf16, 0},
    {"sink", &InferenceCase::sink, 0},
    {"lse", &InferenceCase::lse, 0},
    {"inner_precise", &InferenceCase::inner_precise, 0},
    {"scale", &InferenceCase::scale, -1},
    {"sd_q", &InferenceCase::sd_q, 0},
    {"sd_k", &InferenceCase::sd_k, 0},
    {"sd_v", &InferenceCase::sd_v, 0},
    {"sd_pse", &InferenceCase::sd_pse, 0},
    {"v_mean", &InferenceCase::v_mean, 0},
    {"strided", &InferenceCase::strided, 0},
    {"skew", &InferenceCase::skew, 0},
    {"poison", &InferenceCase::poison, 0},
};

constexpr std::span<const FieldOf<InferenceCase>> fields_of(const InferenceCase&) { return kInferenceFields; }

}  // namespace glint_test

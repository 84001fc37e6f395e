// What IncreFlashAttention is asked.  Lengths count tokens; B batch, N query heads, N2 kv heads, S1 query rows
// (shape.q_len), S2 the rows that a cache has room for.  What a cache may be: kv_cache.hpp.
#pragma once

#include <limits>

#include "glint/ops/kv_cache.hpp"
#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

// What several query rows (speculative decoding) see of each other.  The last S1 keys are theirs.
enum class DraftMask : std::uint8_t {
  none,    // every row sees every key
  causal,  // row i sees keys up to S2' - S1 + i, S2' the entry's keys (sparse_mode 3)
  tree,    // row i sees all keys before the last S1, and of those key j iff tree[i][j] is 0 (sparse_mode 9)
};

template <class Element, class Kv = kv::Contiguous<Element>>
struct IncreProblem {
  using Stored = typename Kv::element;

  const Element* q = nullptr;  // S1 rows for each batch entry
  KvCache<Kv> kv{};
  Element* out = nullptr;           // one of the two:
  std::int8_t* out_int8 = nullptr;  // with post_quant

  Shape shape{.q_len = 1};  // kv_len: the rows that the cache has room for
  float scale = 1;

  MaskTensor attn_mask{};              // (B|1, 1, S1|1, S2): 0 keeps
  PseTensor pse_shift{};               // (B|1, N|1, S1|1, S2), added after the scale
  std::span<const index_t> kv_lens{};  // actual lengths: empty, 1 or B entries; without a shared prefix

  DraftMask draft = DraftMask::none;
  MaskTensor draft_tree{};  // (B|1, 1, S1, S1): 0 keeps

  Antiquant k_antiquant{}, v_antiquant{};  // of an integer cache
  PostQuant post_quant{};
  SharedPrefix<Stored> prefix{};
  const Element* learnable_sink = nullptr;  // [N]: a score that takes part in the softmax and has no value
  const Element* q_rope = nullptr;          // further rope_dim numbers of every query row, in the layout of q; with
                                            // k_rope in the cache, which must not be one of integers
  index_t rope_dim = 0;

  float* lse = nullptr;  // [B][N][S1]; a row that sees nothing: empty_lse
  float empty_lse = -std::numeric_limits<float>::infinity();

  // 0 high precision.  1 high performance: where q and cache are bfloat16, by the CPU's dot instruction if it has one,
  // with P in bfloat16; otherwise the same as 0.
  int inner_precise = 1;
  Limits limits = Limits::none;

  Strides q_strides{}, out_strides{}, q_rope_strides{};
};

}  // namespace GLINT_ABI
}  // namespace glint

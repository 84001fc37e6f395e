// What PromptFlashAttention is asked.  Lengths count tokens; B batch, N query heads, N2 kv heads, S1 query rows, S2 the
// rows that a cache has room for.  What a cache may be: kv_cache.hpp.
#pragma once

#include <limits>

#include "glint/ops/kv_cache.hpp"
#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Element: float, half, bfloat16, or std::int8_t, whose K and V are std::int8_t too.
template <class Element, class Kv = kv::Contiguous<Element>>
struct PromptProblem {
  using Stored = typename Kv::element;
  using Number = std::conditional_t<std::is_same_v<Element, std::int8_t>, half, Element>;  // of everything else

  const Element* q = nullptr;  // S1 rows for each batch entry; TND: of all sequences
  KvCache<Kv> kv{};
  Number* out = nullptr;            // one of the two:
  std::int8_t* out_int8 = nullptr;  // with post_quant

  Shape shape{};  // kv_len: the rows that the cache has room for
  float scale = 1;

  // Sparse mode 0 beside a mask tensor, and mode 4.  Mind next_tokens: this operator's default is 0.
  index_t pre_tokens = 2147483647;
  index_t next_tokens = 0;
  MaskTensor attn_mask{};  // modes 0 and 1: (B|1, 1, S1, S2); TND: the longest q and kv lengths; S2 with the prefix
  PseTensor pse_shift{};   // (B|1, N|1, S1|1, S2), added after the scale

  // Actual lengths: empty, 1 or at least B entries.  With layout TND cumulative ends, but lengths of keys in pages.
  std::span<const index_t> q_lens{};
  std::span<const index_t> kv_lens{};
  // Where given beside q_lens, the query rows of an entry are [S1 - q_padding - length, S1 - q_padding), and rows of
  // mask and pse_shift go with them; below 0 counts as 0.  Without it they are [0, length).
  std::optional<index_t> q_padding{};

  Int8Scales int8{};                       // of an int8 query, which needs all three
  Antiquant k_antiquant{}, v_antiquant{};  // of an integer cache under a query of another type
  PostQuant post_quant{};
  SharedPrefix<Stored> prefix{};
  const Number* learnable_sink = nullptr;  // [N]: a score that takes part in the softmax and has no value
  const Element* q_rope = nullptr;         // further rope_dim numbers of every query row, in the layout of q; with
                                           // k_rope in the cache, which must not be one of integers
  index_t rope_dim = 0;

  float* lse = nullptr;  // [B][N][S1], TND [T1][N]; rows that see nothing: empty_lse
  float empty_lse = -std::numeric_limits<float>::infinity();

  // Bit 0: 0 high precision, 1 high performance (README, "Two precisions"); bit 1 asks for zero rows where nothing is
  // seen, which glint always does.
  int inner_precise = 1;
  Limits limits = Limits::none;

  Strides q_strides{}, out_strides{}, q_rope_strides{};
};

}  // namespace GLINT_ABI
}  // namespace glint

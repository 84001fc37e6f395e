// The nine sparse modes of the operator documents, from two masks.  With d = kv_len - q_len of a batch entry:
//
//   0 default_mask            q - pre <= k <= q + next (from the top left), and the mask tensor
//   1 all_mask                the mask tensor
//   2 left_up_causal          k <= q
//   3 right_down_causal       k <= q + d
//   4 band                    q + d - pre <= k <= q + d + next (from the bottom right)
//   5 prefix                  k <= q + d or k < prefix[b], and the mask tensor; an invalid list means mode 1
//   6 prefix_compressed       the same without a tensor
//   7 varlen_right_down_band  TND: the last sequence that has queries is mode 4, the others mode 3
//   8 varlen_band_left_up     TND: the first sequence that has queries is mode 4, the others mode 2
//
// Source: sparse_mode of seeds 001 and 004 and sections 2, 11 and 12 of the operator contract.
#pragma once

#include <span>

#include "glint/policy/mask.hpp"
#include "glint/tensor/seqlen.hpp"

namespace glint {
inline namespace GLINT_ABI {

enum class SparseMode : int {
  custom = -1,  // the recipe's own masks
  default_mask = 0,
  all_mask = 1,
  left_up_causal = 2,
  right_down_causal = 3,
  band = 4,
  prefix = 5,
  prefix_compressed = 6,
  varlen_right_down_band = 7,
  varlen_band_left_up = 8,
};

// Modes that read a mask tensor of scores (as opposed to an implied triangle or band).
constexpr bool reads_mask_tensor(SparseMode mode) {
  return mode == SparseMode::default_mask || mode == SparseMode::all_mask || mode == SparseMode::prefix;
}

constexpr bool uses_tokens(SparseMode mode) {
  return mode == SparseMode::default_mask || mode == SparseMode::band || mode == SparseMode::varlen_right_down_band ||
         mode == SparseMode::varlen_band_left_up;
}

// How far a query sees back and ahead.  Values of 2^31 - 1 and more mean "all".
struct Tokens {
  index_t pre = 2147483647;
  index_t next = 2147483647;

  // Rows never number 2^40, so beyond that a token count is infinite; clamped, no sum with a row can overflow.
  static constexpr index_t clamp(index_t tokens) {
    constexpr index_t kFar = index_t{1} << 40;
    return tokens > kFar ? kFar : tokens < -kFar ? -kFar : tokens;
  }
};

// One batch entry, one head: what a mask is made for.
struct HeadIndex {
  index_t batch = 0;
  index_t head = 0;
  index_t q_len = 0;
  index_t kv_len = 0;
  // Where the entry's first query row and key stand in tensors of scores; not 0 where rows or keys are padded in front.
  index_t first_row = 0;
  index_t first_column = 0;
};

// Is the whole prefix list usable (operators 12.3)?  One entry for each batch entry, each in [max(0, d), kv_len].
constexpr bool prefix_in_range(index_t prefix, index_t q_len, index_t kv_len) {
  const index_t least = kv_len > q_len ? kv_len - q_len : 0;
  return least <= prefix && prefix <= kv_len;
}

// The band part of a mode.
struct StaircaseOf {
  SparseMode mode = SparseMode::default_mask;
  Tokens tokens{};
  std::span<const index_t> prefix{};
  index_t band_entry = -1;  // modes 7 and 8: the batch entry that is a band

  constexpr mask::Staircase operator()(HeadIndex at) const {
    const index_t shift = at.kv_len - at.q_len;
    const index_t pre = Tokens::clamp(tokens.pre), next = Tokens::clamp(tokens.next);
    mask::Staircase stairs{.nq = at.q_len, .nk = at.kv_len};
    const auto band_from = [&](index_t corner) { stairs.lo = corner - pre, stairs.hi = corner + next; };
    switch (mode) {
      case SparseMode::custom:
      case SparseMode::all_mask: break;
      case SparseMode::default_mask: band_from(0); break;
      case SparseMode::left_up_causal: stairs.hi = 0; break;
      case SparseMode::right_down_causal: stairs.hi = shift; break;
      case SparseMode::band: band_from(shift); break;
      case SparseMode::prefix:
      case SparseMode::prefix_compressed:
        if (prefix.empty()) break;
        stairs.hi = shift;
        stairs.prefix = prefix[static_cast<std::size_t>(at.batch)];
        break;
      case SparseMode::varlen_right_down_band:
        at.batch == band_entry ? band_from(shift) : void(stairs.hi = shift);
        break;
      case SparseMode::varlen_band_left_up: at.batch == band_entry ? band_from(shift) : void(stairs.hi = 0); break;
    }
    return stairs;
  }
};

// A mask tensor with broadcast strides in elements (0 where an axis has extent 1); see mask::Dense.
struct DenseOf {
  const std::uint8_t* drop = nullptr;  // null: nothing is dropped
  index_t batch_stride = 0, head_stride = 0, row_stride = 0;
  index_t element_size = 1;

  constexpr mask::Dense operator()(HeadIndex at) const {
    const index_t first = at.batch * batch_stride + at.head * head_stride + at.first_row * row_stride + at.first_column;
    const std::uint8_t* const data = drop == nullptr ? nullptr : drop + first * element_size;
    return {data, row_stride, at.q_len, at.kv_len, element_size};
  }
};

struct StaircaseAndDenseOf {
  StaircaseOf stairs;
  DenseOf dense;

  constexpr mask::Both<mask::Staircase, mask::Dense> operator()(HeadIndex at) const { return {stairs(at), dense(at)}; }
};

// The batch entry that modes 7 and 8 treat as a band; -1 if no sequence has queries.
constexpr index_t band_entry(SparseMode mode, const Sequences& queries) {
  index_t entry = -1;
  for (index_t b = 0; b < queries.batch(); ++b) {
    if (queries.length(b) == 0) continue;
    if (entry < 0 || mode == SparseMode::varlen_right_down_band) entry = b;
  }
  return entry;
}

}  // namespace GLINT_ABI
}  // namespace glint

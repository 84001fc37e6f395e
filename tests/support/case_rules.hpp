// What a case's lists are, and whether the case is legal: the rules of operators 2.1, 8 and 12, written from the text.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "support/lists.hpp"
#include "support/random_case.hpp"

namespace glint_test {

struct Lists {
  std::vector<index_t> q_ends, kv_ends;  // TND
  std::vector<index_t> q_of, kv_of;      // the lengths of each entry
  std::vector<index_t> prefix;
  index_t q_rows = 0, kv_rows = 0;  // of the tensors
  index_t longest_q = 0, longest_kv = 0;
};

namespace detail {

inline bool causal_needs_keys(const Case& c) { return c.mode == 3 || c.mode == 7; }

inline void draw_lengths(const Case& c, Lists& lists) {
  Random random(c.seed, 11);
  const index_t full = random.below(c.batch);  // one entry has the full lengths, so that tile edges are met
  for (index_t b = 0; b < c.batch; ++b) {
    index_t q = random.chance(12) ? 0 : random.between(0, c.q_len);
    index_t kv = random.chance(12) ? 0 : random.between(0, c.kv_len);
    if (b == full) q = c.q_len, kv = c.kv_len;
    if (c.square != 0 && (b > 0 || c.mode != 8 || c.square == 1)) kv = q;
    if (causal_needs_keys(c) && q > kv) std::swap(q, kv);
    lists.q_of.push_back(q);
    lists.kv_of.push_back(kv);
  }
}

inline bool has_lists(const Case& c) {
  const auto batch = static_cast<std::size_t>(c.batch);
  return c.q_list.size() == batch && c.kv_list.size() == batch;
}

// Where a row without keys is not legal, the rows go with the keys; elsewhere some do.
inline void empty_sequences(const Case& c, Lists& lists) {
  for (std::size_t b = 0; b < lists.q_of.size(); ++b) {
    if (!emptied(c.init, c.batch, b)) continue;
    lists.kv_of[b] = 0;
    if (causal_needs_keys(c) || b % 4 == 2) lists.q_of[b] = 0;
  }
}

inline void ragged_lists(const Case& c, Lists& lists) {
  if (has_lists(c))
    lists.q_of = c.q_list, lists.kv_of = c.kv_list;
  else
    draw_lengths(c, lists);
  empty_sequences(c, lists);
  lists.q_ends = ends_of(lists.q_of, (c.zero_tail & 1) != 0);
  lists.kv_ends = ends_of(lists.kv_of, (c.zero_tail & 2) != 0);
  const auto total = [](const std::vector<index_t>& of) { return std::accumulate(of.begin(), of.end(), index_t{0}); };
  lists.q_rows = total(lists.q_of) + c.surplus_q;
  lists.kv_rows = total(lists.kv_of) + c.surplus_kv;
}

inline void dense_lists(const Case& c, Lists& lists) {
  lists.q_rows = c.q_len;
  lists.kv_rows = c.kv_len;
  lists.q_of.assign(static_cast<std::size_t>(c.batch), c.q_len);
  lists.kv_of.assign(static_cast<std::size_t>(c.batch), c.kv_len);
}

}  // namespace detail

inline Lists lists_of(const Case& c) {
  Lists lists;
  c.layout == kTnd ? detail::ragged_lists(c, lists) : detail::dense_lists(c, lists);
  for (const index_t q : lists.q_of) lists.longest_q = std::max(lists.longest_q, q);
  for (const index_t kv : lists.kv_of) lists.longest_kv = std::max(lists.longest_kv, kv);
  if (!c.prefix_list.empty()) return lists.prefix = c.prefix_list, lists;
  Random random(c.seed, 14);
  for (index_t b = 0; c.prefix != kPrefixNone && b < c.batch; ++b) {
    const auto i = static_cast<std::size_t>(b);
    const index_t least = std::max<index_t>(0, lists.kv_of[i] - lists.q_of[i]);
    index_t value = random.between(least, lists.kv_of[i]);
    if (c.prefix == kPrefixOutOfRange && b == 0) value = random.chance(50) ? lists.kv_of[i] + 1 + random.below(9) : -1;
    lists.prefix.push_back(value);
  }
  if (c.prefix == kPrefixShort) lists.prefix.push_back(0);
  return lists;
}

namespace detail {

inline std::vector<index_t> mask_extents(const Case& c, const Lists& lists) {
  const index_t rows = c.layout == kTnd ? lists.longest_q : c.q_len;
  const index_t columns = c.layout == kTnd ? lists.longest_kv : c.kv_len;
  switch (c.mask) {
    case kMaskNone: return {};
    case kMaskSS: return {rows, columns};
    case kMaskB1SS: return {c.batch, 1, rows, columns};
    case kMaskBNSS: return {c.batch, c.heads, rows, columns};
    default: return {1, 1, rows, columns};
  }
}

inline std::vector<index_t> pse_extents(const Case& c, const Lists& lists) {
  if (c.pse == 0) return {};
  if (c.pse_type >= 2) return c.pse_per_batch != 0 ? std::vector{c.batch, c.heads} : std::vector{c.heads};
  const index_t batch = c.pse_per_batch != 0 ? c.batch : 1, heads = c.pse_per_head != 0 ? c.heads : 1;
  index_t scores = 0, columns = 0;
  for (std::size_t b = 0; b < lists.q_of.size(); ++b)
    scores += lists.q_of[b] * lists.kv_of[b], columns += lists.kv_of[b];
  switch (c.pse_store) {
    case kPseDense: return {batch, heads, c.pse_per_row != 0 ? c.q_len : 1, c.kv_len};
    case kPseCompressed: return {batch, heads, 1024, lists.longest_kv};
    case kPsePerScore: return {c.heads * scores};
    default: return {c.heads * columns};
  }
}

}  // namespace detail

// operators 2.1, S1's rule, in left-up coordinates.
inline bool legal_band(index_t pre, index_t next, index_t rows, index_t keys) {
  if (pre < 0 && next < 0) return false;
  if (pre < 0 && (next < -pre || -pre >= keys)) return false;
  return next >= 0 || (-next <= pre && -next < rows);
}

inline bool legal_ragged_tokens(const Case& c, const Lists& lists) {
  const index_t pre = near(c.pre), next = near(c.next);
  if (c.mode == 0 && (next < 0 || (pre < 0 && next < -pre))) return false;
  if (c.mode == 4 && (pre < 0 || pre + next < 0)) return false;
  if (c.mode == 7 && next > 0) return false;
  index_t band = -1;
  for (index_t b = 0; b < c.batch; ++b)
    if (lists.q_of[static_cast<std::size_t>(b)] > 0 && (band < 0 || c.mode == 7)) band = b;
  for (index_t b = 0; b < c.batch; ++b) {
    const index_t q = lists.q_of[static_cast<std::size_t>(b)], kv = lists.kv_of[static_cast<std::size_t>(b)];
    if (q == 0) continue;
    if (c.mode == 0 && kv + pre < q) return false;
    if (detail::causal_needs_keys(c) && q > kv) return false;
    if ((c.mode == 7 || c.mode == 8) && b == band && (pre < kv || q - next > kv)) return false;
  }
  return true;
}

inline bool legal_tokens(const Case& c, const Lists& lists) {
  const bool masked = c.mode == 0 || c.mode == 1 || c.mode == 5 ? c.mask != kMaskNone : c.compressed != kNoMask;
  if (!masked) return true;  // without a mask, modes and tokens have no effect
  if (c.layout == kTnd) return legal_ragged_tokens(c, lists);
  const index_t pre = near(c.pre), next = near(c.next), shift = c.kv_len - c.q_len;
  if (c.mode == 0) return legal_band(pre, next, c.q_len, c.kv_len);
  return c.mode != 4 || legal_band(pre - shift, next + shift, c.q_len, c.kv_len);
}

inline bool legal_mask(const Case& c) {
  const bool batched = c.mask == kMaskB1SS || c.mask == kMaskBNSS;
  if (c.layout == kTnd) return !batched;
  // Of no batch entry at all, any list of prefixes is a valid one.
  const bool prefixed = c.mode == 5 && (c.prefix == kPrefixValid || c.batch == 0);
  return !prefixed || c.mask == kMaskNone || batched || c.batch == 1;
}

inline bool legal_pse(const Case& c, const Lists& lists) {
  if (c.pse == 0) return c.pse_type == 1;
  const bool ragged = c.layout == kTnd, generated = c.pse_type >= 2;
  bool square = true;
  for (std::size_t b = 0; b < lists.q_of.size(); ++b) square = square && lists.q_of[b] == lists.kv_of[b];
  if (c.mode == 7) return false;
  if (c.mode == 8) {
    const auto first = std::find_if(lists.q_of.begin(), lists.q_of.end(), [](index_t q) { return q > 0; });
    if (!generated || first == lists.q_of.end()) return false;
    for (std::size_t b = 0; b < lists.q_of.size(); ++b) {
      const bool band = b == static_cast<std::size_t>(first - lists.q_of.begin());
      const index_t q_start = (c.starts & kStartQ) != 0 ? c.q_start : 0;
      const index_t kv_start = c.starts == (kStartQ | kStartKv) ? c.kv_start : 0;
      if (lists.q_of[b] - lists.kv_of[b] + (band ? q_start - kv_start : 0) != 0) return false;
    }
  }
  if (generated) return c.pse_store == kPseDense && (ragged || c.q_len == c.kv_len);
  if (c.pse_store == kPseCompressed)
    return square && lists.longest_q > 1024 && (c.mode == 2 || c.mode == 3) && c.compressed != kNoMask;
  if (ragged) return c.pse_store != kPseDense;
  return c.pse_store == kPseDense && !(c.pse_per_row != 0 && c.q_len == 1024);
}

// operators 8.1: may the run-time door be asked this?
inline bool legal(const Case& c) {
  if (c.heads % c.kv_heads != 0 || (c.layout == kTnd && c.batch == 0)) return false;
  if (c.layout == kTnd ? c.mode == 5 : c.mode >= 7) return false;
  const Lists lists = lists_of(c);
  if (c.mode == 6 && c.compressed != kNoMask && c.prefix != kPrefixValid) return false;
  if (c.drop_rank4 != 0 && (c.layout == kTnd || c.kv_len % 8 != 0)) return false;
  return legal_tokens(c, lists) && legal_mask(c) && legal_pse(c, lists);
}

}  // namespace glint_test

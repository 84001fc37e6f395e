// The lists of an inference case, and whether the operators may be asked it: the rules of operators 2.1, 3, 4.3, 5, 8
// and 12, written from the text.
#pragma once

#include <algorithm>
#include <cstdlib>

#include "support/inference_case.hpp"

namespace glint_test {

// One entry for each of the batch, but for q_lens and lens, which are as the operator is asked.
struct InferenceLists {
  std::vector<index_t> q_lens, lens;
  std::vector<index_t> q_of;     // query rows
  std::vector<index_t> q_first;  // where they begin in the tensor (TND), or among the entry's rows
  index_t q_rows = 0;            // of the tensor
  index_t height = 0;            // rows of masks and pse
  std::vector<index_t> room;     // rows that the entry's own cache has
  std::vector<index_t> own;      // keys of its own that count
  std::vector<index_t> first;    // the row of the first of them
  std::vector<index_t> shift;    // its column, beyond the prefix
  index_t kv_rows = 0;           // of one tensor for all
  index_t prefix = 0;            // rows of the shared prefix that count
  index_t max_blocks = 0;
  index_t columns = 0;  // of mask, pse and per-token factors
  bool ragged = false;

  index_t rows(index_t b) const { return q_of[static_cast<std::size_t>(b)]; }
  index_t keys(index_t b) const { return prefix + own[static_cast<std::size_t>(b)]; }
  // Where query row i of an entry stands: in its tensor, and in masks and pse.
  index_t q_axis(index_t b) const { return ragged ? 0 : b; }
  index_t q_row(index_t b, index_t i) const { return q_first[static_cast<std::size_t>(b)] + i; }
  index_t score_row(index_t b, index_t i) const { return ragged ? i : q_row(b, i); }
};

namespace detail {

// The least keys of its own that an entry must have: the rows of a tree are among them.
inline index_t least_keys(const InferenceCase& c, index_t prefix) {
  return c.draft == kDraftTree ? std::max<index_t>(0, c.q_len - prefix) : 0;
}

inline index_t draw_length(Random& random, index_t least, index_t most) {
  if (most <= least) return most;
  if (random.chance(8)) return least;
  return random.chance(15) ? most : random.between(least, most);
}

inline std::vector<index_t> starts_of(const std::vector<index_t>& lengths) {
  std::vector<index_t> starts(lengths.size());
  std::exclusive_scan(lengths.begin(), lengths.end(), starts.begin(), index_t{0});
  return starts;
}

// init=empty: no keys, and now and then no queries.
inline void empty_keys(const InferenceCase& c, std::vector<index_t>& lengths) {
  for (std::size_t b = 0; b < lengths.size(); ++b)
    if (emptied(c.init, c.batch, b)) lengths[b] = 0;
}
inline void empty_queries(const InferenceCase& c, std::vector<index_t>& lengths) {
  for (std::size_t b = 2; b < lengths.size(); b += 4)
    if (emptied(c.init, c.batch, b)) lengths[b] = 0;
}

inline void ragged_queries(const InferenceCase& c, InferenceLists& lists) {
  Random random(c.seed, 43);
  const index_t full = c.batch > 0 ? random.below(c.batch) : 0;  // one entry is as long as may be: tile edges are met
  lists.q_of = c.q_list;
  for (index_t b = 0; c.q_list.empty() && b < c.batch; ++b)
    lists.q_of.push_back(b == full ? c.q_len : draw_length(random, 0, c.q_len));
  empty_queries(c, lists.q_of);
  if (c.batch > 0) lists.q_lens = ends_of(lists.q_of, (c.zero_tail & 1) != 0);
  lists.q_first = starts_of(lists.q_of);
  lists.q_rows = std::accumulate(lists.q_of.begin(), lists.q_of.end(), c.surplus_q);
  for (const index_t rows : lists.q_of) lists.height = std::max(lists.height, rows);
}

inline void dense_queries(const InferenceCase& c, InferenceLists& lists) {
  Random random(c.seed, 43);
  lists.q_rows = lists.height = c.q_len;
  if (c.q_lens != kLengthsNone) lists.q_lens = c.q_list;
  if (c.q_lens == kLengthsOne && c.q_list.empty()) lists.q_lens = {draw_length(random, 0, c.q_len)};
  for (index_t b = 0; c.q_lens == kLengthsEach && c.q_list.empty() && b < c.batch; ++b)
    lists.q_lens.push_back(draw_length(random, 0, c.q_len));
  if (c.q_lens == kLengthsEach) empty_queries(c, lists.q_lens);
  for (std::size_t b = 0; b < static_cast<std::size_t>(c.batch); ++b) {
    const index_t rows = lists.q_lens.empty() ? c.q_len : lists.q_lens[lists.q_lens.size() == 1 ? 0 : b];
    const index_t lead = c.padded_queries() ? c.q_len - std::max<index_t>(0, c.q_padding) - rows : 0;
    lists.q_of.push_back(lead < 0 ? 0 : rows);
    lists.q_first.push_back(std::max<index_t>(0, lead));
  }
  for (index_t i = 0; c.q_lens == kLengthsEach && i < c.longer_lists; ++i) lists.q_lens.push_back(-7);  // not read
}

// Keys in one tensor, sequence behind sequence.
inline void ragged_keys(const InferenceCase& c, Random& random, InferenceLists& lists) {
  lists.own = c.kv_list;
  for (index_t b = 0; c.kv_list.empty() && b < c.batch; ++b) lists.own.push_back(draw_length(random, 0, c.kv_len));
  empty_keys(c, lists.own);
  if (c.batch > 0) lists.lens = ends_of(lists.own, (c.zero_tail & 2) != 0);
  lists.first = starts_of(lists.own);
  lists.shift.assign(lists.own.size(), 0);
  lists.kv_rows = std::accumulate(lists.own.begin(), lists.own.end(), c.surplus_kv);
  for (const index_t keys : lists.own) lists.columns = std::max(lists.columns, keys);
}

inline void cache_lengths(const InferenceCase& c, Random& random, InferenceLists& lists) {
  const index_t least = least_keys(c, lists.prefix);
  lists.kv_rows = c.kv_len;
  lists.room.assign(static_cast<std::size_t>(c.batch), c.kv_len);
  if (c.form == kList && c.rooms.empty())
    for (index_t& rows : lists.room) rows = draw_length(random, least, c.kv_len);
  else if (c.form == kList)
    lists.room = c.rooms;
  const index_t shortest = c.batch > 0 ? *std::min_element(lists.room.begin(), lists.room.end()) : c.kv_len;
  if (c.lens != kLengthsNone) lists.lens = c.kv_list;
  if (c.lens == kLengthsOne && c.kv_list.empty()) lists.lens = {draw_length(random, least, shortest)};
  if (c.lens == kLengthsEach && c.kv_list.empty())
    for (const index_t rows : lists.room) lists.lens.push_back(draw_length(random, least, rows));
  if (c.lens == kLengthsEach) empty_keys(c, lists.lens);
  if (c.form != kPaged) return;
  const index_t longest = lists.lens.empty() ? 0 : *std::max_element(lists.lens.begin(), lists.lens.end());
  lists.max_blocks = (longest + c.block_size - 1) / c.block_size + c.spare_columns;
  lists.room.assign(static_cast<std::size_t>(c.batch), lists.max_blocks * c.block_size);
}

inline void place_keys(const InferenceCase& c, InferenceLists& lists) {
  for (std::size_t b = 0; b < static_cast<std::size_t>(c.batch); ++b) {
    const index_t length = lists.lens.empty() ? lists.room[b] : lists.lens[lists.lens.size() == 1 ? 0 : b];
    const index_t first = c.padded_keys() ? lists.room[b] - std::max<index_t>(0, c.padding) - length : 0;
    lists.own.push_back(first < 0 ? 0 : length);
    lists.first.push_back(std::max<index_t>(0, first));
    lists.shift.push_back(lists.first.back());
  }
  lists.columns = c.form == kContiguous || c.form == kLeftPadded ? c.kv_len : 0;
  for (const index_t rows : lists.room) lists.columns = std::max(lists.columns, rows);
  for (index_t i = 0; c.op == kPrompt && !c.ragged() && c.lens == kLengthsEach && i < c.longer_lists; ++i)
    lists.lens.push_back(-7);  // not read
}

}  // namespace detail

inline InferenceLists inference_lists(const InferenceCase& c) {
  InferenceLists lists;
  lists.ragged = c.ragged();
  lists.prefix = c.prefix == 0 ? 0 : c.prefix_length < 0 ? c.prefix : c.prefix_length;
  c.ragged() ? detail::ragged_queries(c, lists) : detail::dense_queries(c, lists);
  Random random(c.seed, 41);
  if (c.ragged() && c.form == kContiguous) {
    detail::ragged_keys(c, random, lists);
  } else {
    detail::cache_lengths(c, random, lists);
    detail::place_keys(c, lists);
  }
  lists.columns += lists.prefix;
  return lists;
}

namespace detail {

// operators 4.3: which modes go with which cache, and with each other.
inline bool legal_factors(const InferenceCase& c) {
  const bool same = c.k_mode == c.v_mode, paged = c.form == kPaged;
  for (const index_t mode : {c.k_mode, c.v_mode})
    if (paged ? mode == 1 || mode == 3 : mode == 4 || mode == 5) return false;
  if (!same && !(c.k_mode == 0 && c.v_mode == 1)) return false;
  if ((c.k_single != 0 && c.k_mode != 0) || (c.v_single != 0 && c.v_mode != 0)) return false;
  if (c.joint == 0) return true;
  if (!same || c.k_mode > 1 || c.k_single != c.v_single || c.k_offset != c.v_offset) return false;
  if (c.k_mode == 0 && c.factors != kF32 && c.factors != c.query) return false;
  return c.k_mode != 0 || c.k_single != 0 || c.dim == c.value_dim;
}

inline bool legal_types(const InferenceCase& c) {
  if (c.query == kInt8) return c.op == kPrompt && c.cache == kInt8 && c.rope == 0 && c.sink == kSinkNone;
  if (c.cache == kInt4 && (c.dim % 2 != 0 || c.value_dim % 2 != 0)) return false;
  if (c.integer_cache()) return c.rope == 0 && legal_factors(c);
  return c.query == kF32 || c.cache == c.query;
}

// operators 2.1 (PFA) with 12.19.
inline bool legal_tokens(const InferenceCase& c, const InferenceLists& lists) {
  if (!c.tokens_act()) return true;
  const index_t pre = near(c.pre), next = near(c.next);
  if ((pre < 0 && next < 0) || pre + next < 0) return false;
  if (c.mode == 4) return true;
  for (index_t b = 0; b < c.batch; ++b)
    if ((next < 0 && -next >= lists.rows(b)) || (pre < 0 && -pre >= lists.keys(b))) return false;
  return true;
}

inline bool legal_prompt(const InferenceCase& c, const InferenceLists& lists) {
  if (c.draft != kDraftNone || c.mode < 0 || c.mode > 4) return false;
  if (c.mode == 1 ? c.mask == kUnmasked : c.mode > 1 && c.mask != kUnmasked) return false;
  if (lists.height != 1 && (c.mask == kMask11 || c.mask == kMaskB1)) return false;
  if (c.turned != 0 && c.layout != kBnsd) return false;
  if (c.ragged()) {
    const bool in_place = c.form == kContiguous || c.form == kPaged;
    if (!in_place || c.batch == 0 || c.lens != kLengthsEach || c.q_lens != kLengthsEach || c.pad_queries != 0)
      return false;
  }
  return legal_tokens(c, lists);
}

}  // namespace detail

// May the operator be asked this?
inline bool legal(const InferenceCase& c) {
  if (c.form == kPaged && c.lens == kLengthsNone) return false;
  if (c.prefix > 0 && (c.form != kContiguous || c.prefix_length > c.prefix)) return false;
  if ((c.lens == kLengthsEach || c.form == kList || c.q_lens == kLengthsEach) && c.batch == 0) return false;
  if (c.post_bf16 != 0 && c.query != kBf16) return false;
  if (!detail::legal_types(c)) return false;
  const InferenceLists lists = inference_lists(c);
  if (c.op == kPrompt) return detail::legal_prompt(c, lists);
  if (c.mask_type != kBytes) return false;
  for (index_t b = 0; c.draft == kDraftTree && b < c.batch; ++b)
    if (lists.keys(b) < c.q_len) return false;
  return c.layout == kBsh || c.layout == kBnsd || c.layout == kBsnd;
}

// Can the documents' call say it too?  IncreFlashAttention takes several rows only as a draft, and then no other mask;
// a rope part of a list or of a shared prefix has no parameter.
inline bool has_run_time_form(const InferenceCase& c) {
  if (c.op == kIncre && c.q_len > 1 && c.draft == kDraftNone) return false;
  if (c.draft != kDraftNone && c.mask != kUnmasked) return false;
  if (c.rope > 0 && (c.prefix > 0 || (c.form == kList && c.batch > 1))) return false;
  return c.form != kPaged || c.head_major == 0 || c.layout == kBnsd || c.ragged();
}

}  // namespace glint_test

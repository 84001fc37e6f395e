// One batch entry at a time: which rows and keys it has, and where they lie (operators 3 and 5).
#pragma once

#include <algorithm>
#include <vector>

#include "glint/reference/layout.hpp"
#include "glint/reference/visible.hpp"

namespace glint::reference {

struct Entry {
  index_t batch = 0;      // index of the entry
  index_t q_batch = 0;    // its batch index in the query tensor: 0 in packed layouts
  index_t first_row = 0;  // row of the query tensor that is row 0 of the entry
  index_t rows = 0;
  index_t kv_batch = 0;
  index_t kv_heads = 1;   // N2
  index_t first_key = 0;  // row of the key tensor that is the first key after the shared prefix
  index_t kv_rows = 0;
  index_t shared_prefix = 0;
  // Left padding shifts mask, pse and per-token factors along with the rows and keys (operators 5, 12.16).
  index_t row_shift = 0, column_shift = 0;
  // Where the entry starts in per-score and per-column streams, in elements and without the factor N1.
  index_t scores_before = 0, philox_before = 0, columns_before = 0, squares_before = 0;

  index_t keys() const { return shared_prefix + kv_rows; }
  index_t row(index_t i) const { return i + row_shift; }
  index_t column(index_t j) const { return j < shared_prefix ? j : j + column_shift; }
};

namespace detail {

inline index_t round_up_16(index_t count) { return (count + 15) / 16 * 16; }

// Per-batch lengths: one for all, or one each.
inline index_t listed(const std::vector<index_t>& lengths, index_t batch) {
  return lengths.size() == 1 ? lengths[0] : lengths.at(static_cast<std::size_t>(batch));
}

// Length of a cumulative list's entry.  Zeros at the tail mean "skip" (operators C21).
inline index_t span_begin(const std::vector<index_t>& ends, index_t batch) {
  return batch == 0 ? 0 : ends.at(static_cast<std::size_t>(batch) - 1);
}
inline index_t span_length(const std::vector<index_t>& ends, index_t batch) {
  return std::max<index_t>(0, ends.at(static_cast<std::size_t>(batch)) - span_begin(ends, batch));
}

inline void place_queries(const AttentionCase& spec, Entry& entry) {
  const std::vector<index_t>& lengths = spec.actual_seq_qlen;
  if (is_packed(input_layout(spec.layout))) {
    entry.first_row = span_begin(lengths, entry.batch);
    entry.rows = span_length(lengths, entry.batch);
    return;
  }
  const index_t capacity = query_extent(spec).rows;
  entry.q_batch = entry.batch;
  entry.rows = capacity;
  // Dense training ignores the lists (operators 3).
  if (spec.op == Operator::score || lengths.empty()) return;
  entry.rows = listed(lengths, entry.batch);
  if (!spec.query_padding_size) return;
  entry.first_row = capacity - std::max<index_t>(0, *spec.query_padding_size) - entry.rows;
  if (entry.first_row < 0) entry.first_row = entry.rows = 0;  // no room: the batch is all zero, as for keys
  entry.row_shift = entry.first_row;
}

inline void place_keys(const AttentionCase& spec, Entry& entry) {
  const std::vector<index_t>& lengths = spec.actual_seq_kvlen;
  const bool paged = spec.paging.block_table.present();
  const std::string layout = input_layout(spec.layout);
  if (is_packed(layout) && !paged) {
    entry.first_key = span_begin(lengths, entry.batch);
    entry.kv_rows = span_length(lengths, entry.batch);
    return;
  }
  entry.kv_batch = entry.batch;
  if (paged) {
    entry.kv_rows = listed(lengths, entry.batch);
    return;
  }
  const bool own_tensor = spec.key_list.size() > 1;
  const Array& tensor = own_tensor ? spec.key_list.at(static_cast<std::size_t>(entry.batch)) : key_sample(spec);
  const index_t capacity = extent_of(tensor, layout, kv_heads_of(spec)).rows;
  entry.kv_rows = capacity;
  if (spec.op == Operator::score || lengths.empty()) return;
  entry.kv_rows = listed(lengths, entry.batch);
  if (!spec.kv_padding_size) return;
  entry.first_key = capacity - std::max<index_t>(0, *spec.kv_padding_size) - entry.kv_rows;
  entry.column_shift = entry.first_key;
}

inline void place_shared_prefix(const AttentionCase& spec, Entry& entry) {
  if (!spec.key_shared_prefix.present()) return;
  const index_t full = extent_of(spec.key_shared_prefix, input_layout(spec.layout), kv_heads_of(spec)).rows;
  entry.shared_prefix = spec.actual_shared_prefix_len.value_or(full);
}

}  // namespace detail

// The batch entries of a case, in order.
inline std::vector<Entry> entries_of(const AttentionCase& spec) {
  const bool packed = is_packed(input_layout(spec.layout));
  const index_t count = packed ? static_cast<index_t>(spec.actual_seq_qlen.size()) : query_extent(spec).batch;
  std::vector<Entry> entries;
  Entry totals;
  for (index_t batch = 0; batch < count; ++batch) {
    Entry entry;
    entry.batch = batch;
    entry.kv_heads = kv_heads_of(spec);
    entry.scores_before = totals.scores_before;
    entry.philox_before = totals.philox_before;
    entry.columns_before = totals.columns_before;
    entry.squares_before = totals.squares_before;
    detail::place_queries(spec, entry);
    detail::place_keys(spec, entry);
    detail::place_shared_prefix(spec, entry);
    if (entry.first_key < 0) entry.first_key = entry.kv_rows = entry.shared_prefix = 0;  // operators C14
    totals.scores_before += entry.rows * entry.keys();
    totals.philox_before += entry.rows * detail::round_up_16(entry.keys());
    totals.columns_before += entry.keys();
    totals.squares_before += entry.rows * entry.rows;
    entries.push_back(entry);
  }
  return entries;
}

namespace detail {

// operators 12.3: the list counts as a whole - length B, every entry in [max(0, S2-S1), S2].
inline bool prefix_is_valid(const AttentionCase& spec, const std::vector<Entry>& entries) {
  if (spec.prefix.size() != entries.size()) return false;
  return std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    const index_t length = spec.prefix[static_cast<std::size_t>(entry.batch)];
    return length >= std::max<index_t>(0, entry.keys() - entry.rows) && length <= entry.keys();
  });
}

// Modes 7 and 8: the last, or the first, entry that has queries (operators 2 and C23).
inline bool is_band_entry(int mode, const std::vector<Entry>& entries, index_t batch) {
  const auto has_queries = [](const Entry& entry) { return entry.rows > 0; };
  if (mode == 8) {
    const auto first = std::find_if(entries.begin(), entries.end(), has_queries);
    return first != entries.end() && first->batch == batch;
  }
  const auto last = std::find_if(entries.rbegin(), entries.rend(), has_queries);
  return mode == 7 && last != entries.rend() && last->batch == batch;
}

}  // namespace detail

// The sparse rule that holds in one entry.
inline SparseRule rule_of(const AttentionCase& spec, const std::vector<Entry>& entries, const Entry& entry) {
  SparseRule rule;
  rule.mode = spec.sparse_mode;
  rule.rows = entry.rows;
  rule.keys = entry.keys();
  rule.pre = spec.pre_tokens;
  rule.next = spec.next_tokens;
  const bool mode_acts = spec.attn_mask.present() || spec.implied_mask;      // operators C36
  const bool ignored = spec.op == Operator::incre && spec.sparse_mode != 9;  // incre has no modes; 9 is the fused one's
  if (ignored || !mode_acts) rule.mode = 1;
  if (rule.mode == 5 && !detail::prefix_is_valid(spec, entries)) rule.mode = 1;  // operators C34
  if (rule.mode == 5 || rule.mode == 6) rule.prefix = spec.prefix.at(static_cast<std::size_t>(entry.batch));
  if (rule.mode == 7 || rule.mode == 8) rule.band_entry = detail::is_band_entry(rule.mode, entries, entry.batch);
  const bool keys_padded_left = spec.kv_padding_size && !spec.actual_seq_kvlen.empty();
  const bool rows_padded_left = spec.query_padding_size && !spec.actual_seq_qlen.empty();
  if (rule.mode == 0 && (keys_padded_left || rows_padded_left)) rule.mode = 1;  // operators 2.1, 12.16: tokens off
  return rule;
}

}  // namespace glint::reference

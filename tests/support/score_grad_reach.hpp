// Who takes part in what: the rows, keys and biases that meet because a row sees a key.  By the oracle's masks alone.
#pragma once

#include <vector>

#include "glint/reference/attention.hpp"

namespace glint_test {

using glint::index_t;
using glint::reference::AttentionCase;
using glint::reference::Entry;

struct Reach {
  std::vector<bool> rows;  // as the oracle's statistics
  std::vector<bool> keys;  // [batch of the tensor][N2][row of the tensor]
  std::vector<bool> pse, heads;
};

inline std::size_t key_slot(const AttentionCase& spec, index_t batch, index_t kv_head, index_t row) {
  using namespace glint::reference;
  const Extent extent = extent_of(spec.key, input_layout(spec.layout), kv_heads_of(spec));
  return static_cast<std::size_t>((batch * extent.heads + kv_head) * extent.rows + row);
}

// f(entry, rule, head, i) for every row of every sequence.
template <class F>
void for_rows_of(const AttentionCase& spec, const F& f) {
  using namespace glint::reference;
  const std::vector<Entry> entries = entries_of(spec);
  for (const Entry& entry : entries) {
    const SparseRule rule = rule_of(spec, entries, entry);
    for (index_t head = 0; head < spec.head_num; ++head)
      for (index_t i = 0; i < entry.rows; ++i) f(entry, rule, head, i);
  }
}

// What the rows for which `counts(entry, rule, head, i)` reach.
template <class Counts>
Reach reach(const AttentionCase& spec, const Counts& counts) {
  namespace oracle = glint::reference::detail;
  const auto blank = [](index_t size) { return std::vector<bool>(static_cast<std::size_t>(size)); };
  const index_t group = spec.head_num / glint::reference::kv_heads_of(spec);
  Reach reach{blank(oracle::blank_result(spec).lse.size()), blank(spec.key.size()), blank(spec.pse.size()),
              blank(spec.head_num)};
  const bool biased = spec.pse.present() && spec.pse_type < 2;
  for_rows_of(spec, [&](const Entry& entry, const glint::reference::SparseRule& rule, index_t head, index_t i) {
    if (!counts(entry, rule, head, i)) return;
    const index_t row = oracle::statistics_position(spec, entry.q_batch, head, entry.first_row + i);
    for (index_t j = 0; j < entry.keys(); ++j) {
      if (!oracle::sees(spec, entry, rule, head, i, j)) continue;
      reach.rows[static_cast<std::size_t>(row)] = reach.heads[static_cast<std::size_t>(head)] = true;
      reach.keys[key_slot(spec, entry.kv_batch, head / group, entry.first_key + j)] = true;
      if (biased) reach.pse[static_cast<std::size_t>(oracle::pse_position(spec, entry, head, i, j))] = true;
    }
  });
  return reach;
}

inline Reach reach_of_all(const AttentionCase& spec) {
  return reach(spec, [](const Entry&, const glint::reference::SparseRule&, index_t, index_t) { return true; });
}

}  // namespace glint_test

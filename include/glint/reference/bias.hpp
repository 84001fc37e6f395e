// What happens to one score besides the dot product: position bias, mask tensor, dropout.
// (operators 1.3, 2, 1.4)  Each function reads exactly one element, and only when asked.
#pragma once

#include <cmath>
#include <cstdlib>

#include "glint/reference/entry.hpp"
#include "glint/reference/philox.hpp"

namespace glint::reference::detail {

inline constexpr index_t compressed_rows = 1024;

// Position of (batch, head, row, column) in a tensor of rank <= 4 whose missing or unit axes broadcast.
// The key axis never broadcasts.
template <class Element>
index_t broadcast_position(const NdArray<Element>& tensor, index_t batch, index_t head, index_t row, index_t column) {
  const auto extent = [&](index_t from_the_right) {
    return from_the_right > tensor.rank() ? 1 : tensor.shape[static_cast<std::size_t>(tensor.rank() - from_the_right)];
  };
  const index_t b = extent(4) == 1 ? 0 : batch;
  const index_t n = extent(3) == 1 ? 0 : head;
  const index_t i = extent(2) == 1 ? 0 : row;
  return ((b * extent(3) + n) * extent(2) + i) * extent(1) + column;
}

// Row and column of the compressed tensor that hold pse(row, key) (operators 1.3, "reverse 1024").
struct CompressedPlace {
  index_t row = 0, column = 0;
};

inline CompressedPlace compressed_place(const AttentionCase& spec, const Entry& entry, index_t row, index_t key) {
  if (is_packed(input_layout(spec.layout))) {
    const index_t across = row - key - (spec.pse.shape.back() - compressed_rows);
    return across >= 0 ? CompressedPlace{across, 0} : CompressedPlace{0, -across};
  }
  const index_t above = entry.rows - compressed_rows;  // rows that were cut off
  const index_t kept_row = row >= above ? row - above : row % compressed_rows;
  return {kept_row, key + above + kept_row - row};
}

// Flat position in spec.pse of the element that biases this score.
inline index_t pse_position(const AttentionCase& spec, const Entry& entry, index_t head, index_t row, index_t key) {
  switch (spec.pse_form) {
    case PseForm::flat_score:
      return spec.head_num * entry.scores_before + (head * entry.rows + row) * entry.keys() + key;
    case PseForm::flat_column: return spec.head_num * entry.columns_before + head * entry.keys() + key;
    case PseForm::compressed: {
      const CompressedPlace place = compressed_place(spec, entry, row, key);
      return broadcast_position(spec.pse, entry.batch, head, place.row, place.column);
    }
    default: return broadcast_position(spec.pse, entry.batch, head, entry.row(row), entry.column(key));
  }
}

// pse_type 2: -slope*|distance|; 3: -slope*sqrt|distance|; zero on the top-left diagonal.
inline double alibi(const AttentionCase& spec, const Entry& entry, index_t head, index_t row, index_t key) {
  const index_t q_start = spec.q_start_idx.empty() ? 0 : spec.q_start_idx[0];
  // Without q_start_idx the documents ignore kv_start_idx.
  const index_t kv_start = spec.q_start_idx.empty() || spec.kv_start_idx.empty() ? 0 : spec.kv_start_idx[0];
  const bool per_batch = spec.pse.rank() == 2 && spec.pse.shape[0] > 1;
  const double slope = spec.pse.flat(per_batch ? entry.batch * spec.pse.shape[1] + head : head);
  const auto distance = static_cast<double>(std::abs((key + kv_start) - (row + q_start)));
  return -slope * (spec.pse_type == 2 ? distance : std::sqrt(distance));
}

inline double pse_at(const AttentionCase& spec, const Entry& entry, index_t head, index_t row, index_t key) {
  if (!spec.pse.present()) return 0;
  const bool generated = spec.pse_type == 2 || spec.pse_type == 3;
  if (spec.op == Operator::score && generated) return alibi(spec, entry, head, row, key);
  return spec.pse.flat(pse_position(spec, entry, head, row, key));
}

// T(row, column) of mode 9: (B,S1,S1), or one square per sequence (operators 2).
inline bool tree_masked(const AttentionCase& spec, const Entry& entry, index_t row, index_t column) {
  const ByteArray& tree = spec.attn_mask;
  if (tree.rank() == 1) return tree.flat(entry.squares_before + row * entry.rows + column) != 0;
  return tree.at(tree.shape[0] == 1 ? 0 : entry.batch, row, column) != 0;
}

// M(row, key): does the mask tensor drop this score?  Shapes of operators 2 and 12.11:
// (S1,S2), (B|1,S1|1,S2), (B|1,N1|1,S1|1,S2), and in inference with one query row (B,S2).
inline bool masked(const AttentionCase& spec, const Entry& entry, index_t head, index_t row, index_t key) {
  const ByteArray& mask = spec.attn_mask;
  const index_t i = entry.row(row);
  const index_t j = entry.column(key);
  if (mask.rank() == 4) return mask.flat(broadcast_position(mask, entry.batch, head, i, j)) != 0;
  // Rank 3 has no head axis: what broadcasts as "head" is the batch.
  if (mask.rank() == 3) return mask.flat(broadcast_position(mask, 0, entry.batch, i, j)) != 0;
  const bool packed = is_packed(input_layout(spec.layout));
  const bool row_per_batch = spec.op != Operator::score && !packed && query_extent(spec).rows == 1;
  return mask.flat(broadcast_position(mask, 0, 0, row_per_batch ? entry.batch : i, j)) != 0;
}

// Does the row see the key?  The mask tensor is read only by the modes that look at one.
inline bool sees(const AttentionCase& spec, const Entry& entry, const SparseRule& rule, index_t head, index_t row,
                 index_t key) {
  if (!visible(rule, row, key, false)) return false;
  if (!spec.attn_mask.present()) return true;
  const index_t tree_column = key - (rule.keys - rule.rows);
  if (rule.mode == 9) return tree_column < 0 || visible(rule, row, key, tree_masked(spec, entry, row, tree_column));
  const bool dense_mask = rule.mode == 0 || rule.mode == 1 || rule.mode == 5;
  return !dense_mask || visible(rule, row, key, masked(spec, entry, head, row, key));
}

// keepbit / keep_prob (operators 1.1 step 5).
inline double drop_factor(const AttentionCase& spec, const Entry& entry, index_t head, index_t row, index_t key) {
  if (spec.keep_prob == 1) return 1;
  if (spec.philox) {
    const index_t pitch = round_up_16(entry.keys());
    const index_t element = spec.head_num * entry.philox_before + (head * entry.rows + row) * pitch + key;
    return philox_keep(spec.seed, spec.offset, spec.keep_prob, element) ? 1 / spec.keep_prob : 0;
  }
  const index_t element = spec.head_num * entry.scores_before + (head * entry.rows + row) * entry.keys() + key;
  return (spec.drop_mask.flat(element / 8) >> (element % 8)) & 1 ? 1 / spec.keep_prob : 0;
}

}  // namespace glint::reference::detail

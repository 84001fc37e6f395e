// The oracle: attention in float64, every intermediate materialised, straight from the operator contract.
// It shares no code with the library it judges.
//
//   x = biased score (operators 1.1 step 2, or 1.5),  excluded where the row does not see the key (operators 2)
//   p = softmax(x) over the seen keys and the sink,   p' = p * keepbit / keep_prob,   out = p' V
#pragma once

#include <vector>

#include "glint/reference/case.hpp"
#include "glint/reference/entry.hpp"
#include "glint/reference/head.hpp"
#include "glint/reference/int8.hpp"
#include "glint/reference/keys.hpp"
#include "glint/reference/visible.hpp"

namespace glint::reference {

namespace detail {

// Position of a row's statistics: [B][N1][S1] for dense layouts, [T1][N1] for packed ones.
inline index_t statistics_position(const AttentionCase& spec, index_t batch, index_t head, index_t row) {
  const Extent extent = query_extent(spec);
  if (is_packed(input_layout(spec.layout))) return row * extent.heads + head;
  return (batch * extent.heads + head) * extent.rows + row;
}

inline Extent output_extent(const AttentionCase& spec) {
  Extent extent = query_extent(spec);
  extent.width = head_width(spec, value_sample(spec));
  return extent;
}

// operators 12.9: a key tensor without any row at all leaves 0 and 0 in the statistics of training.
inline bool key_tensor_is_empty(const AttentionCase& spec) {
  if (spec.paging.block_table.present() || !spec.key_list.empty()) return false;
  return extent_of(spec.key, input_layout(spec.layout), kv_heads_of(spec)).rows == 0;
}

// Everything as rows outside all sequences have it: zeros and sentinels.
inline AttentionResult blank_result(const AttentionCase& spec) {
  const Extent extent = query_extent(spec);
  const bool packed = is_packed(input_layout(spec.layout));
  const std::vector<index_t> statistics = packed ? std::vector<index_t>{extent.rows, extent.heads}
                                                 : std::vector<index_t>{extent.batch, extent.heads, extent.rows};
  const bool empty = spec.op == Operator::score && key_tensor_is_empty(spec);
  AttentionResult result;
  result.out = Array(shape_of(output_extent(spec), output_layout(spec.layout)));
  result.weighted_abs_v = result.out;
  result.softmax_max = result.softmax_sum = result.lse = result.score_abs = Array(statistics);
  for (double& max : result.softmax_max.data) max = empty ? 0 : -float_max;
  for (double& sum : result.softmax_sum.data) sum = empty ? 0 : float_max;
  for (double& lse : result.lse.data) lse = infinity;
  return result;
}

struct RowPosition {
  index_t out = 0, statistics = 0;
};

inline RowPosition row_positions(const AttentionCase& spec, const Entry& entry, index_t head, index_t i) {
  const index_t row = entry.first_row + i;
  return {row_position(output_extent(spec), output_layout(spec.layout), entry.q_batch, head, row),
          statistics_position(spec, entry.q_batch, head, row)};
}

inline void write_row(const Vector& row, index_t position, Array& tensor) {
  for (index_t d = 0; d < row.size(); ++d) tensor.flat(position + d) = row(d);
}

// out = p' V and its statistics for one head.
inline void write_head(const AttentionCase& spec, const Entry& entry, index_t head, const HeadSoftmax& softmax,
                       const Matrix& values, AttentionResult& result) {
  for (index_t i = 0; i < entry.rows; ++i) {
    Vector out = Vector::Zero(values.cols()), weighted_abs = out;
    for (index_t j = 0; j < entry.keys(); ++j) {
      if (!softmax.used(i, j)) continue;
      const double weight = softmax.weight(i, j) * softmax.drop(i, j);
      out += weight * values.row(j).transpose();
      weighted_abs += weight * values.row(j).cwiseAbs().transpose();
    }
    const RowPosition position = row_positions(spec, entry, head, i);
    write_row(out, position.out, result.out);
    write_row(weighted_abs, position.out, result.weighted_abs_v);
    result.score_abs.flat(position.statistics) = softmax.score_abs(i);
    result.lse.flat(position.statistics) = softmax.lse(i);
    // Sum +FLT_MAX marks a row that saw nothing: the blank result already holds the right sentinels.
    if (softmax.sum(i) == float_max) continue;
    result.softmax_max.flat(position.statistics) = softmax.max(i);
    result.softmax_sum.flat(position.statistics) = softmax.sum(i);
  }
}

inline void write_int8_head(const AttentionCase& spec, const Entry& entry, const SparseRule& rule, index_t head,
                            const Matrix& queries, const HeadKeys& kv, AttentionResult& result) {
  for (index_t i = 0; i < entry.rows; ++i) {
    const Vector scores = int8_score_row(spec, entry, rule, head, queries, kv.keys, i);
    const Int8Row row = int8_row(spec, scores, kv.values);
    const RowPosition position = row_positions(spec, entry, head, i);
    write_row(row.out, position.out, result.out);
    write_row(row.weighted_abs_v, position.out, result.weighted_abs_v);
    if (row.sum == float_max) continue;
    result.score_abs.flat(position.statistics) = row.score_abs;
    result.softmax_max.flat(position.statistics) = row.max;
    result.softmax_sum.flat(position.statistics) = row.sum;
    result.lse.flat(position.statistics) = std::log(row.sum) + row.max;
  }
}

}  // namespace detail

// The forward operators.  Preconditions: the case is legal by operators 8.1 (an index outside a tensor throws
// std::out_of_range; other violations are not looked for).
inline AttentionResult attention(const AttentionCase& spec) {
  AttentionResult result = detail::blank_result(spec);
  const std::vector<Entry> entries = entries_of(spec);
  const index_t heads = query_extent(spec).heads;
  const index_t kv_heads = kv_heads_of(spec);
  const index_t group = heads / kv_heads;  // consecutive query heads share one key head (operators 1.1)
  if (spec.keep_probabilities) result.probabilities.resize(entries.size() * static_cast<std::size_t>(heads));
  for (const Entry& entry : entries) {
    const SparseRule rule = rule_of(spec, entries, entry);
    for (index_t head = 0; head < heads; ++head) {
      const HeadKeys kv = head_keys(spec, entry, head / group);
      const Matrix queries = head_queries(spec, entry, head);
      if (spec.int8.dequant_scale1.present()) {
        detail::write_int8_head(spec, entry, rule, head, queries, kv, result);
        continue;
      }
      const HeadSoftmax softmax = head_softmax(spec, entry, rule, head, queries, kv.keys);
      detail::write_head(spec, entry, head, softmax, kv.values, result);
      if (spec.keep_probabilities) {
        result.probabilities[static_cast<std::size_t>(entry.batch * heads + head)] = softmax.weight;
      }
    }
  }
  if (spec.int8.quant_scale2.present()) {
    result.out_before_quant = result.out;
    quantise_output(spec, detail::output_extent(spec), result.out);
  }
  return result;
}

}  // namespace glint::reference

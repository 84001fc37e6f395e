// The gradient of the oracle (operators 7), with P recomputed and everything materialised:
//
//   dV = (P o drop)^T dY     dP = (dY V^T) o drop     rowD_i = sum_j P_ij dP_ij     dS = P o (dP - rowD)
//   dQ = q_scale*scale * dS' K    dK = q_scale*scale * dS'^T Q    dS' = dS o slope of a cap, if there is one
//   dpse = dS, times scale for pse_type 1, times the slope where the bias lies inside of the cap
//   dsink_n = -sum over b, i of P_sink * rowD_i
#pragma once

#include "glint/reference/attention.hpp"

namespace glint::reference {

struct GradientCase {
  AttentionCase forward;
  Array d_out;  // in the operator's output layout
};

// One array per input, each of its input's shape; absent where the input is.  d_pse exists for the dense and the
// flat forms of pse_type 0 and 1 (summed over broadcast axes); compressed and generated biases have none.
struct GradientArrays {
  Array d_query, d_key, d_value, d_query_rope, d_key_rope, d_pse, d_sink;
};

struct GradientResult : GradientArrays {
  // For each element above the same sum with every term taken absolutely: the W of an error contract.
  GradientArrays weight;
  // Its A: for each row the largest score taken absolutely, a sink where that is the row's maximum; 0 if the row sees
  // no key.  Shape of AttentionResult::lse.
  Array score_abs;
};

namespace detail {

inline void add_row(const Vector& row, index_t position, Array& tensor) {
  for (index_t d = 0; d < row.size(); ++d) tensor.flat(position + d) += row(d);
}

// dS of one head, and a bound of the terms it was summed from.
struct HeadGradient {
  Matrix d_score, d_score_abs;    // S1 x S2: by x
  Matrix d_inside, d_inside_abs;  // by what a cap is applied to
  Matrix d_value, d_value_abs;    // S2 x Dv
  double d_sink = 0, d_sink_abs = 0;
};

inline void row_gradient(const HeadSoftmax& softmax, const Matrix& values, const Vector& d_out, index_t i,
                         HeadGradient& gradient) {
  const index_t keys = values.rows();
  Vector d_weight = Vector::Zero(keys), d_weight_abs = d_weight;  // dP
  double row_dot = 0, row_dot_abs = 0;                            // rowD
  for (index_t j = 0; j < keys; ++j) {
    if (!softmax.used(i, j)) continue;
    const double weight = softmax.weight(i, j);
    const double drop = softmax.drop(i, j);
    gradient.d_value.row(j) += weight * drop * d_out.transpose();
    gradient.d_value_abs.row(j) += weight * drop * d_out.cwiseAbs().transpose();
    d_weight(j) = drop * values.row(j).dot(d_out);
    d_weight_abs(j) = drop * values.row(j).cwiseAbs().dot(d_out.cwiseAbs());
    row_dot += weight * d_weight(j);
    row_dot_abs += weight * d_weight_abs(j);
  }
  for (index_t j = 0; j < keys; ++j) {
    if (!softmax.kept(i, j)) continue;
    gradient.d_score(i, j) = softmax.weight(i, j) * (d_weight(j) - row_dot);
    gradient.d_score_abs(i, j) = softmax.weight(i, j) * (d_weight_abs(j) + row_dot_abs);
    gradient.d_inside(i, j) = gradient.d_score(i, j) * softmax.slope(i, j);
    gradient.d_inside_abs(i, j) = gradient.d_score_abs(i, j) * softmax.slope(i, j);
  }
  gradient.d_sink -= softmax.sink_weight(i) * row_dot;
  gradient.d_sink_abs += softmax.sink_weight(i) * row_dot_abs;
}

inline HeadGradient head_gradient(const AttentionCase& spec, const Entry& entry, index_t head,
                                  const HeadSoftmax& softmax, const Matrix& values, const Array& d_out) {
  HeadGradient gradient;
  gradient.d_score = gradient.d_score_abs = Matrix::Zero(entry.rows, entry.keys());
  gradient.d_inside = gradient.d_inside_abs = gradient.d_score;
  gradient.d_value = gradient.d_value_abs = Matrix::Zero(values.rows(), values.cols());
  Vector d_row(values.cols());
  for (index_t i = 0; i < entry.rows; ++i) {
    const index_t position = row_positions(spec, entry, head, i).out;
    for (index_t d = 0; d < d_row.size(); ++d) d_row(d) = d_out.flat(position + d);
    row_gradient(softmax, values, d_row, i, gradient);
  }
  return gradient;
}

// Splits a row of a (D + rope) wide gradient into its two tensors.
inline void add_split(const Vector& row, index_t width, index_t position, index_t rope_position, Array& tensor,
                      Array& rope_tensor) {
  add_row(row.head(width), position, tensor);
  if (row.size() > width) add_row(row.tail(row.size() - width), rope_position, rope_tensor);
}

struct HeadPlace {
  const AttentionCase& spec;
  const Entry& entry;
  index_t head, kv_head;
};

// dQ and dK of one head from dS; with |dS|, |Q|, |K| the same code gives the weights.
inline void add_query_and_key(const HeadPlace& at, const Matrix& d_score, const BoolMatrix& kept, const Matrix& queries,
                              const Matrix& keys, double factor, GradientArrays& into) {
  const AttentionCase& spec = at.spec;
  const std::string layout = input_layout(spec.layout);
  const auto place = [&](const Array& tensor, index_t heads, index_t batch, index_t head, index_t row) {
    return tensor.present() ? row_position(extent_of(tensor, layout, heads), layout, batch, head, row) : 0;
  };
  Matrix d_queries = Matrix::Zero(queries.rows(), queries.cols());
  Matrix d_keys = Matrix::Zero(keys.rows(), keys.cols());
  for (index_t i = 0; i < queries.rows(); ++i) {
    for (index_t j = 0; j < keys.rows(); ++j) {
      if (!kept(i, j)) continue;
      d_queries.row(i) += factor * d_score(i, j) * keys.row(j);
      d_keys.row(j) += factor * d_score(i, j) * queries.row(i);
    }
  }
  for (index_t i = 0; i < queries.rows(); ++i) {
    const index_t row = at.entry.first_row + i;
    add_split(d_queries.row(i), query_extent(spec).width,
              place(spec.query, spec.head_num, at.entry.q_batch, at.head, row),
              place(spec.query_rope, spec.head_num, at.entry.q_batch, at.head, row), into.d_query, into.d_query_rope);
  }
  for (index_t j = 0; j < keys.rows(); ++j) {
    const index_t row = at.entry.first_key + j;
    add_split(d_keys.row(j), head_width(spec, spec.key),
              place(spec.key, at.entry.kv_heads, at.entry.kv_batch, at.kv_head, row),
              place(spec.key_rope, at.entry.kv_heads, at.entry.kv_batch, at.kv_head, row), into.d_key, into.d_key_rope);
  }
}

inline void add_values(const HeadPlace& at, const Matrix& d_value, Array& tensor) {
  const std::string layout = input_layout(at.spec.layout);
  const Extent extent = extent_of(tensor, layout, at.entry.kv_heads);
  for (index_t j = 0; j < d_value.rows(); ++j) {
    const index_t row = at.entry.first_key + j;
    add_row(d_value.row(j), row_position(extent, layout, at.entry.kv_batch, at.kv_head, row), tensor);
  }
}

// Adding at the position that the forward read from sums over every broadcast axis.
inline void add_pse(const HeadPlace& at, const Matrix& d_score, const BoolMatrix& kept, double factor, Array& d_pse) {
  if (!d_pse.present()) return;
  for (index_t i = 0; i < d_score.rows(); ++i) {
    for (index_t j = 0; j < d_score.cols(); ++j) {
      if (!kept(i, j)) continue;
      d_pse.flat(pse_position(at.spec, at.entry, at.head, i, j)) += factor * d_score(i, j);
    }
  }
}

inline Array zeros_like(const Array& tensor) { return tensor.present() ? Array(tensor.shape) : Array(); }

inline bool pse_has_gradient(const AttentionCase& spec) {
  const bool tensor = spec.op != Operator::score || spec.pse_type == 0 || spec.pse_type == 1;
  return spec.pse.present() && tensor && spec.pse_form != PseForm::compressed;
}

inline GradientArrays blank_gradient(const AttentionCase& spec) {
  return {zeros_like(spec.query),    zeros_like(spec.key),
          zeros_like(spec.value),    zeros_like(spec.query_rope),
          zeros_like(spec.key_rope), pse_has_gradient(spec) ? Array(spec.pse.shape) : Array(),
          zeros_like(spec.sink)};
}

inline void write_score_abs(const HeadPlace& at, const HeadSoftmax& softmax, Array& score_abs) {
  for (index_t i = 0; i < softmax.kept.rows(); ++i) {
    if (!softmax.kept.row(i).any()) continue;
    score_abs.flat(row_positions(at.spec, at.entry, at.head, i).statistics) =
        std::max(softmax.score_abs(i), std::abs(softmax.max(i)));
  }
}

inline void add_head(const HeadPlace& at, const SparseRule& rule, const Array& d_out, GradientResult& result) {
  const AttentionCase& spec = at.spec;
  const HeadKeys kv = head_keys(spec, at.entry, at.kv_head);
  const Matrix queries = head_queries(spec, at.entry, at.head);
  const HeadSoftmax softmax = head_softmax(spec, at.entry, rule, at.head, queries, kv.keys);
  const HeadGradient gradient = head_gradient(spec, at.entry, at.head, softmax, kv.values, d_out);
  const double factor = spec.q_scale * spec.scale;
  const double pse_factor = spec.op == Operator::score && spec.pse_type == 1 ? spec.scale : 1;
  GradientArrays& weight = result.weight;
  write_score_abs(at, softmax, result.score_abs);
  add_query_and_key(at, gradient.d_inside, softmax.kept, queries, kv.keys, factor, result);
  add_query_and_key(at, gradient.d_inside_abs, softmax.kept, queries.cwiseAbs(), kv.keys.cwiseAbs(), std::abs(factor),
                    weight);
  add_values(at, gradient.d_value, result.d_value);
  add_values(at, gradient.d_value_abs, weight.d_value);
  const bool bias_inside = spec.pse_type == 1 || spec.softcap_order == SoftcapOrder::after_bias;
  add_pse(at, bias_inside ? gradient.d_inside : gradient.d_score, softmax.kept, pse_factor, result.d_pse);
  add_pse(at, bias_inside ? gradient.d_inside_abs : gradient.d_score_abs, softmax.kept, std::abs(pse_factor),
          weight.d_pse);
  if (spec.sink.present()) {
    result.d_sink.flat(at.head) += gradient.d_sink;
    weight.d_sink.flat(at.head) += gradient.d_sink_abs;
  }
}

}  // namespace detail

// The gradient of sum(d_out o out).  Preconditions: a legal case whose keys and values are plain tensors - no list,
// pages, shared prefix, integers or int8 output, none of which the gradient operator knows (operators 7).
inline GradientResult gradient(const GradientCase& problem) {
  const AttentionCase& spec = problem.forward;
  GradientResult result;
  static_cast<GradientArrays&>(result) = detail::blank_gradient(spec);
  result.weight = detail::blank_gradient(spec);
  result.score_abs = detail::blank_result(spec).score_abs;
  const std::vector<Entry> entries = entries_of(spec);
  const index_t heads = query_extent(spec).heads;
  const index_t group = heads / kv_heads_of(spec);
  for (const Entry& entry : entries) {
    const SparseRule rule = rule_of(spec, entries, entry);
    for (index_t head = 0; head < heads; ++head) {
      detail::add_head({spec, entry, head, head / group}, rule, problem.d_out, result);
    }
  }
  return result;
}

}  // namespace glint::reference

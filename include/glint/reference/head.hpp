// Softmax of one head of one batch entry, fully materialised (operators 1.1, 1.5).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "glint/reference/bias.hpp"
#include "glint/reference/keys.hpp"

namespace glint::reference {

// The sentinels of operators 1.2.
inline constexpr double float_max = static_cast<double>(std::numeric_limits<float>::max());
inline constexpr double infinity = std::numeric_limits<double>::infinity();

// What a row's softmax is made of; S1 rows, S2 columns.
struct HeadSoftmax {
  Matrix weight;       // p_ij = exp(x_ij - max_i) / sum_i, before dropout; 0 where not used
  Matrix drop;         // keepbit / keep_prob
  Matrix slope;        // of the cap: dx / d(what it is applied to); 1 without one
  BoolMatrix used;     // v_j takes part in row i
  BoolMatrix kept;     // as `used`, and the score depends on q and k (not so in a uniform invalid row)
  Vector max, sum;     // of the row, with the sentinels of operators 1.2 and 12.8
  Vector lse;          // ln(sum) + max, or +inf
  Vector sink_weight;  // exp(sink - max) / sum, 0 without a sink
  Vector score_abs;    // max_j of the score with every product and bias taken absolutely
};

namespace detail {

// By bits, because -ffast-math deletes comparisons with NaN and infinity.
inline bool is_nan(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x7fffffffffffffffu) > 0x7ff0000000000000u;
}
inline bool is_minus_infinity(double value) { return std::bit_cast<std::uint64_t>(value) == 0xfff0000000000000u; }

// Unlike std::max this lets a NaN through, whichever side it is on.
inline double max_or_nan(double left, double right) {
  if (is_nan(left)) return left;
  if (is_nan(right)) return right;
  return right > left ? right : left;
}

// What the cap is applied to, and what is added behind it.
struct ScoreParts {
  double inside = 0, behind = 0;
};

// x from r = q.k: the order of operators 1.1 step 2 and 12.14, and of 1.5 for inference.
inline ScoreParts score_parts(const AttentionCase& spec, double product, double pse) {
  const bool add_then_scale = spec.op == Operator::score && spec.pse_type == 1;
  if (add_then_scale) return {(spec.q_scale * product + pse) * spec.scale, 0};
  const double scaled = spec.q_scale * spec.scale * product;
  const bool cap_first = spec.softcap != 0 && spec.softcap_order == SoftcapOrder::before_bias;
  return cap_first ? ScoreParts{scaled, pse} : ScoreParts{scaled + pse, 0};
}

inline double biased_score(const AttentionCase& spec, double product, double pse) {
  const auto [inside, behind] = score_parts(spec, product, pse);
  return spec.softcap == 0 ? inside + behind : spec.softcap * std::tanh(inside / spec.softcap) + behind;
}

// dx / d(inside): 1 / cosh^2, which is 1 - tanh^2 without its cancellation.
inline double cap_slope(const AttentionCase& spec, double product, double pse) {
  if (spec.softcap == 0) return 1;
  const double stretch = std::cosh(score_parts(spec, product, pse).inside / spec.softcap);
  return 1 / (stretch * stretch);
}

inline double absolute_score(const AttentionCase& spec, double absolute_product, double pse) {
  const bool add_then_scale = spec.op == Operator::score && spec.pse_type == 1;
  const double bias = std::abs(pse) * (add_then_scale ? std::abs(spec.scale) : 1);
  return std::abs(spec.q_scale * spec.scale) * absolute_product + bias;
}

// Row i of x, -inf where the key is excluded.  An excluded key is never read into arithmetic.
inline Vector score_row(const AttentionCase& spec, const Entry& entry, const SparseRule& rule, index_t head,
                        const Matrix& queries, const Matrix& keys, index_t i, HeadSoftmax& result) {
  Vector scores = Vector::Constant(entry.keys(), -infinity);
  double& score_abs = result.score_abs(i);
  for (index_t j = 0; j < entry.keys(); ++j) {
    if (!sees(spec, entry, rule, head, i, j)) continue;
    const double pse = pse_at(spec, entry, head, i, j);
    const double product = queries.row(i).dot(keys.row(j));
    scores(j) = biased_score(spec, product, pse);
    if (is_minus_infinity(scores(j))) continue;
    result.slope(i, j) = cap_slope(spec, product, pse);
    const double absolute = queries.row(i).cwiseAbs().dot(keys.row(j).cwiseAbs());
    score_abs = max_or_nan(score_abs, absolute_score(spec, absolute, pse));
  }
  return scores;
}

// A row that saw nothing: zero with sentinels, a sink's own values, or (opt-in) uniform weights over all keys.
inline void fill_invalid_row(const AttentionCase& spec, double sink, index_t i, HeadSoftmax& result) {
  const auto keys = static_cast<double>(result.weight.cols());
  const bool has_sink = !is_minus_infinity(sink);
  if (has_sink) {
    result.max(i) = result.lse(i) = sink;
    result.sum(i) = result.sink_weight(i) = 1;
  } else if (spec.invalid_row == InvalidRow::uniform && keys > 0) {
    result.weight.row(i).setConstant(1 / keys);
    result.used.row(i).setConstant(true);
    result.sum(i) = keys;
    result.lse(i) = std::log(keys) - float_max;
  }
}

inline void softmax_row(const Vector& scores, double sink, index_t i, HeadSoftmax& result) {
  double max = sink;
  for (index_t j = 0; j < scores.size(); ++j) max = max_or_nan(max, scores(j));
  double sum = is_minus_infinity(sink) ? 0 : std::exp(sink - max);
  result.sink_weight(i) = sum;
  for (index_t j = 0; j < scores.size(); ++j) {
    if (is_minus_infinity(scores(j))) continue;
    result.used(i, j) = result.kept(i, j) = true;
    result.weight(i, j) = std::exp(scores(j) - max);
    sum += result.weight(i, j);
  }
  result.weight.row(i) /= sum;
  result.sink_weight(i) /= sum;
  result.max(i) = max;
  result.sum(i) = sum;
  result.lse(i) = std::log(sum) + max;
}

inline HeadSoftmax empty_softmax(index_t rows, index_t keys) {
  HeadSoftmax result;
  result.weight = Matrix::Zero(rows, keys);
  result.drop = result.slope = Matrix::Ones(rows, keys);
  result.used = result.kept = BoolMatrix::Constant(rows, keys, false);
  result.max = Vector::Constant(rows, -float_max);
  result.sum = Vector::Constant(rows, float_max);
  result.lse = Vector::Constant(rows, infinity);
  result.sink_weight = result.score_abs = Vector::Zero(rows);
  return result;
}

inline bool saw_nothing(const Vector& scores) {
  for (index_t j = 0; j < scores.size(); ++j) {
    if (!is_minus_infinity(scores(j))) return false;
  }
  return true;
}

}  // namespace detail

// Q: S1 x D', K: S2 x D' of one head.
inline HeadSoftmax head_softmax(const AttentionCase& spec, const Entry& entry, const SparseRule& rule, index_t head,
                                const Matrix& queries, const Matrix& keys) {
  HeadSoftmax result = detail::empty_softmax(entry.rows, entry.keys());
  const double sink = spec.sink.present() ? spec.sink.flat(head) : -infinity;
  for (index_t i = 0; i < entry.rows; ++i) {
    const Vector scores = detail::score_row(spec, entry, rule, head, queries, keys, i, result);
    if (detail::saw_nothing(scores)) {
      detail::fill_invalid_row(spec, sink, i, result);
    } else {
      detail::softmax_row(scores, sink, i, result);
    }
    for (index_t j = 0; j < entry.keys(); ++j) {
      if (result.used(i, j)) result.drop(i, j) = detail::drop_factor(spec, entry, head, i, j);
    }
  }
  return result;
}

}  // namespace glint::reference

// From the scores of a row to its output and its statistics, with what the error contract allows of them.
#include <cmath>

#include "glint/reference/attention.hpp"
#include "kit/hint/rows.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

RowResult exact_row(const RowScores& scores) {
  const reference::Matrix& values = scores.kv->values;
  RowResult row;
  row.out = row.weight = Vector::Zero(values.cols());
  row.score_abs = scores.score_abs;
  double max = scores.sink;
  for (const double x : scores.x) max = parts::max_or_nan(max, x);
  double sum = parts::is_minus_infinity(scores.sink) ? 0 : std::exp(scores.sink - max);
  for (index_t j = 0; j < scores.x.size(); ++j) {
    if (parts::is_minus_infinity(scores.x(j))) continue;
    const double weight = std::exp(scores.x(j) - max);
    sum += weight;
    row.out += weight * scores.drop(j) * values.row(j).transpose();
    row.weight += weight * scores.drop(j) * values.row(j).cwiseAbs().transpose();
  }
  row.out /= sum;
  row.weight /= sum;
  row.max = max, row.sum = sum, row.lse = std::log(sum) + max;
  return row;
}

RowResult Trial::blank() const {
  const AttentionCase& spec = kernel_.spec;
  RowResult row;
  row.state = RowState::empty;
  row.out = row.weight = Vector::Zero(parts::output_extent(spec).width);
  const bool no_keys = spec.op == reference::Operator::score && parts::key_tensor_is_empty(spec);
  row.max = no_keys ? 0 : -reference::float_max;
  row.sum = no_keys ? 0 : reference::float_max;
  row.lse = reference::infinity;
  return row;
}

RowResult Trial::attend(const RowScores& scores) const {
  const AttentionCase& spec = kernel_.spec;
  if (!parts::saw_nothing(scores.x)) {
    if (kernel_.softmax) return kernel_.softmax(scores);
    if (!spec.int8.dequant_scale1.present()) return exact_row(scores);
    const reference::Int8Row row = reference::int8_row(spec, scores.x, scores.kv->values);
    return {RowState::computed,          row.out,      row.weighted_abs_v, {}, row.max, row.sum,
            std::log(row.sum) + row.max, row.score_abs};
  }
  RowResult row = blank();
  const auto keys = static_cast<double>(scores.x.size());
  if (!parts::is_minus_infinity(scores.sink)) {
    row.max = row.lse = scores.sink;
    row.sum = 1;
  } else if (spec.invalid_row == reference::InvalidRow::uniform && keys > 0) {
    row.state = RowState::computed;
    row.out = scores.kv->values.colwise().mean().transpose();
    row.weight = scores.kv->values.cwiseAbs().colwise().mean().transpose();
    row.sum = keys;
    row.lse = std::log(keys) - reference::float_max;
  }
  return row;
}

Roundoff roundoff_of(DType type) {
  if (type == DType::f16) return {0x1p-11, 0x1p-25};
  if (type == DType::bf16) return {0x1p-8, 0x1p-126};
  return {0x1p-24, 0x1p-126};
}

// The error contract, with W and A of this kernel.
void Trial::allow(const RowScores& scores, RowResult& result) const {
  const Question& question = scene_.question();
  const AttentionCase& spec = kernel_.spec;
  const auto [relative, tiny] = roundoff_of(question.out_type);
  if (spec.int8.dequant_scale1.present()) {
    const double quantum = 128 * std::abs(spec.int8.dequant_scale2.flat(0)) / result.sum;
    result.allowed = 0x1p-9 * result.out.cwiseAbs() + 0x1p-10 * result.weight;
    result.allowed.array() += quantum + 0x1p-22;
    return;
  }
  const bool no_scores = result.max == -reference::float_max;  // the mean of all values
  const double score_abs = no_scores ? 0 : std::max(result.score_abs, std::abs(result.max));
  const double lost = 0x1p-126 * static_cast<double>(scores.x.size()) * scores.kv->largest_value / spec.keep_prob;
  const double relative_to_weight = kUnit * (1 + score_abs) + (question.rounds_p ? 0x1p-8 : 0);
  result.allowed = relative * result.out.cwiseAbs() + relative_to_weight * result.weight;
  result.allowed.array() += tiny + lost;
}

// Post-quantization, operators of int8 output, without its rounding.
void Trial::quantise(const Row& row, RowResult& result) const {
  const reference::Int8Factors& factors = kernel_.spec.int8;
  if (!factors.quant_scale2.present()) return;
  const auto factor = [&](const Array& of, index_t d) {
    if (!of.present()) return 0.0;
    return of.flat(of.size() == 1 ? 0 : row.head * result.out.size() + d);
  };
  for (index_t d = 0; d < result.out.size(); ++d) {
    const double scaled = result.out(d) * factor(factors.quant_scale2, d), offset = factor(factors.quant_offset2, d);
    result.out(d) = scaled + offset;
    result.allowed(d) =
        std::abs(factor(factors.quant_scale2, d)) * result.allowed(d) + 0x1p-22 * (std::abs(scaled) + std::abs(offset));
  }
}

RowResult Trial::row(const Row& row) {
  try {
    return computed_row(row);
  } catch (const std::out_of_range&) {
    RowResult unknown;
    unknown.state = RowState::unknown;
    return unknown;
  }
}

RowResult Trial::computed_row(const Row& row) {
  const std::optional<RowScores> scores = this->scores(row);
  if (!scores) {
    RowResult result = blank();
    result.state = kernel_.outside;
    result.allowed = result.out;
    quantise(row, result);
    return result;
  }
  RowResult result = attend(*scores);
  if (kernel_.after) kernel_.after(*scores, result);
  if (result.state == RowState::computed) {
    allow(*scores, result);
  } else {
    result.allowed = Vector::Zero(result.out.size());
  }
  quantise(row, result);
  return result;
}

}  // namespace kit::hinting

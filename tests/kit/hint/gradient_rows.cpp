// The formulas of glint/reference/gradient.hpp for one query row at a time, with the switches of Backward.
#include "kit/hint/gradient_rows.hpp"

#include <cmath>

#include "glint/reference/attention.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

// P and dS of a row, and the terms dS is a sum of, taken absolutely.
struct RowGradient {
  Vector weight, dropped_weight, d_score, d_score_abs, d_out;
};

Vector d_out_of(const Question& question, const Row& row, index_t width) {
  const reference::Extent extent = parts::output_extent(question.spec);
  const std::string layout = reference::output_layout(question.spec.layout);
  const index_t start = reference::row_position(extent, layout, row.batch, row.head, row.row);
  Vector d_out(width);
  for (index_t d = 0; d < width; ++d) d_out(d) = question.d_out.flat(start + d);
  return d_out;
}

RowGradient row_gradient(const Backward& backward, const RowScores& scores, const RowResult& result,
                         const Vector& d_out) {
  const index_t keys = scores.x.size();
  RowGradient row;
  row.d_out = d_out;
  row.weight = row.dropped_weight = row.d_score = row.d_score_abs = Vector::Zero(keys);
  if (result.state != RowState::computed || parts::saw_nothing(scores.x)) return row;
  Vector d_weight = row.weight, d_weight_abs = row.weight;
  double row_dot = 0, row_dot_abs = 0;
  for (index_t j = 0; j < keys; ++j) {
    const bool seen = !parts::is_minus_infinity(scores.x(j));
    const double x = seen ? scores.x(j) : scores.hidden(j);
    if (parts::is_minus_infinity(x)) continue;
    row.weight(j) = std::exp(x - result.max) / result.sum;
    row.dropped_weight(j) = row.weight(j) * scores.drop(j);
    const double drop = backward.drops ? scores.drop(j) : 1;
    const auto value = scores.kv->values.row(j);
    d_weight(j) = drop * value.dot(d_out);
    d_weight_abs(j) = drop * value.cwiseAbs().dot(d_out.cwiseAbs());
    if (!seen) continue;  // rowD comes from the forward's output, which is right
    row_dot += row.weight(j) * scores.drop(j) * value.dot(d_out);
    row_dot_abs += row.weight(j) * scores.drop(j) * value.cwiseAbs().dot(d_out.cwiseAbs());
  }
  if (!backward.row_dot) row_dot = 0;
  for (index_t j = 0; j < keys; ++j) {
    if (row.weight(j) == 0) continue;
    row.d_score(j) = row.weight(j) * (d_weight(j) - row_dot) * scores.slope(j);
    row.d_score_abs(j) = row.weight(j) * (d_weight_abs(j) + row_dot_abs) * scores.slope(j);
  }
  return row;
}

double factor_of(const Kernel& kernel) { return kernel.spec.q_scale * kernel.spec.scale * kernel.score_factor; }

RowResult zeros(index_t width) {
  RowResult row;
  row.state = RowState::empty;
  row.out = row.weight = row.allowed = Vector::Zero(width);
  return row;
}

}  // namespace

void GradientTrial::allow(double roundings, RowResult& result) const {
  const auto [relative, tiny] = roundoff_of(question_.out_type);
  const double of_weight = kUnit * (1 + std::max(result.score_abs, std::abs(result.max))) + roundings;
  result.allowed = relative * result.out.cwiseAbs() + of_weight * result.weight;
  result.allowed.array() += tiny + 1e-30;
}

RowResult GradientTrial::d_query(const Row& at) {
  const Kernel& kernel = trial_.kernel();
  const index_t width = reference::query_extent(kernel.spec).width;
  const std::optional<RowScores> scores = trial_.scores(at);
  if (!scores) return zeros(width);
  const RowResult forward = trial_.attend(*scores);
  if (forward.state == RowState::empty) return zeros(width);
  const Vector d_out = d_out_of(question_, at, scores->kv->values.cols());
  const RowGradient row = row_gradient(kernel.backward, *scores, forward, d_out);
  const double factor = factor_of(kernel) * kernel.backward.dq_factor;
  RowResult result = forward;
  result.out = result.weight = Vector::Zero(width);
  for (index_t j = 0; j < row.d_score.size(); ++j) {
    if (row.weight(j) == 0) continue;
    const auto key = scores->kv->keys.row(j).head(width).transpose();
    result.out += factor * row.d_score(j) * key;
    result.weight += std::abs(factor) * row.d_score_abs(j) * key.cwiseAbs();
  }
  allow(roundoff_of(question_.out_type).relative + (question_.rounds_p ? 0x1p-12 + 0x1p-7 : 0), result);
  return result;
}

namespace {

// What one query row adds to the gradients of the keys.
void add_row(const RowScores& scores, const RowGradient& row, double factor, KeyGradients& sums) {
  for (index_t j = 0; j < row.weight.size(); ++j) {
    if (row.weight(j) == 0) continue;
    RowResult& d_key = sums.d_key[static_cast<std::size_t>(j)];
    RowResult& d_value = sums.d_value[static_cast<std::size_t>(j)];
    d_key.state = d_value.state = RowState::computed;
    d_key.out += factor * row.d_score(j) * scores.query;
    d_key.weight += std::abs(factor) * row.d_score_abs(j) * scores.query.cwiseAbs();
    d_value.out += row.dropped_weight(j) * row.d_out;
    d_value.weight += row.dropped_weight(j) * row.d_out.cwiseAbs();
  }
}

}  // namespace

void GradientTrial::add_head(const Entry& entry, index_t head, KeyGradients& sums) {
  const Kernel& kernel = trial_.kernel();
  const double factor = factor_of(kernel) * kernel.backward.dk_factor;
  for (index_t i = 0; i < entry.rows; ++i) {
    const Row at{entry.q_batch, entry.first_row + i, head};
    const std::optional<RowScores> scores = trial_.scores(at);
    const index_t width = scores->query.size(), value_width = scores->kv->values.cols();
    if (sums.d_key.empty()) {
      sums.d_key.assign(static_cast<std::size_t>(entry.keys()), zeros(width));
      sums.d_value.assign(static_cast<std::size_t>(entry.keys()), zeros(value_width));
    }
    const RowResult forward = trial_.attend(*scores);
    if (forward.state == RowState::computed)
      sums.score_abs = std::max({sums.score_abs, forward.score_abs, std::abs(forward.max)});
    add_row(*scores, row_gradient(kernel.backward, *scores, forward, d_out_of(question_, at, value_width)), factor,
            sums);
  }
}

const KeyGradients& GradientTrial::gradients(const Entry& entry, index_t kv_head) {
  const auto [place, fresh] = known_.try_emplace({entry.batch, kv_head});
  KeyGradients& sums = place->second;
  if (!fresh) return sums;
  const Kernel& kernel = trial_.kernel();
  const index_t heads = reference::query_extent(kernel.spec).heads, group = heads / entry.kv_heads;
  for (index_t head = 0; head < heads; ++head) {
    const index_t reads = kernel.kv_head ? kernel.kv_head(head, heads, entry.kv_heads) : head / group;
    const bool left_out = kernel.backward.only_member && head % group != *kernel.backward.only_member % group;
    if (reads == kv_head && !left_out) add_head(entry, head, sums);
  }
  const auto allow_all = [&](double roundings, std::vector<RowResult>& rows) {
    for (RowResult& row : rows) {
      row.score_abs = sums.score_abs;
      if (row.state == RowState::computed) allow(roundings, row);
    }
  };
  allow_all(roundoff_of(question_.out_type).relative + (question_.rounds_p ? 0x1p-12 + 0x1p-7 : 0), sums.d_key);
  allow_all(question_.rounds_p ? 0x1p-12 + 0x1p-8 : 0, sums.d_value);
  return sums;
}

RowResult GradientTrial::of_key(const Row& at, bool key) {
  const AttentionCase& spec = trial_.kernel().spec;
  const index_t width = parts::head_width(spec, key ? spec.key : spec.value);
  for (const Entry& entry : trial_.entries()) {
    const index_t j = at.row - entry.first_key;
    if (entry.kv_batch != at.batch || j < 0 || j >= entry.kv_rows) continue;
    const KeyGradients& sums = gradients(entry, at.head);
    if (sums.d_key.empty()) return zeros(width);
    RowResult row = (key ? sums.d_key : sums.d_value)[static_cast<std::size_t>(j)];
    if (row.out.size() > width) {  // without the rope's part
      row.out.conservativeResize(width);
      row.allowed.conservativeResize(width);
    }
    return row;
  }
  return zeros(width);
}

}  // namespace kit::hinting

// Was it the gradient that was timed?  A few rows of dq, dk, dv and dpse against plain loops over doubles, with P from
// the forward's statistics; the forward's own output is checked like any other (answer.hpp).
#pragma once

#include "support/answer.hpp"
#include "support/gradient_inputs.hpp"

namespace bench {

template <class Element>
class ExactGradient {
 public:
  using Row = std::vector<double>;

  explicit ExactGradient(const GradientInputs<Element>& in)
      : in_(in), w_(in.forward.workload), stairs_(w_.stairs()), group_(w_.shape.heads / w_.shape.kv_head_count()) {}

  Row d_q(OutputRow at) const {
    Row sums = zeros(w_.shape.head_dim);
    for (index_t key = 0; key < w_.shape.kv_len; ++key)
      add(pair(at, key).d_score * in_.forward.scale, key_row(in_.forward, in_.forward.k, w_.shape.head_dim, at, key),
          sums);
    return sums;
  }

  // at.head: of the keys.  All query heads of the group add to it.
  Row d_k(OutputRow at) const {
    Row sums = zeros(w_.shape.head_dim);
    for_each_query(at, [&](OutputRow query) {
      add(pair(query, at.row).d_score * in_.forward.scale,
          in_.forward.q.data() + offset(w_, w_.shape.heads, w_.shape.q_len, w_.shape.head_dim, query), sums);
    });
    return sums;
  }
  Row d_v(OutputRow at) const {
    Row sums = zeros(w_.shape.value_size());
    for_each_query(at, [&](OutputRow query) { add(pair(query, at.row).kept, output(in_.d_out, query), sums); });
    return sums;
  }

  // Of every (batch, head) where the bias is one matrix for all.
  Row d_pse(OutputRow at) const {
    Row sums = zeros(w_.shape.kv_len);
    const bool shared = w_.bias == BiasTensor::shared;
    for (index_t b = shared ? 0 : at.batch; b < (shared ? w_.shape.batch : at.batch + 1); ++b)
      for (index_t n = shared ? 0 : at.head; n < (shared ? w_.shape.heads : at.head + 1); ++n)
        for (index_t key = 0; key < w_.shape.kv_len; ++key)
          sums[static_cast<std::size_t>(key)] += pair({b, n, at.row}, key).d_score;
    return sums;
  }

 private:
  struct Pair {
    double kept = 0;     // the probability after dropout
    double d_score = 0;  // dS
  };

  Pair pair(OutputRow at, index_t key) const {
    const Inputs<Element>& f = in_.forward;
    if (!shown(f, stairs_, at.row, key)) return {};
    const index_t statistic = in_.statistic(at.batch, at.head, at.row), dim = w_.shape.value_size();
    const double p =
        std::exp(exact_score(f, at, key) - double{in_.max.data()[statistic]}) / double{in_.sum.data()[statistic]};
    const double factor = drop_factor(f, at, key);
    const double d_p = factor * dot(output(in_.d_out, at), key_row(f, f.v, dim, at, key), dim);
    return {p * factor, p * (d_p - dot(output(in_.d_out, at), output(f.out, at), dim))};
  }

  const Element* output(const Buffer<Element>& tensor, OutputRow at) const {
    return tensor.data() + offset(w_, w_.shape.heads, w_.shape.q_len, w_.shape.value_size(), at);
  }

  template <class Then>
  void for_each_query(OutputRow key, const Then& then) const {
    for (index_t head = key.head * group_; head < (key.head + 1) * group_; ++head)
      for (index_t row = 0; row < w_.shape.q_len; ++row) then(OutputRow{key.batch, head, row});
  }

  static Row zeros(index_t count) { return Row(static_cast<std::size_t>(count)); }
  static void add(double factor, const Element* row, Row& sums) {
    if (factor == 0) return;
    for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += factor * number(row[d]);
  }

  const GradientInputs<Element>& in_;
  const Workload& w_;
  const glint::mask::Staircase stairs_;
  index_t group_;
};

// Each number within a fraction of the row's largest, and as close as that to zero where all are nearly zero.
template <class Element>
bool close_to_largest(const Element* got, const std::vector<double>& exact) {
  const glint::DType type = glint::dtype_of<Element>;
  double largest = 0.1;
  for (const double number : exact) largest = std::max(largest, std::abs(number));
  const double allowed = largest * (type == glint::DType::f32 ? 1e-4 : type == glint::DType::f16 ? 5e-3 : 4e-2);
  for (std::size_t d = 0; d < exact.size(); ++d)
    if (!(std::abs(number(got[d]) - exact[d]) <= allowed)) return false;
  return true;
}

// The first row of the first head, the last of the last, and one between, of queries and of keys.
template <class Element>
bool right(const GradientInputs<Element>& in) {
  if (!in.ran() || !right(in.forward)) return false;
  const Workload& w = in.forward.workload;
  const Shape& s = w.shape;
  const ExactGradient<Element> exact(in);
  const index_t kv_heads = s.kv_head_count(), b = s.batch - 1, n = s.heads - 1, kv = kv_heads - 1;
  bool good = true;
  for (const OutputRow at : {OutputRow{0, 0, 0}, {b / 2, n / 2, s.q_len / 2}, {b, n, s.q_len - 1}}) {
    good &= close_to_largest(in.d_q.data() + offset(w, s.heads, s.q_len, s.head_dim, at), exact.d_q(at));
    if (!w.bias_gradient) continue;
    const index_t matrix = w.bias == BiasTensor::for_each_head ? at.batch * s.heads + at.head : 0;
    good &= close_to_largest(in.d_pse.data() + (matrix * s.q_len + at.row) * s.kv_len, exact.d_pse(at));
  }
  for (const OutputRow at : {OutputRow{0, 0, 0}, {b / 2, kv / 2, s.kv_len / 2}, {b, kv, s.kv_len - 1}}) {
    good &= close_to_largest(in.d_k.data() + offset(w, kv_heads, s.kv_len, s.head_dim, at), exact.d_k(at));
    good &= close_to_largest(in.d_v.data() + offset(w, kv_heads, s.kv_len, s.value_size(), at), exact.d_v(at));
  }
  return good;
}

}  // namespace bench

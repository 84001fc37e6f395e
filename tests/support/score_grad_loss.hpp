// The loss sum(d_out o out) in plain loops of double, for differences: what the gradient is the gradient of.
#pragma once

#include <functional>

#include "support/score_grad_metamorphic.hpp"

namespace metamorphic {

struct At {
  index_t batch, head, q, k;
};

// Numbers in logical order, as ScoreSpec has them.
struct Inputs {
  std::vector<double> q, k, v, pse, sink;

  explicit Inputs(const GradSpec& s)
      : q(s.q.begin(), s.q.end()),
        k(s.k.begin(), s.k.end()),
        v(s.v.begin(), s.v.end()),
        pse(s.pse.begin(), s.pse.end()),
        sink(s.sink.begin(), s.sink.end()) {}
};

// What happens to a score: kept or not, and what a modifier makes of it.
struct Rules {
  std::function<bool(At)> keep = [](At) { return true; };
  std::function<double(double, At)> modify = [](double score, At) { return score; };
};

// Layouts, lists and modes play no part: `rules` says what is seen.  Bias: dense, dropout: bits.
inline double loss(const GradSpec& s, const Inputs& x, const Rules& rules) {
  const Grid queries = s.q_grid(), keys = s.k_grid(), values = s.v_grid(), out = s.out_grid();
  const index_t group = s.heads / s.kv_heads;
  double total = 0;
  std::vector<double> scores(size(s.kv_len));
  queries.rows_of([&](index_t b, index_t n, index_t i) {
    const double none = -std::numeric_limits<double>::max(), sink = x.sink.empty() ? none : x.sink[size(n)];
    double max = sink;
    for (index_t j = 0; j < s.kv_len; ++j) {
      double& score = scores[size(j)] = none;
      if (!rules.keep({b, n, i, j})) continue;
      const auto q = size(queries.logical(b, n, i)), k = size(keys.logical(b, n / group, j));
      double dot = 0;
      for (std::size_t d = 0; d < size(s.dim); ++d) dot += x.q[q + d] * x.k[k + d];
      score = s.scale * s.q_scale * dot;
      if (!x.pse.empty()) {
        const auto place = [](index_t index, index_t extent) { return extent == 1 ? 0 : index; };
        const auto& shape = s.pse_shape;
        const index_t row = (place(b, shape[0]) * shape[1] + place(n, shape[1])) * shape[2] + place(i, shape[2]);
        score += x.pse[size(row * s.kv_len + j)] * (s.pse_type == 1 ? s.scale : 1);
      }
      score = rules.modify(score, {b, n, i, j});
      max = std::max(max, score);
    }
    double sum = x.sink.empty() ? 0 : std::exp(sink - max), product = 0;
    for (index_t j = 0; j < s.kv_len; ++j) {
      if (!rules.keep({b, n, i, j})) continue;
      const double p = std::exp(scores[size(j)] - max);
      sum += p;
      const index_t bit = ((b * s.heads + n) * s.q_len + i) * s.kv_len + j;
      if (!s.keep_bits.empty() && (s.keep_bits[size(bit / 8)] >> bit % 8 & 1) == 0) continue;
      const auto v = size(values.logical(b, n / group, j)), o = size(out.logical(b, n, i));
      for (std::size_t d = 0; d < size(values.dim); ++d)
        product += p * x.v[v + d] * static_cast<double>(s.d_out[o + d]);
    }
    if (sum > 0) total += product / sum / s.keep_prob;
  });
  return total;
}

// Along a random direction t: the difference quotient of the loss, and <gradient, t>.
inline void expect_derivative(const GradSpec& s, const Gradients& got, const Rules& rules, const std::string& what) {
  constexpr double kStep = 1e-4;
  for (unsigned seed = 100; seed < 103; ++seed) {
    Inputs above(s), below(s);
    double product = 0, absolute = 0;
    const auto move = [&](std::vector<double>& up, std::vector<double>& down, const std::vector<float>& gradient,
                          unsigned stream) {
      const std::vector<float> t = gaussian(static_cast<index_t>(up.size()), DType::f32, seed * 10 + stream);
      for (std::size_t i = 0; i < up.size(); ++i) {
        const auto along = static_cast<double>(t[i]), term = along * static_cast<double>(gradient[i]);
        up[i] += kStep * along, down[i] -= kStep * along;
        product += term, absolute += term * term;
      }
    };
    move(above.q, below.q, got.q, 1), move(above.k, below.k, got.k, 2), move(above.v, below.v, got.v, 3);
    if (!got.pse.empty()) move(above.pse, below.pse, got.pse, 4);
    if (!got.sink.empty()) move(above.sink, below.sink, got.sink, 5);
    const double want = (loss(s, above, rules) - loss(s, below, rules)) / (2 * kStep);
    // Roundings are independent: their sum is that of a random walk.
    ASSERT_NEAR(product, want, 8 * unit_roundoff(s.dtype) * std::sqrt(absolute) + 1e-5 * std::sqrt(absolute)) << what;
  }
}

}  // namespace metamorphic

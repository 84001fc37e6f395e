// Attention and its gradient by plain loops over doubles, for the tests of providers.
#pragma once

#include "tune/provider/provider_case.hpp"

namespace bench::tune {

struct ExactAnswer {
  using Numbers = std::vector<double>;
  Numbers out, max, sum, d_q, d_k, d_v;  // dense: [batch][heads][rows][dim]
};

class ProviderOracle {
 public:
  explicit ProviderOracle(const ProviderOperands& in) : in_(in), c_(in.given()) {}

  ExactAnswer operator()() {
    const std::int64_t rows = c_.batch * c_.heads * c_.q_len, keys = c_.batch * c_.kv_heads * c_.kv_len;
    answer_.out = zeros(rows * c_.value_dim), answer_.max = zeros(rows), answer_.sum = zeros(rows);
    answer_.d_q = zeros(rows * c_.head_dim), answer_.d_k = zeros(keys * c_.head_dim);
    answer_.d_v = zeros(keys * c_.value_dim);
    for (std::int64_t b = 0; b < c_.batch; ++b)
      for (std::int64_t h = 0; h < c_.heads; ++h)
        for (std::int64_t r = 0; r < c_.q_len; ++r) row(b, h, r);
    return answer_;
  }

 private:
  static std::vector<double> zeros(std::int64_t count) { return std::vector<double>(static_cast<std::size_t>(count)); }
  static double& at(std::vector<double>& list, std::int64_t i) { return list[static_cast<std::size_t>(i)]; }

  void row(std::int64_t b, std::int64_t h, std::int64_t r) {
    const std::int64_t kv_head = h * c_.kv_heads / c_.heads, index = (b * c_.heads + h) * c_.q_len + r;
    double largest = -double{FLT_MAX}, sum = 0;
    std::vector<double> p = zeros(c_.keys(b));
    for (std::int64_t t = 0; t < c_.keys(b); ++t)
      if (in_.visible(b, h, r, t)) largest = std::max(largest, score(b, h, kv_head, r, t));
    for (std::int64_t t = 0; t < c_.keys(b); ++t)
      if (in_.visible(b, h, r, t)) sum += at(p, t) = std::exp(score(b, h, kv_head, r, t) - largest);
    at(answer_.max, index) = largest;
    at(answer_.sum, index) = sum > 0 ? sum : double{FLT_MAX};
    if (sum == 0) return;
    for (double& weight : p) weight /= sum;
    for (std::int64_t t = 0; t < c_.keys(b); ++t)
      for (std::int64_t d = 0; d < c_.value_dim && at(p, t) > 0; ++d)
        at(answer_.out, index * c_.value_dim + d) += at(p, t) * in_.key(in_.v, b, kv_head, t, d);
    if (c_.op == GLINT_BACKWARD) pull_back(b, h, r, p);
  }

  double score(std::int64_t b, std::int64_t h, std::int64_t kv_head, std::int64_t r, std::int64_t t) const {
    double dot = 0;
    for (std::int64_t d = 0; d < c_.head_dim; ++d) dot += in_.q.get(b, h, r, d) * in_.key(in_.k, b, kv_head, t, d);
    return dot * double{ProviderOperands::kScale};
  }

  void pull_back(std::int64_t b, std::int64_t h, std::int64_t r, std::vector<double>& p) {
    const std::int64_t kv_head = h * c_.kv_heads / c_.heads, index = (b * c_.heads + h) * c_.q_len + r;
    std::vector<double> d_p = zeros(c_.keys(b));
    double mean = 0;
    for (std::int64_t t = 0; t < c_.keys(b); ++t) {
      if (at(p, t) == 0) continue;
      for (std::int64_t d = 0; d < c_.value_dim; ++d)
        at(d_p, t) += in_.d_out.get(b, h, r, d) * in_.key(in_.v, b, kv_head, t, d);
      mean += at(p, t) * at(d_p, t);
    }
    for (std::int64_t t = 0; t < c_.keys(b); ++t) {
      if (at(p, t) == 0) continue;
      const std::int64_t key = (b * c_.kv_heads + kv_head) * c_.kv_len + t;
      const double d_s = at(p, t) * (at(d_p, t) - mean) * double{ProviderOperands::kScale};
      for (std::int64_t d = 0; d < c_.head_dim; ++d) {
        at(answer_.d_q, index * c_.head_dim + d) += d_s * in_.key(in_.k, b, kv_head, t, d);
        at(answer_.d_k, key * c_.head_dim + d) += d_s * in_.q.get(b, h, r, d);
      }
      for (std::int64_t d = 0; d < c_.value_dim; ++d)
        at(answer_.d_v, key * c_.value_dim + d) += at(p, t) * in_.d_out.get(b, h, r, d);
    }
  }

  const ProviderOperands& in_;
  const ProviderCase& c_;
  ExactAnswer answer_{};
};

}  // namespace bench::tune

// The same attention by glint's oracle, in double: slow, and what finite differences are taken of.
#pragma once

#include "attention.hpp"
#include "glint/reference/gradient.hpp"

namespace fine_tune {

class ExactAttention {
 public:
  using Scalar = double;
  using Matrix = MatrixOf<double>;

  ExactAttention(const Config& config, const Workers&) : head_size_(config.head_size()) {
    glint::reference::AttentionCase& spec = problem_.forward;
    spec.head_num = config.heads;
    spec.scale = 1 / std::sqrt(static_cast<double>(head_size_));
    spec.sparse_mode = 3;  // causal
    spec.implied_mask = true;
  }

  Matrix forward(Heads<double> x) {
    generate::rope(x.q, head_size_, 0);
    generate::rope(x.k, head_size_, 0);
    glint::reference::AttentionCase& spec = problem_.forward;
    spec.query = array(x.q), spec.key = array(x.k), spec.value = array(x.v);
    return matrix(glint::reference::attention(spec).out);
  }

  Heads<double> backward(const Matrix& d_out) {
    problem_.d_out = array(d_out);
    const glint::reference::GradientResult gradient = glint::reference::gradient(problem_);
    Heads<double> d{matrix(gradient.d_query), matrix(gradient.d_key), matrix(gradient.d_value)};
    generate::rope(d.q, head_size_, 0, -1);
    generate::rope(d.k, head_size_, 0, -1);
    return d;
  }

 private:
  static glint::reference::Array array(const Matrix& x) {
    return {{1, x.rows(), x.cols()}, {x.data(), x.data() + x.size()}};
  }
  static Matrix matrix(const glint::reference::Array& x) {
    return Eigen::Map<const Matrix>(x.data.data(), x.shape[1], x.shape[2]);
  }

  Index head_size_;
  glint::reference::GradientCase problem_;
};

}  // namespace fine_tune

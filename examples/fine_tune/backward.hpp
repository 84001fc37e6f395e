// The gradients of what a layer is made of besides attention.  d_x is the gradient of the loss by x; where a function
// returns one and writes another, the one by the weights is written.
#pragma once

#include <span>

#include "parameters.hpp"

namespace fine_tune {

using generate::matmul;
using generate::rms_norm;
using generate::swiglu;

// Of y = x * weight^T.
template <class Scalar>
MatrixOf<Scalar> matmul_backward(const MatrixOf<Scalar>& d_y, const MatrixOf<Scalar>& x, const MatrixOf<Scalar>& weight,
                                 MatrixOf<Scalar>& d_weight, const Workers& workers) {
  d_weight = matmul<Scalar>(d_y.transpose(), x.transpose(), workers);
  return matmul<Scalar>(d_y, weight.transpose(), workers);
}

// Of y = r x o weight, where r = 1 / rms(x) depends on the whole row.
template <class Scalar>
MatrixOf<Scalar> rms_norm_backward(const MatrixOf<Scalar>& d_y, const MatrixOf<Scalar>& x,
                                   const VectorOf<Scalar>& weight, VectorOf<Scalar>& d_weight) {
  const VectorOf<Scalar> r = generate::inverse_rms(x);
  d_weight = d_y.cwiseProduct(r.asDiagonal() * x).colwise().sum().transpose();
  const MatrixOf<Scalar> d_normed = d_y * weight.asDiagonal();
  const VectorOf<Scalar> along_x =
      r.array().cube() * d_normed.cwiseProduct(x).rowwise().sum().array() / static_cast<Scalar>(x.cols());
  return r.asDiagonal() * d_normed - along_x.asDiagonal() * x;
}

template <class Scalar>
struct SwigluGradient {
  MatrixOf<Scalar> gate, up;
};

// Of h = gate sigmoid(gate) o up.
template <class Scalar>
SwigluGradient<Scalar> swiglu_backward(const MatrixOf<Scalar>& d_h, const MatrixOf<Scalar>& gate,
                                       const MatrixOf<Scalar>& up) {
  const MatrixOf<Scalar> sigmoid = 1 / (1 + (-gate.array()).exp());
  const auto slope = sigmoid.array() * (1 + gate.array() * (1 - sigmoid.array()));
  return {d_h.array() * up.array() * slope, d_h.array() * gate.array() * sigmoid.array()};
}

template <class Scalar>
struct CrossEntropy {
  double loss = 0;  // mean of -ln softmax(logits)[target]
  MatrixOf<Scalar> d_logits;
};

// Row i of the logits should have said targets[i].
template <class Scalar>
CrossEntropy<Scalar> cross_entropy(const MatrixOf<Scalar>& logits, std::span<const int> targets) {
  CrossEntropy<Scalar> result{.d_logits = logits.colwise() - logits.rowwise().maxCoeff()};
  const auto rows = static_cast<Scalar>(logits.rows());
  for (Index i = 0; i < logits.rows(); ++i) {
    auto row = result.d_logits.row(i);
    const int target = targets[static_cast<std::size_t>(i)];
    const Scalar score = row(target);
    row = row.array().exp();
    const Scalar sum = row.sum();
    result.loss += static_cast<double>((std::log(sum) - score) / rows);
    row /= sum * rows;
    row(target) -= 1 / rows;
  }
  return result;
}

}  // namespace fine_tune

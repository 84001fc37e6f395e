// See layers.hpp.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // gcc 12's AVX-512 intrinsics have undefined operands on purpose
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Renamed, so that Eigen's functions in this -march=native file and in the others are not one to the linker: they
// disagree about alignment.
#define Eigen TrainEigen
#include <Eigen/Core>

#include "layers.hpp"

#include <cmath>

namespace train {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;
using RowArray = Eigen::Array<float, 1, Eigen::Dynamic>;

Eigen::Map<Matrix> matrix(Out x) { return {x.data, x.rows, x.columns}; }
Eigen::Map<const Matrix> matrix(In x) { return {x.data, x.rows, x.columns}; }
Eigen::Map<Row> row(Out x, Index r = 0) { return {x.row(r), x.columns}; }
Eigen::Map<const Row> row(In x, Index r = 0) { return {x.row(r), x.columns}; }

// x without the mean and the deviation of its row.
auto normal(In x, In moments, Index r) { return (row(x, r).array() - moments.row(r)[0]) * moments.row(r)[1]; }

constexpr float kSlope = 0.7978845608F, kCube = 0.044715F;  // of gelu's u; sqrt(2 / pi)

}  // namespace

void linear(In x, const Linear& l, Out y) {
  matrix(y).rowwise() = row(l.bias);
  matrix(y).noalias() += matrix(x) * matrix(l.weight);
}

void add_linear(In x, const Linear& l, Out y) {
  matrix(y).rowwise() += row(l.bias);
  matrix(y).noalias() += matrix(x) * matrix(l.weight);
}

void linear_backward(In dy, const Linear& l, Out dx) {
  matrix(dx).noalias() = matrix(dy) * matrix(l.weight).transpose();
}

void weight_gradient(In x, In dy, Index first, Index count, const Linear& gradient) {
  matrix(gradient.weight).middleRows(first, count).noalias() =
      matrix(x).middleCols(first, count).transpose() * matrix(dy);
}

void bias_gradient(In dy, const Linear& gradient) { row(gradient.bias) = matrix(dy).colwise().sum(); }

void norm(In x, const Norm& n, Out y, Out moments) {
  for (Index r = 0; r < x.rows; ++r) {
    const float mean = row(x, r).mean();
    const float variance = (row(x, r).array() - mean).square().mean();
    moments.row(r)[0] = mean;
    moments.row(r)[1] = 1 / std::sqrt(variance + 1e-5F);
    row(y, r) = normal(x, moments, r) * row(n.gain).array() + row(n.bias).array();
  }
}

void add_norm_backward(In dy, In x, In moments, const Norm& n, Out dx) {
  for (Index r = 0; r < x.rows; ++r) {
    const RowArray g = row(n.gain).array() * row(dy, r).array(), at = normal(x, moments, r);
    row(dx, r).array() += (g - g.mean() - at * (g * at).mean()) * moments.row(r)[1];
  }
}

void norm_gradient(In dy, In x, In moments, const Norm& gradient) {
  row(gradient.gain).setZero();
  row(gradient.bias).setZero();
  for (Index r = 0; r < x.rows; ++r) {
    row(gradient.gain).array() += row(dy, r).array() * normal(x, moments, r);
    row(gradient.bias) += row(dy, r);
  }
}

void gelu(In x, Out y) {
  const auto in = matrix(x).array();
  matrix(y).array() = 0.5F * in * (1 + (kSlope * in * (1 + kCube * in.square())).tanh());
}

void gelu_backward(In x, Out dy) {
  for (Index r = 0; r < x.rows; ++r) {
    const auto in = row(x, r).array();
    const RowArray t = (kSlope * in * (1 + kCube * in.square())).tanh();
    row(dy, r).array() *= 0.5F * (1 + t + in * (1 - t.square()) * kSlope * (1 + 3 * kCube * in.square()));
  }
}

void cross_entropy(Out logits, const int* targets, float factor, double* losses) {
  for (Index r = 0; r < logits.rows; ++r) {
    auto scores = row(logits, r);
    const float target = scores[targets[r]], top = scores.maxCoeff();
    scores = (scores.array() - top).exp();
    const float sum = scores.sum();
    losses[r] = static_cast<double>(std::log(sum) + top - target);
    scores *= factor / sum;
    scores[targets[r]] -= factor;
  }
}

void adam(const AdamStep& step, In gradient, Out weight, Out mean, Out square) {
  const auto g = matrix(gradient).array() * step.gradient_scale;
  auto m = matrix(mean).array(), s = matrix(square).array(), w = matrix(weight).array();
  m = step.first * m + (1 - step.first) * g;
  s = step.second * s + (1 - step.second) * g.square();
  w -= step.rate * (step.decay * w + m / step.first_bias / ((s / step.second_bias).sqrt() + 1e-8F));
}

double squared_norm(In x) { return static_cast<double>(matrix(x).squaredNorm()); }

}  // namespace train

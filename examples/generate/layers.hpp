// What a Llama layer is made of besides attention.  Activations are matrices with one row for each token.
#pragma once

#include <algorithm>
#include <cmath>

#include "model_file.hpp"
#include "workers.hpp"

namespace generate {

inline Matrix rms_norm(const Matrix& x, const Vector& weight) {
  const auto mean_square = x.rowwise().squaredNorm().array() / static_cast<float>(x.cols()) + 1e-5F;
  return (x.array().colwise() * mean_square.rsqrt()).rowwise() * weight.transpose().array();
}

// x * weight^T.  Blocks of output columns go to the workers; their size does not depend on how many there are, so
// neither does any bit of the result.
inline Matrix matmul(const Matrix& x, const Matrix& weight, const Workers& workers) {
  constexpr Index kProducts = 1 << 19;  // multiplications of one task: tens of microseconds, a hand-over costs a few
  const Index columns = std::clamp(kProducts / x.size() / 64 * 64, Index{64}, std::max(weight.rows(), Index{64}));
  Matrix y(x.rows(), weight.rows());
  workers.for_each((weight.rows() + columns - 1) / columns, [&](Index block, Index) {
    const Index first = block * columns, count = std::min(columns, weight.rows() - first);
    if (x.rows() == 1) {
      y.row(0).segment(first, count).transpose().noalias() = weight.middleRows(first, count) * x.row(0).transpose();
    } else {
      y.middleCols(first, count).noalias() = x * weight.middleRows(first, count).transpose();
    }
  });
  return y;
}

// Rotary position embedding: row r, at position first + r, has each pair of neighbours turned by an angle that grows
// with the position and shrinks along the head.
inline void rope(Matrix& x, Index head_size, Index first) {
  for (Index c = 0; c < x.cols(); c += 2) {
    const float frequency =
        1.0F / std::pow(10000.0F, static_cast<float>(c % head_size) / static_cast<float>(head_size));
    for (Index r = 0; r < x.rows(); ++r) {
      const float angle = static_cast<float>(first + r) * frequency;
      const float cosine = std::cos(angle), sine = std::sin(angle);
      const float even = x(r, c), odd = x(r, c + 1);
      x(r, c) = even * cosine - odd * sine;
      x(r, c + 1) = even * sine + odd * cosine;
    }
  }
}

// silu(gate) * up.
inline Matrix swiglu(const Matrix& gate, const Matrix& up) {
  return gate.array() / (1 + (-gate.array()).exp()) * up.array();
}

}  // namespace generate

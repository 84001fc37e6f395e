// What a Llama layer is made of besides attention.  Activations are matrices with one row for each token.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "model_file.hpp"
#include "workers.hpp"

namespace generate {

// 1 / the root mean square of each row.
template <class Scalar>
VectorOf<Scalar> inverse_rms(const MatrixOf<Scalar>& x) {
  return (x.rowwise().squaredNorm().array() / static_cast<Scalar>(x.cols()) + Scalar{1e-5F}).rsqrt();
}

template <class Scalar>
MatrixOf<Scalar> rms_norm(const MatrixOf<Scalar>& x, const VectorOf<Scalar>& weight) {
  return (x.array().colwise() * inverse_rms(x).array()).rowwise() * weight.transpose().array();
}

// x * weight^T.  Blocks of output columns go to the workers; their size does not depend on how many there are, so
// neither does any bit of the result.
template <class Scalar>
MatrixOf<Scalar> matmul(const MatrixOf<Scalar>& x, const MatrixOf<Scalar>& weight, const Workers& workers) {
  constexpr Index kProducts = 1 << 19;  // multiplications of one task: tens of microseconds, a hand-over costs a few
  const Index columns = std::clamp(kProducts / x.size() / 64 * 64, Index{64}, std::max(weight.rows(), Index{64}));
  MatrixOf<Scalar> y(x.rows(), weight.rows());
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
// with the position and shrinks along the head; with sense -1 it is turned back.
template <class Scalar>
void rope(MatrixOf<Scalar>& x, Index head_size, Index first, std::type_identity_t<Scalar> sense = 1) {
  for (Index c = 0; c < x.cols(); c += 2) {
    const Scalar frequency =
        1 / std::pow(Scalar{10000}, static_cast<Scalar>(c % head_size) / static_cast<Scalar>(head_size));
    for (Index r = 0; r < x.rows(); ++r) {
      const Scalar angle = sense * static_cast<Scalar>(first + r) * frequency;
      const Scalar cosine = std::cos(angle), sine = std::sin(angle);
      const Scalar even = x(r, c), odd = x(r, c + 1);
      x(r, c) = even * cosine - odd * sine;
      x(r, c + 1) = even * sine + odd * cosine;
    }
  }
}

// silu(gate) * up.
template <class Scalar>
MatrixOf<Scalar> swiglu(const MatrixOf<Scalar>& gate, const MatrixOf<Scalar>& up) {
  return gate.array() / (1 + (-gate.array()).exp()) * up.array();
}

}  // namespace generate

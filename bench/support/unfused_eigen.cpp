// See unfused_eigen.hpp.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // gcc 12's AVX-512 intrinsics have undefined operands on purpose
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Renamed, so that Eigen's functions in this -march=native file and in the others are not one to the linker: they
// disagree about alignment.
#define Eigen UnfusedEigen
#include <Eigen/Core>

#include "unfused_eigen.hpp"

#include <limits>

namespace unfused {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstRows = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

void softmax(const Head& head, float* scores) {
  Eigen::Map<Matrix> p(scores, head.q_rows, head.keys);
  for (long r = 0; r < head.q_rows; ++r) {
    auto row = p.row(r).array();
    if (head.visible != nullptr) row.tail(head.keys - head.visible[r]) = -std::numeric_limits<float>::infinity();
    row = (row - row.maxCoeff()).exp();
    row /= row.sum();
  }
}

void attention(const Head& head, float* scores) {
  const ConstRows q(head.q, head.q_rows, head.dim, Eigen::OuterStride<>(head.q_stride));
  const ConstRows k(head.k, head.keys, head.dim, Eigen::OuterStride<>(head.kv_stride));
  const ConstRows v(head.v, head.keys, head.dim, Eigen::OuterStride<>(head.kv_stride));
  Rows out(head.out, head.q_rows, head.dim, Eigen::OuterStride<>(head.out_stride));
  Eigen::Map<Matrix> p(scores, head.q_rows, head.keys);

  p.noalias() = head.scale * q * k.transpose();
  softmax(head, scores);
  out.noalias() = p * v;
}

const char* instruction_sets() { return Eigen::SimdInstructionSetsInUse(); }

}  // namespace unfused

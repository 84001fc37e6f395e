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

void probabilities(const GradientHead& head, float* scores) {
  const Head& f = head.forward;
  Eigen::Map<Matrix> p(scores, f.q_rows, f.keys);
  for (long r = 0; r < f.q_rows; ++r) {
    const long seen = f.visible != nullptr ? f.visible[r] : f.keys;
    auto row = p.row(r).array();
    row.head(seen) = (row.head(seen) - head.max[r]).exp() / head.sum[r];
    row.tail(f.keys - seen) = 0;
  }
}

void score_gradient(const GradientHead& head, const float* p, float* d_scores) {
  const Head& f = head.forward;
  const ConstRows out(f.out, f.q_rows, f.dim, Eigen::OuterStride<>(f.out_stride));
  const ConstRows d_out(head.d_out, f.q_rows, f.dim, Eigen::OuterStride<>(f.out_stride));
  const Eigen::Map<const Matrix> probability(p, f.q_rows, f.keys);
  Eigen::Map<Matrix> d_score(d_scores, f.q_rows, f.keys);
  for (long r = 0; r < f.q_rows; ++r) {
    auto row = d_score.row(r).array();
    row = probability.row(r).array() * (row - out.row(r).dot(d_out.row(r)));
  }
}

void gradient(const GradientHead& head, float* scratch) {
  const Head& f = head.forward;
  const Eigen::OuterStride<> q_stride(f.q_stride), kv_stride(f.kv_stride), out_stride(f.out_stride);
  const ConstRows q(f.q, f.q_rows, f.dim, q_stride), k(f.k, f.keys, f.dim, kv_stride), v(f.v, f.keys, f.dim, kv_stride);
  const ConstRows d_out(head.d_out, f.q_rows, f.dim, out_stride);
  Rows d_q(head.d_q, f.q_rows, f.dim, q_stride), d_k(head.d_k, f.keys, f.dim, kv_stride);
  Rows d_v(head.d_v, f.keys, f.dim, kv_stride);
  Eigen::Map<Matrix> p(scratch, f.q_rows, f.keys), d_s(scratch + p.size(), f.q_rows, f.keys);

  p.noalias() = f.scale * q * k.transpose();
  probabilities(head, p.data());
  d_v.noalias() = p.transpose() * d_out;
  d_s.noalias() = d_out * v.transpose();
  score_gradient(head, p.data(), d_s.data());
  d_q.noalias() = f.scale * d_s * k;
  d_k.noalias() = f.scale * d_s.transpose() * q;
}

// A cache as floats: itself, or `room` filled from it.
template <class Number>
static const float* converted(const void* cache, long rows, long dim, float* room) {
  using Numbers = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Numbers> from(static_cast<const Number*>(cache), rows, dim);
  Eigen::Map<Matrix>(room, rows, dim) = from.template cast<float>();
  return room;
}

static const float* floats(const CacheHead& head, const void* cache, float* room) {
  switch (head.stored) {
    case Stored::f16: return converted<Eigen::half>(cache, head.keys, head.dim, room);
    case Stored::bf16: return converted<Eigen::bfloat16>(cache, head.keys, head.dim, room);
    case Stored::int8: return converted<signed char>(cache, head.keys, head.dim, room);
    case Stored::f32: break;
  }
  return static_cast<const float*>(cache);
}

void decode(const CacheHead& head, float* scratch) {
  using Row = Eigen::Map<const Eigen::RowVectorXf>;
  float* const scores = scratch;
  Eigen::Map<Matrix> p(scores, head.q_rows, head.keys), q(scores + head.q_rows * head.keys, head.q_rows, head.dim);
  Eigen::Map<Matrix> out(head.out, head.q_rows, head.dim);
  float* const room = q.data() + q.size();

  // The factors of k's channels go to q, those of v's to the output.
  q = head.scale * Eigen::Map<const Matrix>(head.q, head.q_rows, head.dim);
  if (head.k_factors != nullptr) q.array().rowwise() *= Row(head.k_factors, head.dim).array();
  p.noalias() = q * Eigen::Map<const Matrix>(floats(head, head.k, room), head.keys, head.dim).transpose();
  softmax({.q_rows = head.q_rows, .keys = head.keys}, scores);
  out.noalias() = p * Eigen::Map<const Matrix>(floats(head, head.v, room), head.keys, head.dim);
  if (head.v_factors != nullptr) out.array().rowwise() *= Row(head.v_factors, head.dim).array();
}

const char* instruction_sets() { return Eigen::SimdInstructionSetsInUse(); }

}  // namespace unfused

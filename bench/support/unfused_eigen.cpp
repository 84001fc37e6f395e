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

#include <algorithm>
#include <cstdint>
#include <limits>

namespace unfused {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstRows = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

static Eigen::OuterStride<> every(long stride, long otherwise = 0) {
  return Eigen::OuterStride<>(stride != 0 ? stride : otherwise);
}

// Gives `hidden` to the scores of a row that are not seen.
template <class Row>
static void hide(const Head& head, long r, float hidden, Row&& row) {
  if (head.visible != nullptr) row.tail(head.keys - head.visible[r]) = hidden;
  if (head.first != nullptr) row.head(head.first[r]) = hidden;
  if (head.drop == nullptr) return;
  const unsigned char* const drop = head.drop + r * head.drop_stride;
  for (long key = 0; key < head.keys; ++key)
    if (drop[key] != 0) row[key] = hidden;
}

void softmax(const Head& head, float* scores) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  Eigen::Map<Matrix> p(scores, head.q_rows, head.keys);
  for (long r = 0; r < head.q_rows; ++r) {
    auto row = p.row(r).array();
    hide(head, r, -std::numeric_limits<float>::infinity(), row);
    const float max = std::max(row.maxCoeff(), -kLargest);
    row = (row - max).exp();
    const float sum = row.sum();
    if (sum > 0) row /= sum;
    if (head.max != nullptr) head.max[r] = max;
    if (head.sum != nullptr) head.sum[r] = sum > 0 ? sum : kLargest;
  }
}

void attention(const Head& head, float* scores) {
  const ConstRows q(head.q, head.q_rows, head.dim, every(head.q_stride));
  const ConstRows k(head.k, head.keys, head.dim, every(head.kv_stride));
  const ConstRows v(head.v, head.keys, head.value_size(), every(head.value_stride()));
  Rows out(head.out, head.q_rows, head.value_size(), every(head.out_stride));
  Eigen::Map<Matrix> p(scores, head.q_rows, head.keys);

  p.noalias() = head.scale * q * k.transpose();
  softmax(head, scores);
  out.noalias() = p * v;
}

void probabilities(const GradientHead& head, float* scores) {
  const Head& f = head.forward;
  Eigen::Map<Matrix> p(scores, f.q_rows, f.keys);
  for (long r = 0; r < f.q_rows; ++r) {
    const long from = f.first != nullptr ? f.first[r] : 0;
    const long seen = std::max((f.visible != nullptr ? f.visible[r] : f.keys) - from, 0L);
    auto row = p.row(r).array();
    row.segment(from, seen) = (row.segment(from, seen) - head.max[r]).exp() / head.sum[r];
    hide(f, r, 0, row);
  }
}

void score_gradient(const GradientHead& head, const float* p, float* d_scores) {
  const Head& f = head.forward;
  const ConstRows out(f.out, f.q_rows, f.value_size(), every(f.out_stride));
  const ConstRows d_out(head.d_out, f.q_rows, f.value_size(), every(head.d_out_stride, f.out_stride));
  const Eigen::Map<const Matrix> probability(p, f.q_rows, f.keys);
  Eigen::Map<Matrix> d_score(d_scores, f.q_rows, f.keys);
  for (long r = 0; r < f.q_rows; ++r) {
    auto row = d_score.row(r).array();
    row = probability.row(r).array() * (row - out.row(r).dot(d_out.row(r)));
  }
}

template <class Product>
static void give(bool add, Rows& to, const Product& product) {
  if (add) {
    to.noalias() += product;
  } else {
    to.noalias() = product;
  }
}

void gradient(const GradientHead& head, float* scratch) {
  const Head& f = head.forward;
  const ConstRows q(f.q, f.q_rows, f.dim, every(f.q_stride)), k(f.k, f.keys, f.dim, every(f.kv_stride));
  const ConstRows v(f.v, f.keys, f.value_size(), every(f.value_stride()));
  const ConstRows d_out(head.d_out, f.q_rows, f.value_size(), every(head.d_out_stride, f.out_stride));
  Rows d_q(head.d_q, f.q_rows, f.dim, every(head.d_q_stride, f.q_stride));
  Rows d_k(head.d_k, f.keys, f.dim, every(head.d_k_stride, f.kv_stride));
  Rows d_v(head.d_v, f.keys, f.value_size(), every(head.d_v_stride, f.value_stride()));
  Eigen::Map<Matrix> p(scratch, f.q_rows, f.keys), d_s(scratch + p.size(), f.q_rows, f.keys);

  p.noalias() = f.scale * q * k.transpose();
  probabilities(head, p.data());
  give(head.add, d_v, p.transpose() * d_out);
  d_s.noalias() = d_out * v.transpose();
  score_gradient(head, p.data(), d_s.data());
  d_q.noalias() = f.scale * d_s * k;
  give(head.add, d_k, f.scale * d_s.transpose() * q);
}

template <class Number>
using Numbers = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// f(Number{}) for the type that is stored.
template <class Function>
static void with_stored(Stored stored, const Function& f) {
  switch (stored) {
    case Stored::f32: return f(float{});
    case Stored::f16: return f(Eigen::half{});
    case Stored::bf16: return f(Eigen::bfloat16{});
    case Stored::int8: return f(std::int8_t{});
  }
}

void to_floats(Stored stored, const void* from, long stride, long rows, long dim, float* to) {
  with_stored(stored, [=](auto number) {
    using Number = decltype(number);
    const Eigen::Map<const Numbers<Number>, Eigen::Unaligned, Eigen::OuterStride<>> numbers(
        static_cast<const Number*>(from), rows, dim, every(stride));
    Eigen::Map<Matrix>(to, rows, dim) = numbers.template cast<float>();
  });
}

void from_floats(const float* from, long rows, long dim, Stored stored, void* to, long stride) {
  with_stored(stored, [=](auto number) {
    using Number = decltype(number);
    Eigen::Map<Numbers<Number>, Eigen::Unaligned, Eigen::OuterStride<>>(static_cast<Number*>(to), rows, dim,
                                                                        every(stride)) =
        Eigen::Map<const Matrix>(from, rows, dim).template cast<Number>();
  });
}

// A cache as floats: itself, or `room` filled from it.
static const float* floats(const CacheHead& head, const void* cache, float* room) {
  if (head.stored == Stored::f32) return static_cast<const float*>(cache);
  to_floats(head.stored, cache, head.dim, head.keys, head.dim, room);
  return room;
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

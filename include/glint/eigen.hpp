// For users of Eigen: tensors as Maps, Eigen's 16-bit types as element types, and Eigen::ThreadPool as executor.
#pragma once

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/ThreadPool>

#include "glint/core/dtype.hpp"
#include "glint/policy/executor.hpp"
#include "glint/tensor/view.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Eigen::half and Eigen::bfloat16 are the same bits as half and bfloat16.
template <>
struct StorageOf<Eigen::half> {
  using type = half;
};
template <>
struct StorageOf<Eigen::bfloat16> {
  using type = bfloat16;
};
static_assert(sizeof(Eigen::half) == sizeof(half) && sizeof(Eigen::bfloat16) == sizeof(bfloat16));

// The rows of one head as an Eigen matrix, rows x dim, in place.
template <class Element>
using HeadMap = Eigen::Map<Eigen::Matrix<Element, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, Eigen::Unaligned,
                           Eigen::OuterStride<>>;
template <class Element>
using ConstHeadMap = Eigen::Map<const Eigen::Matrix<Element, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                                Eigen::Unaligned, Eigen::OuterStride<>>;

template <class Element>
HeadMap<Element> as_matrix(HeadView<Element> head) {
  return {head.data, head.rows, head.dim, Eigen::OuterStride<>(head.row_stride)};
}
template <class Element>
ConstHeadMap<Element> as_matrix(HeadView<const Element> head) {
  return {head.data, head.rows, head.dim, Eigen::OuterStride<>(head.row_stride)};
}

// Row-major matrices and maps as heads: columns are the head size.
template <class Derived>
HeadView<const typename Derived::Scalar> as_head(const Eigen::PlainObjectBase<Derived>& m) {
  static_assert(Derived::IsRowMajor, "glint::as_head: the matrix must be row-major");
  return {m.data(), m.rows(), m.outerStride(), m.cols()};
}

// Runs tasks on a pool that the caller owns, and on the calling thread.
class EigenExecutor {
 public:
  explicit EigenExecutor(Eigen::ThreadPoolInterface& pool) : pool_(&pool) {}

  index_t workers() const { return pool_->NumThreads() + 1; }

  template <class Task>
  void for_each(index_t n, const Task& task) const {
    std::atomic<index_t> next{0};
    const auto work = [&](index_t worker) {
      for (index_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) task(i, worker);
    };
    const index_t helpers = n - 1 < workers() - 1 ? n - 1 : workers() - 1;
    Eigen::Barrier done(static_cast<unsigned>(helpers > 0 ? helpers : 0));
    for (index_t worker = 1; worker <= helpers; ++worker) {
      pool_->Schedule([&, worker] {
        work(worker);
        done.Notify();
      });
    }
    work(0);
    if (helpers > 0) done.Wait();
  }

 private:
  Eigen::ThreadPoolInterface* pool_;
};

}  // namespace GLINT_ABI
}  // namespace glint

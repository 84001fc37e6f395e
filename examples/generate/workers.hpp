// The threads of --threads: one Eigen pool for glint and for the matrix products.
#pragma once

#include <memory>

#include "glint/eigen.hpp"

namespace generate {

class Workers {
 public:
  // The calling thread works too.
  explicit Workers(int threads) {
    if (threads > 1) pool_ = std::make_unique<Eigen::ThreadPool>(threads - 1);
  }

  glint::index_t workers() const { return pool_ ? pool_->NumThreads() + 1 : 1; }

  template <class Task>
  void for_each(glint::index_t n, const Task& task) const {
    if (pool_) {
      glint::EigenExecutor(*pool_).for_each(n, task);
    } else {
      glint::Serial{}.for_each(n, task);
    }
  }

 private:
  std::unique_ptr<Eigen::ThreadPool> pool_;
};

}  // namespace generate

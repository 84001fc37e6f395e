// An executor on std::jthread for programs that have no pool of their own.  Threads start and join in every call,
// which costs tens of microseconds: an engine should adapt the pool it has instead (ten lines, see examples).
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "glint/policy/executor.hpp"

namespace glint {
inline namespace GLINT_ABI {

class Threads {
 public:
  explicit Threads(index_t workers) : workers_(workers > 1 ? workers : 1) {}

  index_t workers() const { return workers_; }

  template <class Task>
  void for_each(index_t n, const Task& task) const {
    std::atomic<index_t> next{0};
    const auto work = [&](index_t worker) {
      for (index_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) task(i, worker);
    };
    std::vector<std::jthread> others;
    for (index_t worker = 1; worker < workers_ && worker < n; ++worker) others.emplace_back(work, worker);
    work(0);
  }

 private:
  index_t workers_;
};

}  // namespace GLINT_ABI
}  // namespace glint

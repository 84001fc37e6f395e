// Who does the work.  glint starts no threads: it hands numbered tasks to whatever the caller already has.
//
//   workers()        how many tasks may run at once, >= 1
//   for_each(n, f)   calls f(task, worker) once for every task in [0, n), worker in [0, workers()), and returns
//                    when all are done; no two calls that overlap in time share a worker number
//
// Every task owns the outputs it writes, so neither the order nor the number of workers can change a bit.
#pragma once

#include <concepts>

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace detail {
struct AnyTask {
  void operator()(index_t, index_t) const {}
};
}  // namespace detail

template <class Pool>
concept Executor = requires(Pool& e, const Pool& ce, index_t n, detail::AnyTask task) {
  { ce.workers() } -> std::convertible_to<index_t>;
  e.for_each(n, task);
};

// The calling thread.
struct Serial {
  static constexpr index_t workers() { return 1; }
  template <class Task>
  void for_each(index_t n, const Task& task) const {
    for (index_t i = 0; i < n; ++i) task(i, index_t{0});
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

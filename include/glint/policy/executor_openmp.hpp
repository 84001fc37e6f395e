// An executor on OpenMP.  Compile with -fopenmp; without it the tasks run on the calling thread.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include "glint/policy/executor.hpp"

namespace glint {
inline namespace GLINT_ABI {

class OpenMp {
 public:
#ifdef _OPENMP
  explicit OpenMp(index_t workers = omp_get_max_threads()) : workers_(workers > 1 ? workers : 1) {}
#else
  explicit OpenMp(index_t = 1) {}
#endif

  index_t workers() const { return workers_; }

  template <class Task>
  void for_each(index_t n, const Task& task) const {
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(workers_))
    for (index_t i = 0; i < n; ++i) task(i, static_cast<index_t>(omp_get_thread_num()));
#else
    Serial{}.for_each(n, task);
#endif
  }

 private:
  index_t workers_ = 1;
};

}  // namespace GLINT_ABI
}  // namespace glint

// Threads that live as long as the program, as an engine's do: starting some for every call would be measured too.
#pragma once

#include <map>
#include <memory>

#include "glint/eigen.hpp"

namespace bench {

// An executor of `threads` workers, the calling thread among them; threads >= 2.
inline glint::EigenExecutor lasting_pool(glint::index_t threads) {
  static std::map<glint::index_t, std::unique_ptr<Eigen::ThreadPool>> pools;
  std::unique_ptr<Eigen::ThreadPool>& pool = pools[threads];
  if (pool == nullptr) pool = std::make_unique<Eigen::ThreadPool>(static_cast<int>(threads - 1));
  return glint::EigenExecutor(*pool);
}

}  // namespace bench

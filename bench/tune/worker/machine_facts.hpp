// What this machine is: for the records, the cache model, and the sizes of what must not fit a cache.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "glint/core/config.hpp"

namespace bench::tune {

struct CacheSizes {
  double l1d = 0, l2 = 0, l3 = 0;  // bytes; 0: there is none, or nobody says
  double last() const { return l3 > 0 ? l3 : l2 > 0 ? l2 : 32e6; }
};

inline CacheSizes cache_sizes() {
  CacheSizes sizes;
  for (const auto& cache : benchmark::CPUInfo::Get().caches) {
    if (cache.type == "Instruction") continue;
    double& level = cache.level == 1 ? sizes.l1d : cache.level == 2 ? sizes.l2 : sizes.l3;
    level = cache.size;
  }
  return sizes;
}

// A line of the first processor in /proc/cpuinfo, or of a small file; empty where there is none.
inline std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    if (line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) == key) return line.substr(colon + 2);
  }
  return {};
}
inline std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

inline double load() {
  double minutes[1] = {0};
  return getloadavg(minutes, 1) == 1 ? minutes[0] : 0;
}

}  // namespace bench::tune

// What a result was measured on, for the "context" of the JSON.
#pragma once

#include <benchmark/benchmark.h>
#include <sched.h>

#include <fstream>
#include <string>

#include "support/probes.hpp"

namespace bench {

inline std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, family, model, name = "unknown";
  const auto value = [&] { return line.substr(line.find(':') + 2); };
  while (std::getline(file, line) && !line.empty()) {  // the first processor
    if (line.rfind("model name", 0) == 0)
      name = value();
    else if (line.rfind("model", 0) == 0)
      model = value();
    else if (line.rfind("cpu family", 0) == 0)
      family = value();
  }
  // Virtual machines often hide the name; the numbers still tell.
  return family.empty() ? name : name + " (family " + family + ", model " + model + ")";
}

// Those that this process may run on.
inline int usable_cpus() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

inline std::string compiler() {
#if defined(__clang__)
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

#ifndef GLINT_BENCH_FLAGS
#define GLINT_BENCH_FLAGS "unknown"
#endif

inline const bool kMachineDescribed = [] {
  benchmark::AddCustomContext("cpu_model", cpu_model());
  benchmark::AddCustomContext("usable_cpus", std::to_string(usable_cpus()));
  benchmark::AddCustomContext("isa", glint::name(glint::simd::selected));
  benchmark::AddCustomContext("bf16_dot", has_bf16_dot() ? "yes" : "no");
  benchmark::AddCustomContext("int8_dot", has_int8_dot() ? "yes" : "no");
  benchmark::AddCustomContext("compiler", compiler());
  benchmark::AddCustomContext("flags", GLINT_BENCH_FLAGS);
  return true;
}();

}  // namespace bench

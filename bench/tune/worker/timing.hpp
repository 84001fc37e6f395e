// The clock: a Google Benchmark run for each command, measured like any row of the other programs (support/runner.hpp,
// support/roof.hpp).
#pragma once

#include <benchmark/benchmark.h>

#include "support/roof.hpp"
#include "tune/worker/case_bench.hpp"
#include "tune/worker/machine_facts.hpp"

namespace bench::tune {

// Keeps the one run that there is.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override { run_ = runs.at(0); }

  Complaint complaint() const {
    if (run_.error_occurred) return {"refused", run_.error_message};
    return run_.counters.empty() ? Complaint{"not_timed", "the benchmark library ran nothing"} : Complaint{};
  }
  double counter(const char* name) const { return run_.counters.at(name); }

 private:
  Run run_{};
};

inline Collector run_benchmark(const std::string& name, double seconds_of_iteration, double seconds,
                               const std::function<void(benchmark::State&)>& body) {
  const double iterations = std::clamp(seconds / seconds_of_iteration, 1.0, 1000.0);
  benchmark::RegisterBenchmark(name.c_str(), [body](benchmark::State& state) { body(state); })
      ->UseManualTime()
      ->Iterations(static_cast<benchmark::IterationCount>(iterations));
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  return collector;
}

// Reads what is as large as the second-level cache and half of the last.
class Evictor {
 public:
  Evictor() : memory_(static_cast<index_t>((cache_sizes().l2 + cache_sizes().last() / 2) / 8), 1) {}
  void operator()() const { read(bytes_of(memory_)); }

 private:
  Buffer<std::uint64_t> memory_;
};

// So many copies are more than twice the last-level cache, within a gigabyte.  (Those of tiny cases take a few pages
// each, so that fewer will do.)
inline index_t cold_copies(double bytes) {
  constexpr double kMostBytes = 1e9, kMostCopies = 4096;
  const double wanted = std::min(2 * cache_sizes().last() / bytes + 1, kMostCopies);
  return static_cast<index_t>(std::max(1.0, std::min(wanted, kMostBytes / bytes)));
}

}  // namespace bench::tune

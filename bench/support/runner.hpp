// How a row is measured: the machine's peak is probed right before and right after every timed call, so that both meet
// the same clock and the same neighbours, and the medians of many such calls are kept.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "glint/core/status.hpp"
#include "support/probes.hpp"

namespace bench {

enum class Peak { multiply_add, bf16_dot };

struct Work {
  std::function<glint::Status()> run{};
  double useful_flops = 0;
  double scored_flops = 0;  // pairs that must be scored though the mask drops them count too; 0: as useful_flops
  double bytes = 0;         // of all operands, each once
  double workspace = 0;     // bytes
  Peak peak = Peak::multiply_add;
  int threads = 1;

  // Something else, run alternately; its time over ours becomes a counter of this name.
  const char* rival_counter = nullptr;
  std::function<glint::Status()> rival{};
};

inline double median(std::vector<double> list) {
  if (list.empty()) return 0;
  std::sort(list.begin(), list.end());
  const std::size_t middle = list.size() / 2;
  return list.size() % 2 != 0 ? list[middle] : (list[middle - 1] + list[middle]) / 2;
}

namespace detail {

inline constexpr double kBatchSeconds = 5e-3;  // calls are repeated to this length, about that of a probe

// Rough, to plan with.
inline double expected_seconds(double useful_flops) { return std::max(useful_flops / 1e11, kBatchSeconds); }

class Measurement {
 public:
  Measurement(benchmark::State& state, const Work& work) : state_(state), work_(work) {}

  void measure() {
    plan();
    for (auto _ : state_) {
      rival_first_ = !rival_first_;
      const double early = rival_first_ ? seconds_of(work_.rival) : 0;
      const double before = peak();
      const double seconds = seconds_of(work_.run);
      const double ceiling = work_.threads * (before + peak()) / 2;
      const double late = rival_first_ ? 0 : seconds_of(work_.rival);
      if (state_.error_occurred()) break;
      seconds_.push_back(seconds);
      peaks_.push_back(ceiling);
      shares_.push_back(work_.useful_flops / seconds / ceiling);
      ratios_.push_back((early + late) / seconds);
      state_.SetIterationTime(seconds);
    }
    if (!seconds_.empty()) report();
  }

 private:
  // Short calls are repeated within an iteration; long ones need no rehearsal either.
  void plan() {
    if (expected_seconds(work_.useful_flops) > 10 * kBatchSeconds) return;
    for (const auto* run : {&work_.run, &work_.rival}) seconds_of(*run);
    const double once = seconds_of(work_.run);
    calls_ = once > 0 ? std::clamp(static_cast<long>(kBatchSeconds / once), 1L, 10000L) : 1;
  }

  // One thread: its CPU time, without what other processes take from it.  Several: wall time.
  double now() const { return work_.threads == 1 ? thread_seconds() : wall_seconds(); }

  double peak() const { return work_.peak == Peak::bf16_dot ? bf16_dot_flops_per_second() : fma_flops_per_second(); }

  double seconds_of(const std::function<glint::Status()>& run) {
    if (!run) return 0;
    const double start = now();
    for (long i = 0; i < calls_; ++i)
      if (const glint::Status status = run(); !status) state_.SkipWithError(status.rule);
    return (now() - start) / static_cast<double>(calls_);
  }

  void report() {
    auto& counters = state_.counters;
    const double scored = work_.scored_flops > 0 ? work_.scored_flops / work_.useful_flops : 1;
    counters["useful_flops"] = work_.useful_flops / median(seconds_);
    counters["peak_flops"] = median(peaks_);
    counters["share_of_peak"] = median(shares_);
    counters["best_share"] = *std::max_element(shares_.begin(), shares_.end());
    if (scored > 1) counters["scored_share"] = scored * median(shares_);
    if (work_.rival) counters[work_.rival_counter] = median(ratios_);
    counters["bytes"] = work_.bytes;
    counters["workspace_bytes"] = work_.workspace;
    const bool dot = work_.peak == Peak::bf16_dot && has_bf16_dot();
    state_.SetLabel(std::string(glint::name(glint::simd::selected)) + (dot ? " bf16_dot" : " fma"));
  }

  benchmark::State& state_;
  const Work& work_;
  static inline bool rival_first_ = false;  // they take turns, because who goes second may find warmer caches
  long calls_ = 1;
  std::vector<double> seconds_{}, peaks_{}, shares_{}, ratios_{};
};

}  // namespace detail

inline void measure(benchmark::State& state, const Work& work) { detail::Measurement(state, work).measure(); }

// Registers a row.  A repetition of it takes about GLINT_BENCH_SECONDS (0.25), and one call at least.
inline void add_row(const std::string& name, double useful_flops, std::function<void(benchmark::State&)> body) {
  const char* const wish = std::getenv("GLINT_BENCH_SECONDS");
  const double seconds = wish != nullptr ? std::atof(wish) : 0.25;
  const double iterations = std::clamp(seconds / detail::expected_seconds(useful_flops), 1.0, 100.0);
  benchmark::RegisterBenchmark(name.c_str(), [body = std::move(body)](benchmark::State& state) { body(state); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond)
      ->Iterations(static_cast<benchmark::IterationCount>(iterations));
}

}  // namespace bench

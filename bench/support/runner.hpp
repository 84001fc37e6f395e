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

// What a kernel's arithmetic is held against.  half_int8_dot: dot products of 8-bit numbers where an operand has 16
// bits and is taken in two halves.
enum class Peak { multiply_add, bf16_dot, int8_dot, half_int8_dot };

// FLOP/s of one thread, of multiply-adds where the CPU lacks the instruction.
inline double flops_per_second(Peak peak) {
  if (peak == Peak::bf16_dot) return bf16_dot_flops_per_second();
  if (peak == Peak::int8_dot && has_int8_dot()) return int8_dot_flops_per_second();
  if (peak == Peak::half_int8_dot && has_int8_dot()) return int8_dot_flops_per_second() / 2;
  return fma_flops_per_second();
}

// The instruction that it is the peak of, for the labels of rows.
inline const char* name(Peak peak) {
  if (peak == Peak::bf16_dot && has_bf16_dot()) return "bf16_dot";
  const bool bytes = peak == Peak::int8_dot || peak == Peak::half_int8_dot;
  return bytes && has_int8_dot() ? "int8_dot" : "fma";
}

struct Work {
  std::function<glint::Status()> run{};
  double useful_flops = 0;
  double scored_flops = 0;  // pairs that must be scored though the mask drops them count too; 0: as useful_flops
  double bytes = 0;         // of all operands, each once
  double workspace = 0;     // bytes
  Peak peak = Peak::multiply_add;
  int threads = 1;
  std::function<void()> before{};  // before every call, outside the clock

  // Something else, run alternately; its time over ours becomes a counter of this name, or ours over its.
  const char* rival_counter = nullptr;
  std::function<glint::Status()> rival{};
  double rival_flops = 0;  // where it has other work to do: the ratio is of times for one FLOP; 0: as useful_flops
  bool ours_over_rival = false;
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

// Times calls in batches.  One thread: its CPU time, without what other processes take from it.  Several: wall time.
class Stopwatch {
 public:
  using Call = std::function<glint::Status()>;

  Stopwatch(benchmark::State& state, int threads, std::function<void()> before)
      : state_(state), threads_(threads), before_(std::move(before)) {}

  // Short calls are repeated within an iteration; long ones need no rehearsal either.
  void plan(double expected, const Call& run, const Call& rival) {
    if (expected > 10 * kBatchSeconds) return;
    for (const auto* call : {&run, &rival}) seconds_of(*call);
    const double once = seconds_of(run);
    calls_ = once > 0 ? std::clamp(static_cast<long>(kBatchSeconds / once), 1L, 10000L) : 1;
  }

  double seconds_of(const Call& call) {
    if (!call) return 0;
    double seconds = 0, start = now();
    for (long i = 0; i < calls_; ++i) {
      if (before_) {
        seconds += now() - start;
        before_();
        start = now();
      }
      if (const glint::Status status = call(); !status) state_.SkipWithError(status.rule);
    }
    return (seconds + now() - start) / static_cast<double>(calls_);
  }
  long calls() const { return calls_; }

 private:
  double now() const { return threads_ == 1 ? thread_seconds() : wall_seconds(); }

  benchmark::State& state_;
  int threads_;
  std::function<void()> before_;
  long calls_ = 1;
};

class Measurement {
 public:
  Measurement(benchmark::State& state, const Work& work)
      : state_(state), work_(work), watch_(state, work.threads, work.before) {}

  void measure() {
    watch_.plan(expected_seconds(work_.useful_flops), work_.run, work_.rival);
    for (auto _ : state_) {
      rival_first_ = !rival_first_;
      const double early = rival_first_ ? watch_.seconds_of(work_.rival) : 0;
      const double before = flops_per_second(work_.peak);
      const double seconds = watch_.seconds_of(work_.run);
      const double ceiling = work_.threads * (before + flops_per_second(work_.peak)) / 2;
      const double late = rival_first_ ? 0 : watch_.seconds_of(work_.rival);
      if (state_.error_occurred()) break;
      seconds_.push_back(seconds);
      peaks_.push_back(ceiling);
      shares_.push_back(work_.useful_flops / seconds / ceiling);
      ratios_.push_back(ratio(seconds, early + late));
      state_.SetIterationTime(seconds);
    }
    if (!seconds_.empty()) report();
  }

 private:
  double ratio(double seconds, double rival_seconds) const {
    if (work_.rival_flops > 0) rival_seconds *= work_.useful_flops / work_.rival_flops;
    return work_.ours_over_rival ? seconds / rival_seconds : rival_seconds / seconds;
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
    counters["calls"] = static_cast<double>(seconds_.size()) * static_cast<double>(watch_.calls());
    counters["bytes"] = work_.bytes;
    counters["workspace_bytes"] = work_.workspace;
    state_.SetLabel(std::string(glint::name(glint::simd::selected)) + " " + name(work_.peak));
  }

  benchmark::State& state_;
  const Work& work_;
  Stopwatch watch_;
  static inline bool rival_first_ = false;  // they take turns, because who goes second may find warmer caches
  std::vector<double> seconds_{}, peaks_{}, shares_{}, ratios_{};
};

}  // namespace detail

inline void measure(benchmark::State& state, const Work& work) { detail::Measurement(state, work).measure(); }

// Registers a row.  A repetition of it takes about GLINT_BENCH_SECONDS (0.25), and one call at least.
inline double wanted_seconds() {
  const char* const wish = std::getenv("GLINT_BENCH_SECONDS");
  return wish != nullptr ? std::atof(wish) : 0.25;
}
inline void add_timed_row(const std::string& name, double seconds_of_iteration,
                          std::function<void(benchmark::State&)> body) {
  const double iterations = std::clamp(wanted_seconds() / seconds_of_iteration, 1.0, 100.0);
  benchmark::RegisterBenchmark(name.c_str(), [body = std::move(body)](benchmark::State& state) { body(state); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond)
      ->Iterations(static_cast<benchmark::IterationCount>(iterations));
}
inline void add_row(const std::string& name, double useful_flops, std::function<void(benchmark::State&)> body) {
  add_timed_row(name, detail::expected_seconds(useful_flops), std::move(body));
}

}  // namespace bench

// How a memory-bound row is measured.  Two ceilings are probed beside every timed call: how fast the same threads read
// memory, and how fast they calculate.  The lower of the two is the roof: bytes and operations under way at once.
#pragma once

#include "support/read_ceiling.hpp"
#include "support/runner.hpp"

namespace bench {

struct MemoryWork {
  std::function<glint::Status()> run{};
  double bytes = 0;  // that must be read
  double flops = 0;
  double workspace = 0;  // bytes
  Peak peak = Peak::multiply_add;
  int threads = 1;
  std::function<void()> before{};         // before every call, outside the clock
  std::span<const std::byte> resident{};  // what is read lies in a cache, and so does what the read loop reads

  // Something else, run alternately; its time over ours becomes a counter of this name, or ours over its.
  const char* rival_counter = nullptr;
  std::function<glint::Status()> rival{};
  bool ours_over_rival = false;
};

namespace detail {

// Rough, to plan with.
inline double expected_seconds_of_bytes(double bytes) { return std::max(bytes / 2e10, kBatchSeconds); }
inline constexpr double kProbesSeconds = 1.5e-2;

class MemoryMeasurement {
 public:
  MemoryMeasurement(benchmark::State& state, const MemoryWork& work)
      : state_(state), work_(work), watch_(state, work.threads, work.before), reads_(work.threads, work.resident) {}

  void measure() {
    watch_.plan(expected_seconds_of_bytes(work_.bytes), work_.run, work_.rival);
    for (auto _ : state_) {
      rival_first_ = !rival_first_;
      const double early = rival_first_ ? watch_.seconds_of(work_.rival) : 0;
      // The peaks change slowly; the read loop comes right before and right after the call.
      const double multiply_add = work_.threads * fma_flops_per_second();
      const double peak =
          work_.peak == Peak::multiply_add ? multiply_add : work_.threads * flops_per_second(work_.peak);
      const double before = reads_.bytes_per_second();
      const double seconds = watch_.seconds_of(work_.run);
      const double reads = (before + reads_.bytes_per_second()) / 2;
      const double late = rival_first_ ? 0 : watch_.seconds_of(work_.rival);
      if (state_.error_occurred()) break;
      keep(seconds, reads, peak, multiply_add);
      ratios_.push_back(work_.ours_over_rival ? seconds / (early + late) : (early + late) / seconds);
      state_.SetIterationTime(seconds);
    }
    if (!seconds_.empty()) report();
  }

 private:
  void keep(double seconds, double reads, double peak, double multiply_add) {
    const double roof = std::max(work_.bytes / reads, work_.flops / peak);  // seconds that nothing undercuts
    seconds_.push_back(seconds);
    reads_seen_.push_back(reads);
    peaks_.push_back(peak);
    shares_of_read_.push_back(work_.bytes / seconds / reads);
    shares_of_roof_.push_back(roof / seconds);
    shares_of_fma_.push_back(work_.flops / seconds / multiply_add);
  }

  void report() {
    auto& counters = state_.counters;
    counters["bytes_per_second"] = work_.bytes / median(seconds_);
    counters["read_bytes_per_second"] = median(reads_seen_);
    counters["useful_flops"] = work_.flops / median(seconds_);
    counters["peak_flops"] = median(peaks_);
    counters["share_of_read"] = median(shares_of_read_);
    counters["best_share"] = *std::max_element(shares_of_read_.begin(), shares_of_read_.end());
    counters["share_of_roof"] = median(shares_of_roof_);
    counters["best_share_of_roof"] = *std::max_element(shares_of_roof_.begin(), shares_of_roof_.end());
    counters["share_of_fma"] = median(shares_of_fma_);
    if (work_.rival) counters[work_.rival_counter] = median(ratios_);
    counters["calls"] = static_cast<double>(seconds_.size()) * static_cast<double>(watch_.calls());
    counters["bytes"] = work_.bytes;
    counters["workspace_bytes"] = work_.workspace;
    state_.SetLabel(std::string(glint::name(glint::simd::selected)) + " " + name(work_.peak));
  }

  benchmark::State& state_;
  const MemoryWork& work_;
  Stopwatch watch_;
  ReadCeiling reads_;
  static inline bool rival_first_ = false;  // they take turns, because who goes second may find warmer caches
  std::vector<double> seconds_{}, reads_seen_{}, peaks_{}, ratios_{};
  std::vector<double> shares_of_read_{}, shares_of_roof_{}, shares_of_fma_{};
};

}  // namespace detail

inline void measure(benchmark::State& state, const MemoryWork& work) {
  detail::MemoryMeasurement(state, work).measure();
}

// Registers a row, as add_row.
inline void add_memory_row(const std::string& name, double bytes, std::function<void(benchmark::State&)> body) {
  add_timed_row(name, detail::expected_seconds_of_bytes(bytes) + detail::kProbesSeconds, std::move(body));
}

}  // namespace bench

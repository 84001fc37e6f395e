// How far training is: a bar on a terminal, a line now and then elsewhere.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "block.hpp"

namespace train {

class Progress {
 public:
  Progress(Index steps, Index tokens_per_step) : steps_(steps), tokens_per_step_(tokens_per_step) {}

  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  double tokens_per_second(Index done) const { return static_cast<double>(done * tokens_per_step_) / seconds(); }

  // After `done` steps; losses in nats.
  void show(Index done, double loss, double held_out) const {
    const bool last = done == steps_;
    if (!terminal_ && !last && done % ((steps_ + 19) / 20) != 0) return;
    constexpr Index kWidth = 24;
    char bar[kWidth + 1] = {};
    for (Index i = 0; i < kWidth; ++i) bar[i] = i * steps_ < done * kWidth ? '#' : '.';
    const double left = seconds() / static_cast<double>(done) * static_cast<double>(steps_ - done);
    std::fprintf(stderr, "%s[%s] %d of %d  loss %.3f  held out %.3f  %.0f tokens/s  %d s left %s",
                 terminal_ ? "\r" : "", bar, static_cast<int>(done), static_cast<int>(steps_), loss, held_out,
                 tokens_per_second(done), static_cast<int>(left + 0.5), terminal_ && !last ? "" : "\n");
  }

 private:
  Index steps_, tokens_per_step_;
  bool terminal_ = isatty(STDERR_FILENO) != 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace train

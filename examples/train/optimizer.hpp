// AdamW with a learning rate that rises for a moment and then falls along a cosine.
#pragma once

#include <numbers>

#include "forward.hpp"

namespace train {

struct Schedule {
  Index steps = 0;
  float highest = 3e-3F;
  Index warm_up = 50;

  float rate(Index step) const {
    const auto done = [&](Index part, Index whole) { return static_cast<float>(part) / static_cast<float>(whole); };
    if (step < warm_up) return highest * done(step + 1, warm_up);
    const float turn = std::numbers::pi_v<float> * done(step - warm_up, std::max<Index>(steps - warm_up, 1));
    return highest * (0.05F + 0.95F * (1 + std::cos(turn)) / 2);
  }
};

class Optimizer {
 public:
  Optimizer(const Config& config, const Schedule& schedule) : schedule_(schedule), mean_(config), square_(config) {}

  void operator()(const Weights& gradient, Weights& weights, const Workers& workers) {
    const AdamStep step = next_step(gradient, workers);
    workers.for_each(tensors(weights), [&](Index task, Index) {
      const auto i = static_cast<std::size_t>(task);
      AdamStep mine = step;
      if (weights.tensors()[i].rows == 1) mine.decay = 0;  // gains and biases
      adam(mine, gradient.tensors()[i], weights.tensors()[i], mean_.tensors()[i], square_.tensors()[i]);
    });
  }

 private:
  static Index tensors(const Weights& weights) { return static_cast<Index>(weights.tensors().size()); }

  AdamStep next_step(const Weights& gradient, const Workers& workers) {
    constexpr float kLongest = 1, kDecay = 0.1F;
    AdamStep step{.rate = schedule_.rate(steps_++), .decay = kDecay};
    first_power_ *= step.first, second_power_ *= step.second;
    step.first_bias = 1 - first_power_, step.second_bias = 1 - second_power_;
    const float length = static_cast<float>(std::sqrt(squared_length(gradient, workers)));
    if (length > kLongest) step.gradient_scale = kLongest / length;
    return step;
  }

  // Tensor by tensor, then in their order.
  static double squared_length(const Weights& gradient, const Workers& workers) {
    std::vector<double> squares(gradient.tensors().size());
    workers.for_each(tensors(gradient), [&](Index task, Index) {
      const auto i = static_cast<std::size_t>(task);
      squares[i] = squared_norm(gradient.tensors()[i]);
    });
    double sum = 0;
    for (const double square : squares) sum += square;
    return sum;
  }

  Schedule schedule_;
  Index steps_ = 0;
  float first_power_ = 1, second_power_ = 1;
  Weights mean_, square_;
};

}  // namespace train

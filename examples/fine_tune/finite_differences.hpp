// Are gradients true?  The loss is calculated in double, by the oracle, with a weight a little larger and a little
// smaller.
#pragma once

#include "decoder.hpp"
#include "exact_attention.hpp"

namespace fine_tune {

struct Agreement {
  Index weights = 0, tensors = 0;
  double worst = 0;  // difference, relative to the gradient and the root mean square of its tensor's gradients
  std::string where;
};

template <class Tensor>
double root_mean_square(const Tensor& gradient) {
  return gradient.template cast<double>().norm() / std::sqrt(static_cast<double>(gradient.size()));
}

// Of a tensor's weights, the one with the largest gradient and others from all over it.
template <class Tensor>
std::vector<Index> some_weights(const Tensor& gradient, Index count) {
  Index largest = 0;
  for (Index i = 0; i < gradient.size(); ++i)
    if (std::abs(gradient.data()[i]) > std::abs(gradient.data()[largest])) largest = i;
  std::vector<Index> chosen{largest};
  constexpr double kGolden = 0.6180339887498949;  // multiples of it, less their whole parts, spread evenly over 0..1
  for (Index i = 1; i < count; ++i) {
    const double place = static_cast<double>(i) * kGolden;
    chosen.push_back(static_cast<Index>((place - std::floor(place)) * static_cast<double>(gradient.size())));
  }
  return chosen;
}

// Compares `count` weights of every tensor.
inline Agreement with_finite_differences(const Model& gradient, const Model& model, std::span<const int> text,
                                         Index count) {
  constexpr double kStep = 0x1p-16;  // the difference is off by its square, and by 2^-53 divided by it
  const Workers workers(1);
  auto exact = cast<double>(model);
  Decoder<ExactAttention> decoder(exact, workers);
  Agreement agreement;
  const auto slope = [&](double& weight) {
    const double before = weight;
    weight = before + kStep;
    const double above = decoder.loss(text);
    weight = before - kStep;
    const double below = decoder.loss(text);
    weight = before;
    return (above - below) / (2 * kStep);
  };
  const auto compare = [&](const std::string& name, const auto& claimed, auto& weights) {
    if (claimed.size() == 0) return;
    ++agreement.tensors;
    const double usual = root_mean_square(claimed);
    for (const Index i : some_weights(claimed, count)) {
      ++agreement.weights;
      const double true_slope = slope(weights.data()[i]);
      const double error =
          std::abs(static_cast<double>(claimed.data()[i]) - true_slope) / (std::abs(true_slope) + usual);
      if (error <= agreement.worst || std::isnan(agreement.worst)) continue;  // a NaN stays the worst
      agreement.worst = error;
      agreement.where = name + "[" + std::to_string(i) + "]";
    }
  };
  for_each_tensor(compare, gradient, exact);
  return agreement;
}

}  // namespace fine_tune

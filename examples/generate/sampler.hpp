// From scores to a token.
#pragma once

#include <random>

#include "model_file.hpp"

namespace generate {

// The likeliest token, or with a temperature one drawn by probability.
class Sampler {
 public:
  Sampler(float temperature, std::uint64_t seed) : temperature_(temperature), random_(seed) {}

  int operator()(const Vector& scores) {
    Index best = 0;
    const float top = scores.maxCoeff(&best);
    if (temperature_ == 0) return static_cast<int>(best);
    const Vector weights = ((scores.array() - top) / temperature_).exp();
    // 24 bits of the engine, which the standard defines; its distributions it does not.
    float rest = static_cast<float>(random_() >> 40) * 0x1p-24F * weights.sum();
    for (Index i = 0; i < weights.size(); ++i)
      if ((rest -= weights[i]) < 0) return static_cast<int>(i);
    return static_cast<int>(best);
  }

 private:
  float temperature_;
  std::mt19937_64 random_;
};

}  // namespace generate

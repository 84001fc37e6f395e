// The numbers of a GPT-2-style decoder.  Gradients and the averages of the optimizer have the same shape.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>

#include "layers.hpp"

namespace train {

struct Config {
  Index layers = 4;
  Index heads = 4;
  Index width = 128;    // of a token on its way through the layers
  Index context = 128;  // positions
  Index symbols = 0;    // different characters

  Index hidden() const { return 4 * width; }
  Index head_size() const { return width / heads; }
};

struct Layer {
  Norm norm1;
  Linear qkv, project;  // q, k and v of all heads side by side; the heads' outputs back to one row
  Norm norm2;
  Linear expand, contract;
};

class Weights {
 public:
  explicit Weights(const Config& config) : config(config) {
    layers.resize(static_cast<std::size_t>(config.layers));
    size_ = place(nullptr);
    numbers_ = Numbers(size_);
    place(numbers_.data());
  }
  // Blocks point into it.
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;
  Weights(Weights&&) = default;
  Weights& operator=(Weights&&) = default;

  // All of them, in the order of the file.
  const std::vector<Out>& tensors() const { return tensors_; }
  Index size() const { return size_; }

  Config config;
  Out token, position;  // embeddings
  std::vector<Layer> layers;
  Norm last;
  Linear head;

 private:
  // Lays the blocks out from `next`; how many numbers they have.
  Index place(float* next) {
    const Index width = config.width, hidden = config.hidden();
    Index numbers = 0;
    tensors_.clear();
    const auto block = [&](Out& to, Index rows, Index columns) {
      to = {next == nullptr ? nullptr : next + numbers, rows, columns};
      numbers += rows * columns;
      tensors_.push_back(to);
    };
    const auto norm = [&](Norm& to) { block(to.gain, 1, width), block(to.bias, 1, width); };
    const auto linear = [&](Linear& to, Index in, Index out) { block(to.weight, in, out), block(to.bias, 1, out); };
    block(token, config.symbols, width);
    block(position, config.context, width);
    for (Layer& layer : layers) {
      norm(layer.norm1);
      linear(layer.qkv, width, 3 * width);
      linear(layer.project, width, width);
      norm(layer.norm2);
      linear(layer.expand, width, hidden);
      linear(layer.contract, hidden, width);
    }
    norm(last);
    linear(head, width, config.symbols);
    return numbers;
  }

  Numbers numbers_;
  Index size_ = 0;
  std::vector<Out> tensors_;
};

// Positions begin as sines and cosines (Vaswani et al., 2017), wavelengths from 4 positions to the whole context and
// beyond, so that those a step apart are a turn apart from the start.
inline void wave(Out position, float height) {
  const float pairs = static_cast<float>(position.columns / 2);
  for (Index r = 0; r < position.rows; ++r) {
    for (Index c = 0; c < position.columns; ++c) {
      const float frequency = 1.5F * std::pow(static_cast<float>(position.rows), -static_cast<float>(c / 2) / pairs);
      const float angle = static_cast<float>(r) * frequency;
      position.row(r)[c] = height * (c % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
}

// What training begins with, the same on every machine: matrices of small random numbers, gains 1, biases 0.
inline void initialize(Weights& weights, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto fill = [&](Out to, double deviation) {
    const double range = 2 * std::sqrt(3.0) * deviation;  // of a uniform distribution
    for (Index i = 0; i < to.size(); ++i)
      to.data[i] = static_cast<float>(range * (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5));
  };
  const auto ones = [](Out to) { std::fill_n(to.data, to.size(), 1.0F); };
  // What each layer adds to a row shrinks with their number, so that the row does not grow with it.
  const double shrink = 1 / std::sqrt(2.0 * static_cast<double>(weights.config.layers));
  const auto of_inputs = [](const Linear& linear) { return 0.5 / std::sqrt(static_cast<double>(linear.weight.rows)); };
  fill(weights.token, 0.2);
  wave(weights.position, 0.2);
  for (Layer& layer : weights.layers) {
    ones(layer.norm1.gain), ones(layer.norm2.gain);
    for (const Linear* linear : {&layer.qkv, &layer.expand}) fill(linear->weight, of_inputs(*linear));
    for (const Linear* linear : {&layer.project, &layer.contract}) fill(linear->weight, shrink * of_inputs(*linear));
  }
  ones(weights.last.gain);
  fill(weights.head.weight, of_inputs(weights.head));
}

}  // namespace train

// One step of training: a batch forward, its gradient, a step of the optimizer.
#pragma once

#include "attention.hpp"
#include "backward.hpp"
#include "optimizer.hpp"
#include "text.hpp"

namespace train {

struct Recipe {
  Index steps = 4500;
  Index sequences = 4;  // of a batch
  double keep_prob = 0.9;
  std::uint64_t seed = 1;
  Schedule schedule{};
};

class Trainer {
 public:
  Trainer(Weights& weights, const Text& text, const Recipe& recipe, const Workers& workers)
      : weights_(weights),
        gradient_(weights.config),
        text_(text),
        recipe_(recipe),
        workers_(workers),
        activations_(weights.config, recipe.sequences * weights.config.context),
        gradients_(weights.config, recipe.sequences * weights.config.context),
        attention_(weights.config, recipe.sequences, workers),
        optimizer_(weights.config, recipe.schedule),
        random_(recipe.seed) {}

  // The mean loss of the next batch, in nats for each character.
  double step() {
    const Batch batch = text_.draw(recipe_.sequences, random_);
    attention_.dropout(recipe_.keep_prob, random_());
    const double mean = loss(batch);
    gradient(batch);
    optimizer_(gradient_, weights_, workers_);
    return mean;
  }

  // The mean loss of `batches` batches of what is held out, without dropout.
  double held_out(Index batches) {
    attention_.dropout(1, 0);
    const Batch all = text_.held_out(batches * recipe_.sequences);
    const auto size = static_cast<Index>(all.tokens.size()) / batches;
    double sum = 0;
    for (Index i = 0; i < batches; ++i) {
      const auto part = [&](const std::vector<int>& of) {
        return std::vector<int>(of.begin() + i * size, of.begin() + (i + 1) * size);
      };
      sum += loss({part(all.tokens), part(all.targets)});
    }
    return sum / static_cast<double>(batches);
  }

  // What step() does first: leaves the gradient by the scores in their place.
  double loss(const Batch& batch) {
    const auto rows = static_cast<Index>(batch.tokens.size());
    train::forward(weights_, batch.tokens, 0, activations_, workers_,
                   [&](std::size_t layer, In qkv, Out out) { attention_.forward(layer, qkv, out); });
    std::vector<double> losses(batch.tokens.size());
    in_row_blocks(workers_, rows, [&](Index first, Index count) {
      cross_entropy(activations_.scores.middle(first, count), batch.targets.data() + first,
                    1 / static_cast<float>(rows), losses.data() + first);
    });
    double sum = 0;
    for (const double loss : losses) sum += loss;
    return sum / static_cast<double>(rows);
  }
  // And then.
  const Weights& gradient(const Batch& batch) {
    backward(
        weights_, batch.tokens, activations_, gradients_, workers_,
        [&](std::size_t layer, In qkv, Out out, In d_out, Out d_qkv) {
          attention_.backward(layer, qkv, out, d_out, d_qkv);
        },
        gradient_);
    return gradient_;
  }
  Attention& attention() { return attention_; }

 private:
  Weights& weights_;
  Weights gradient_;
  const Text& text_;
  Recipe recipe_;
  const Workers& workers_;
  Activations activations_;
  LayerGradients gradients_;
  Attention attention_;
  Optimizer optimizer_;
  std::mt19937_64 random_;
};

}  // namespace train

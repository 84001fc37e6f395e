// From options to text.
#pragma once

#include <chrono>
#include <functional>
#include <random>

#include "options.hpp"
#include "tokenizer.hpp"
#include "transformer.hpp"

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

struct Timing {
  Index prompt_tokens = 0, new_tokens = 0;  // that went through the model
  double prompt_seconds = 0, new_seconds = 0;
};

struct Callbacks {
  std::function<void(const std::string& text)> text;
  std::function<void(Index position, Index of)> progress;
};

inline Timing generate(const Options& options, const Callbacks& callbacks) {
  const Model model = read_model(options.model);
  const Tokenizer tokenizer(options.tokenizer, model.config.vocab);
  const Index context = model.config.context;
  const Index steps = options.steps.value_or(std::min(context, Index{256}));
  if (steps > context)
    throw Error("--steps is " + std::to_string(steps) + ", the model's context " + std::to_string(context));
  if (model.config.vocab <= Tokenizer::kBegin) throw Error("the vocabulary has no token to begin with");

  std::vector<int> tokens{Tokenizer::kBegin};
  if (options.prompt) {
    // Before the text is looked at, because that takes time quadratic in its length.
    const bool hopeless = options.prompt->size() / tokenizer.longest() > static_cast<std::size_t>(context);
    if (!hopeless) tokens = tokenizer.encode(*options.prompt);
    if (hopeless || static_cast<Index>(tokens.size()) > context)
      throw Error("the prompt is longer than the model's context of " + std::to_string(context) + " tokens");
    if (static_cast<Index>(tokens.size()) > steps)
      throw Error("the prompt has " + std::to_string(tokens.size()) + " tokens; --steps must be at least that many");
    for (std::size_t i = 1; i < tokens.size(); ++i) callbacks.text(tokenizer.decode(tokens[i - 1], tokens[i]));
  }

  const Workers workers(options.threads);
  Transformer transformer(model, options.storage, steps, workers);
  Sampler sample(options.temperature, options.seed);
  Timing timing{.prompt_tokens = static_cast<Index>(tokens.size())};
  const auto timed = [&](const std::vector<int>& next, double& seconds) {
    const auto start = std::chrono::steady_clock::now();
    const int token = sample(transformer(next));
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return token;
  };

  int previous = tokens.back();
  int token = timed(tokens, timing.prompt_seconds);
  // BOS also separates texts: where it comes, this one ends.
  for (Index position = timing.prompt_tokens; token != Tokenizer::kBegin; ++position) {
    callbacks.text(tokenizer.decode(previous, token));
    callbacks.progress(position, steps);
    if (position == steps) break;
    previous = token;
    token = timed({token}, timing.new_seconds);
    ++timing.new_tokens;
  }
  return timing;
}

}  // namespace generate

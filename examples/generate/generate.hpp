// From options to text.
#pragma once

#include <chrono>
#include <functional>

#include "compare.hpp"
#include "options.hpp"
#include "tokenizer.hpp"

namespace generate {

struct Timing {
  Index prompt_tokens = 0, new_tokens = 0;  // that went through the model
  double prompt_seconds = 0, new_seconds = 0;
};

struct Callbacks {
  std::function<void(const std::string& text)> text;
  std::function<void(Index position, Index of)> progress;
};

struct Outcome {
  Timing timing{};
  std::optional<Comparison> comparison{};  // with --compare
  std::string comparison_in_words{};
};

inline Outcome generate(const Options& options, const Callbacks& callbacks) {
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
  std::optional<Reference> reference;
  if (options.compare) reference.emplace(model, steps, workers, sample);
  Timing timing{.prompt_tokens = static_cast<Index>(tokens.size())};
  const auto timed = [&](const std::vector<int>& next, double& seconds) {
    const auto start = std::chrono::steady_clock::now();
    const Vector logits = transformer(next, options.chunk);
    const int token = sample(logits);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (reference) reference->follow(next, logits, token);
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
  Outcome outcome{.timing = timing};
  if (reference) {
    outcome.comparison = reference->comparison();
    outcome.comparison_in_words = in_words(*outcome.comparison, [&](int t) { return tokenizer.decode(-1, t); });
  }
  return outcome;
}

}  // namespace generate

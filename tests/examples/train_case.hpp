// A tiny model and a tiny text for the tests of examples/train.
#pragma once

#include "../../examples/train/options.hpp"
#include "../../examples/train/picture.hpp"
#include "../../examples/train/writer.hpp"
#include "files.hpp"

namespace train_test {

using namespace train;
using namespace example_test;

// 13000 characters.
inline const std::string& tiny_text() {
  static const std::string text = [] {
    std::string text;
    for (int i = 0; text.size() < 13000; ++i) text += i % 3 == 0 ? "the cat sat on the mat. " : "a dog ate the hat; ";
    return text;
  }();
  return text;
}

inline const Alphabet& alphabet() {
  static const Alphabet alphabet = Alphabet::of(tiny_text());
  return alphabet;
}

inline Config tiny() { return {.layers = 2, .heads = 2, .width = 16, .context = 24, .symbols = alphabet().size()}; }

struct Case {
  explicit Case(const Recipe& recipe, int threads = 1, const Config& config = tiny())
      : text(tiny_text(), alphabet(), config.context),
        workers(threads),
        weights(config),
        trainer((initialize(weights, 1), weights), text, recipe, workers) {}

  Text text;
  Workers workers;
  Weights weights;
  Trainer trainer;
};

}  // namespace train_test

// The text to learn from, and batches of it.
#pragma once

#include <random>

#include "alphabet.hpp"

namespace train {

// Tokens, and for each of them the one behind it: sequences of one length, one after the other.
struct Batch {
  std::vector<int> tokens, targets;

  void add(const std::vector<int>& text, Index first, Index length) {
    const auto at = text.begin() + first;
    tokens.insert(tokens.end(), at, at + length);
    targets.insert(targets.end(), at + 1, at + 1 + length);
  }
};

class Text {
 public:
  // Sequences have `length` tokens.
  Text(std::string_view characters, const Alphabet& alphabet, Index length) : length_(length) {
    // Held out are short stretches from everywhere, as the end of a text may be unlike its beginning.
    constexpr std::size_t kStretch = 1 << 12, kHeldOut = 16;
    for (std::size_t i = 0; i < characters.size(); ++i)
      (i / kStretch % kHeldOut == 1 ? held_out_ : training_).push_back(alphabet.token(characters[i]));
    if (size(held_out_) <= length || size(training_) <= length)
      throw Error("the text is too short: it needs more than " + std::to_string(2 * kStretch) + " characters");
  }

  // Sequences from random places; the engine is defined by the standard, its distributions are not.
  Batch draw(Index sequences, std::mt19937_64& random) const {
    Batch batch;
    const auto places = static_cast<std::uint64_t>(size(training_) - length_);
    for (Index i = 0; i < sequences; ++i) batch.add(training_, static_cast<Index>(random() % places), length_);
    return batch;
  }
  // Sequences of what is held out, at equal distances.
  Batch held_out(Index sequences) const {
    Batch batch;
    const Index places = size(held_out_) - length_;
    for (Index i = 0; i < sequences; ++i) batch.add(held_out_, places * i / sequences, length_);
    return batch;
  }

 private:
  static Index size(const std::vector<int>& tokens) { return static_cast<Index>(tokens.size()); }

  Index length_;
  std::vector<int> training_, held_out_;
};

}  // namespace train

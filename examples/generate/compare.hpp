// --compare: the same model with a plain float cache, one step behind, until the two choose different tokens.
#pragma once

#include <optional>

#include "sampler.hpp"
#include "transformer.hpp"

namespace generate {

struct Comparison {
  struct Difference {
    Index position = 0;  // in the text, prompt included; 0 is what it begins with
    int token = 0, reference = 0;
  };

  Index equal_tokens = 0;
  std::optional<Difference> first{};
  float logit_error = 0;  // the largest, up to and with the logits from which the first difference comes
};

class Reference {
 public:
  Reference(const Model& model, Index positions, const Workers& workers, const Sampler& sample)
      : transformer_(model, {}, positions, workers), sample_(sample) {}

  // What the other run was given, how it scored the candidates behind it, and which of them it took.
  void follow(const std::vector<int>& given, const Vector& logits, int token) {
    if (comparison_.first) return;  // from here on the two have different texts before them
    const Vector want = transformer_(given);
    position_ += static_cast<Index>(given.size());
    comparison_.logit_error = std::max(comparison_.logit_error, (logits - want).cwiseAbs().maxCoeff());
    const int reference = sample_(want);
    if (token == reference) {
      ++comparison_.equal_tokens;
    } else {
      comparison_.first = {position_, token, reference};
    }
  }

  const Comparison& comparison() const { return comparison_; }

 private:
  Transformer transformer_;
  Sampler sample_;
  Index position_ = 0;
  Comparison comparison_;
};

// text(token): what the token adds to a text.
template <class Text>
std::string in_words(const Comparison& comparison, const Text& text) {
  const auto quoted = [&](int token) {
    std::string words = "\"";
    for (const char c : text(token)) words += c == '\n' ? std::string("\\n") : std::string(1, c);
    return words + '"';
  };
  char error[32];
  std::snprintf(error, sizeof error, "%.3g", static_cast<double>(comparison.logit_error));
  if (!comparison.first)
    return "all " + std::to_string(comparison.equal_tokens) + " tokens equal, largest logit error: " + error;
  return "first differing token: " + std::to_string(comparison.first->position) + " (" +
         quoted(comparison.first->token) + " instead of " + quoted(comparison.first->reference) +
         "), largest logit error before it: " + error;
}

}  // namespace generate

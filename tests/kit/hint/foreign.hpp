// Foreign results for the tests of hints: the oracle's answer to another question than the one that was asked.
#pragma once

#include <gtest/gtest.h>

#include "kit/bundle/types.hpp"
#include "kit/case/drawn.hpp"
#include "kit/check/check.hpp"

namespace kit::foreign {

using glint_test::Case;
using Edit = std::function<void(Question&)>;

// As a kernel hands its outputs in; statistics and d_sink in float.
inline Results results_of(const Question& question, const Answer& answer) {
  Results results;
  visit_outputs(answer, [&](const std::string& name, const Array& numbers) {
    if (!numbers.present()) return;
    const bool tensor = name == "out" || (name.starts_with("d_") && name != "d_sink");
    results[name] = tensor_of(numbers, tensor ? storage_of(question.out_type) : Type::f32);
  });
  return results;
}

// Less than half of what the contract allows, up and down, added to every element.
inline void add_noise(const Tolerances& tolerances, Answer& result) {
  int turn = 0;
  visit_outputs(result, [&](const std::string& name, Array& numbers) {
    const auto allowed = tolerances.find(name);
    if (allowed == tolerances.end()) return;
    for (std::size_t at = 0; at < numbers.data.size(); ++at)
      numbers.data[at] += 0.4 * allowed->second.data[at] * (turn++ % 3 - 1);
  });
}

inline std::vector<Hint> hints_of(const Question& question, const Results& results, TileSize tile = {}) {
  const Answer answered = answer(question);
  return hints(question, answered, tolerances(question, answered), results, tile);
}

// The hints about a kernel that answers what `edit` makes of the question, with the noise of a float kernel.
inline std::vector<Hint> hints_of_edit(const Question& question, const Edit& edit) {
  Question edited = question;
  edit(edited);
  Answer result = answer(edited);
  if (question.out_type == DType::f32) add_noise(tolerances(edited, result), result);
  return hints_of(question, results_of(question, result));
}

inline std::string ids(const std::vector<Hint>& hints) {
  std::string text;
  for (const Hint& hint : hints) text += (text.empty() ? "" : " ") + hint.id;
  return text;
}

inline std::string first(const std::vector<Hint>& hints) { return hints.empty() ? "none" : hints.front().id; }

// Two entries, four query heads on two: small, with tails everywhere.
inline Case usual(std::uint64_t seed, index_t layout = glint_test::kBnsd) {
  Case c;
  c.seed = seed;
  c.layout = layout;
  c.batch = 2, c.heads = 4, c.kv_heads = 2;
  c.q_len = 19, c.kv_len = 29;
  c.dim = c.value_dim = 12;
  c.scale = 1400;
  return c;
}

inline Question asked(const Case& c, DType dtype = DType::f32, bool gradient = false) {
  return question_of(c, dtype, gradient);
}

}  // namespace kit::foreign

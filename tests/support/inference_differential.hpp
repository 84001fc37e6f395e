// An inference operator in all its forms, both doors, against the oracle.
#pragma once

#include "support/differential.hpp"
#include "support/inference_contract.hpp"

namespace glint_test {

// Doors: DecodeDoors or PromptDoors.
template <class Doors, class Query, class Stored>
std::string check_inference(const InferenceCase& c) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  InferenceData data = inference_data_of(c);
  const AttentionResult want = glint::reference::attention(data.spec);
  const bool two_doors = has_run_time_form(c);
  const auto both = [&](const TestExecutor& executor, const InferenceOutcome* same) -> std::string {
    const InferenceContract contract(c, data, want);
    const InferenceOutcome typed = Doors::template typed<Query, Stored>(c, data, executor);
    if (const std::string wrong = contract.check(typed, -kInfinity); !wrong.empty()) return "typed: " + wrong;
    if (same != nullptr)
      if (const std::string wrong = difference(*same, typed); !wrong.empty()) return "typed, executor: " + wrong;
    if (!two_doors) return {};
    const InferenceOutcome run_time = Doors::run_time(c, data, executor);
    if (const std::string wrong = contract.check(run_time, kInfinity); !wrong.empty()) return "run-time: " + wrong;
    const std::string wrong = difference(typed, run_time);
    return wrong.empty() ? wrong : "run-time and typed: " + wrong;
  };
  if (const std::string wrong = both(TestExecutor{}, nullptr); !wrong.empty()) return wrong;
  Random random(c.seed, 31);
  if (random.chance(8)) {
    const InferenceOutcome before = Doors::template typed<Query, Stored>(c, data, TestExecutor{});
    if (const std::string wrong = both(other_executor(random), &before); !wrong.empty()) return wrong;
  }
  if (!random.chance(6)) return {};
  for (const glint::Isa isa : other_isas()) {
    const WithIsa with(isa);
    if (const std::string wrong = both(TestExecutor{}, nullptr); !wrong.empty())
      return std::string(glint::name(isa)) + ": " + wrong;
  }
  return {};
}

// Generate: generate_decode or generate_prompt.
template <class Doors, class Query, class Stored, class Generate>
void run_inference_cases(std::uint64_t usual_count, index_t op, const Generate& generate) {
  constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
  run_drawn<InferenceCase>(
      usual_count, [&](std::uint64_t seed, std::uint64_t number) { return generate(seed, number, query, cache); },
      [&](const InferenceCase& c) { return c.op == op && c.query == query && c.cache == cache; },
      check_inference<Doors, Query, Stored>);
}

}  // namespace glint_test

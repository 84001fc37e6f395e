// IncreFlashAttention in all its forms, both doors, against the oracle.
#pragma once

#include "support/decode_call.hpp"
#include "support/decode_contract.hpp"
#include "support/decode_generator.hpp"
#include "support/differential.hpp"

namespace glint_test {

template <class Query, class Stored>
std::string check_decode(const DecodeCase& c) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  DecodeData data = decode_data_of(c);
  const AttentionResult want = glint::reference::attention(data.spec);
  const bool two_doors = has_run_time_form(c);
  const auto both = [&](const TestExecutor& executor, const DecodeOutcome* same) -> std::string {
    const DecodeContract contract(c, data, want);
    const DecodeOutcome typed = typed_decode<Query, Stored>(c, data, executor);
    if (const std::string wrong = contract.check(typed, -kInfinity); !wrong.empty()) return "typed: " + wrong;
    if (same != nullptr)
      if (const std::string wrong = difference(*same, typed); !wrong.empty()) return "typed, executor: " + wrong;
    if (!two_doors) return {};
    const DecodeOutcome run_time = run_time_decode(c, data, executor);
    if (const std::string wrong = contract.check(run_time, kInfinity); !wrong.empty()) return "run-time: " + wrong;
    const std::string wrong = difference(typed, run_time);
    return wrong.empty() ? wrong : "run-time and typed: " + wrong;
  };
  if (const std::string wrong = both(TestExecutor{}, nullptr); !wrong.empty()) return wrong;
  Random random(c.seed, 31);
  if (random.chance(8)) {
    const DecodeOutcome before = typed_decode<Query, Stored>(c, data, TestExecutor{});
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

template <class Query, class Stored>
void run_decode_cases(std::uint64_t usual_count) {
  constexpr index_t query = kNumber<Query>, cache = kNumber<Stored>;
  run_drawn<DecodeCase>(
      usual_count, [](std::uint64_t seed, std::uint64_t number) { return generate_decode(seed, number, query, cache); },
      [](const DecodeCase& c) { return c.query == query && c.cache == cache; }, check_decode<Query, Stored>);
}

}  // namespace glint_test

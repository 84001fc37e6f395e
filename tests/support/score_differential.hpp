// FlashAttentionScore, both doors, against the oracle.
#pragma once

#include "support/differential.hpp"
#include "support/score_doors.hpp"

namespace glint_test {

// Where the door writes the statistics of the oracle's row [T][N] (operators 1.1): with "TND" the same, else for each
// sequence a block [N][length].  Dense layouts need no table.
inline std::vector<index_t> statistics_slots(const Case& c, const Lists& lists) {
  std::vector<index_t> slots;
  if (c.layout != kTnd || c.by_token != 0) return slots;
  slots.resize(static_cast<std::size_t>(lists.q_rows * c.heads));
  index_t first = 0;
  const auto block = [&](index_t length) {
    for (index_t i = 0; i < length; ++i)
      for (index_t n = 0; n < c.heads; ++n)
        slots[static_cast<std::size_t>((first + i) * c.heads + n)] = first * c.heads + n * length + i;
    first += length;
  };
  for (const index_t length : lists.q_of) block(length);
  block(lists.q_rows - first);
  return slots;
}

template <class T>
std::string meets_contract(const Case& c, const CaseData<T>& data, const AttentionResult& want, const Outcome<T>& got) {
  if (!got.status) return std::string("rejected: ") + got.status.rule;
  if (!got.damage.empty()) return got.damage;
  const Precision precision = c.inner_precise == 1 ? Precision::performance : Precision::high;
  const ContractCheck check(data.spec, want, print(c), precision);
  const std::string wrong = check.output<T>(got.out.data());
  if (!wrong.empty()) return wrong;
  const auto from = [](const std::vector<float>& stat) { return stat.empty() ? nullptr : stat.data(); };
  return check.statistics<T>({from(got.max), from(got.sum), from(got.lse), c.repeat,
                              -std::numeric_limits<double>::infinity(), statistics_slots(c, data.lists)});
}

template <class T>
std::string check_score(const Case& c) {
  const CaseData<T> data = data_of<T>(c);
  const AttentionResult want = glint::reference::attention(data.spec);
  const Outcome<T> run_time = run_time_score(c, data, TestExecutor{});
  if (const std::string wrong = meets_contract(c, data, want, run_time); !wrong.empty()) return "run-time: " + wrong;
  const bool has_typed = typed_score_applies(c);
  if (has_typed) {
    const Outcome<T> typed = typed_score(c, data, TestExecutor{});
    if (const std::string wrong = difference(run_time, typed); !wrong.empty()) return "typed: " + wrong;
    if (const std::string wrong = meets_contract(c, data, want, typed); !wrong.empty()) return "typed: " + wrong;
  }
  Random random(c.seed, 31);
  if (random.chance(6)) {
    const TestExecutor executor = other_executor(random);
    const Outcome<T> again = run_time_score(c, data, executor);
    if (const std::string wrong = difference(run_time, again); !wrong.empty()) return "executor: " + wrong;
    if (has_typed)
      if (const std::string wrong = difference(run_time, typed_score(c, data, executor)); !wrong.empty())
        return "executor, typed: " + wrong;
  }
  if (!random.chance(6)) return {};
  for (const glint::Isa isa : other_isas()) {
    const WithIsa with(isa);
    const Outcome<T> other = run_time_score(c, data, TestExecutor{});
    if (const std::string wrong = meets_contract(c, data, want, other); !wrong.empty())
      return std::string(glint::name(isa)) + ": " + wrong;
    if (has_typed)
      if (const std::string wrong = difference(other, typed_score(c, data, TestExecutor{})); !wrong.empty())
        return std::string(glint::name(isa)) + ", typed: " + wrong;
  }
  return {};
}

}  // namespace glint_test

// PromptFlashAttention and IncreFlashAttention, both doors, against the oracle.
#pragma once

#include "support/differential.hpp"
#include "support/inference_doors.hpp"

namespace glint_test {

// At the run-time door a row that sees nothing has lse +inf, at the typed one -inf.
enum class Door { run_time, typed };

template <class T>
std::string inference_contract(const Case& c, const CaseData<T>& data, const AttentionResult& want,
                               const Outcome<T>& got, Door door) {
  if (!got.status) return std::string("rejected: ") + got.status.rule;
  if (!got.damage.empty()) return got.damage;
  const bool fast = c.inner_precise % 2 == 1;
  const ContractCheck check(data.spec, want, print(c), fast ? Precision::performance : Precision::high);
  if (const std::string wrong = check.output<T>(got.out.data()); !wrong.empty()) return wrong;
  if (got.lse.empty()) return {};
  Statistics lse;
  lse.lse = got.lse.data();
  lse.empty_lse = door == Door::run_time ? glint::reference::infinity : -glint::reference::infinity;
  return check.statistics<T>(lse);
}

// The lse of the two doors differ in sign where it is infinite, and nowhere else.
template <class T>
std::string inference_difference(const Outcome<T>& run_time, Outcome<T> typed) {
  if (const std::string wrong = difference(run_time, typed); !wrong.empty()) return wrong;
  for (float& value : typed.lse)
    if (value == -std::numeric_limits<float>::infinity()) value = -value;
  return same_bits(run_time.lse, typed.lse) ? "" : "softmax_lse differs";
}

template <class T>
std::string check_inference(const Case& c) {
  CaseData<T> data = data_of<T>(c);
  if (c.op == kPrompt && c.mode >= 2) data.spec.implied_mask = true;  // this door knows no mode 2 to 4 without a mask
  const AttentionResult want = glint::reference::attention(data.spec);
  const Outcome<T> run_time = run_time_inference(c, data, TestExecutor{});
  if (const std::string wrong = inference_contract(c, data, want, run_time, Door::run_time); !wrong.empty())
    return "run-time: " + wrong;
  const Outcome<T> typed = typed_inference(c, data, TestExecutor{});
  if (const std::string wrong = inference_difference(run_time, typed); !wrong.empty()) return "typed: " + wrong;
  if (const std::string wrong = inference_contract(c, data, want, typed, Door::typed); !wrong.empty())
    return "typed: " + wrong;
  Random random(c.seed, 31);
  if (random.chance(6)) {
    const TestExecutor executor = other_executor(random);
    const Outcome<T> again = run_time_inference(c, data, executor);
    if (const std::string wrong = inference_difference(run_time, again); !wrong.empty()) return "executor: " + wrong;
    if (const std::string wrong = inference_difference(run_time, typed_inference(c, data, executor)); !wrong.empty())
      return "executor, typed: " + wrong;
  }
  if (!random.chance(6)) return {};
  for (const glint::Isa isa : other_isas()) {
    const WithIsa with(isa);
    const Outcome<T> other = run_time_inference(c, data, TestExecutor{});
    if (const std::string wrong = inference_contract(c, data, want, other, Door::run_time); !wrong.empty())
      return std::string(glint::name(isa)) + ": " + wrong;
    if (const std::string wrong = inference_difference(other, typed_inference(c, data, TestExecutor{})); !wrong.empty())
      return std::string(glint::name(isa)) + ", typed: " + wrong;
  }
  return {};
}

}  // namespace glint_test

// FlashAttentionScoreGrad's own results pass the checker, and where a number is moved about its tolerance, the checker
// says what support/score_grad_contract.hpp says.
#include "kit/check/door_results.hpp"
#include "support/score_grad_differential.hpp"

namespace kit {
namespace {

using glint_test::Case;
using glint_test::Random;

template <class T>
Results results_of(const Answer& want, const glint_test::Gradients<T>& got) {
  const Type type = storage_of(glint::dtype_of<T>);
  Results results;
  results["d_query"] = tensor_from(got.d_q, type, want.gradient.d_query.shape);
  results["d_key"] = tensor_from(got.d_k, type, want.gradient.d_key.shape);
  results["d_value"] = tensor_from(got.d_v, type, want.gradient.d_value.shape);
  if (!got.d_pse.empty()) results["d_pse"] = tensor_from(got.d_pse, type, want.gradient.d_pse.shape);
  if (!got.d_sink.empty()) results["d_sink"] = tensor_from(got.d_sink, Type::f32, want.gradient.d_sink.shape);
  return results;
}

template <class T>
void move_one(Random& random, const Tolerances& allowed, const Answer& want, glint_test::Gradients<T>& got) {
  const double times = random.pick(0.8, 0.9, 0.97, 1.03, 1.1, 1.2) * (random.chance(50) ? -1 : 1);
  const auto move = [&](auto& numbers, const Array& wanted, const char* name) {
    if (numbers.empty()) return;
    const index_t at = random.below(static_cast<index_t>(numbers.size()));
    const auto moved = static_cast<float>(wanted.flat(at) + times * allowed.at(name).flat(at));
    using Stored = std::remove_reference_t<decltype(numbers[0])>;
    numbers[static_cast<std::size_t>(at)] = glint::from_float<Stored>(moved);
  };
  switch (random.below(5)) {
    case 0: return move(got.d_q, want.gradient.d_query, "d_query");
    case 1: return move(got.d_k, want.gradient.d_key, "d_key");
    case 2: return move(got.d_v, want.gradient.d_value, "d_value");
    case 3: return move(got.d_pse, want.gradient.d_pse, "d_pse");
    default: return move(got.d_sink, want.gradient.d_sink, "d_sink");
  }
}

struct Tally {
  int verdicts = 0, wrong = 0;
};

template <class T>
std::string agrees(const Case& c, Tally& tally) {
  const glint_test::CaseData<T> data = glint_test::data_of<T>(c);
  const glint_test::GradientInput<T> input{glint_test::d_out_of(c, data), glint_test::forward_of(c, data)};
  const Question question = question_of(c, glint::dtype_of<T>, true);
  const Answer want = answer(question);
  const Tolerances allowed = tolerances(question, want);
  const Bundle bundle = to_bundle(question, want, allowed);
  const auto gradients = glint_test::run_time_gradient(c, data, input, glint_test::TestExecutor{});
  if (std::string wrong = wrong_in(bundle, results_of(want, gradients)); !wrong.empty()) return wrong;
  glint_test::GradientCheck<T> meets_contract(c, data, input.d_out);
  Random random(c.seed, 92);
  for (int move = 0; move < 8; ++move) {
    auto other = gradients;
    move_one(random, allowed, want, other);
    const std::string theirs = meets_contract(other), ours = wrong_in(bundle, results_of(want, other));
    ++tally.verdicts, tally.wrong += ours.empty() ? 0 : 1;
    if (theirs.empty() != ours.empty()) return "contract: " + theirs + "\ncheck: " + ours;
  }
  return {};
}

template <class T>
void run(int cases) {
  Tally tally;
  for (int number = 0; number < cases; ++number) {
    const Case c = glint_test::with_statistics(glint_test::generate(20261123, static_cast<std::uint64_t>(number)));
    ASSERT_EQ(agrees<T>(c, tally), "") << print(c);
  }
  EXPECT_GT(tally.wrong, tally.verdicts / 10);
  EXPECT_LT(tally.wrong, tally.verdicts * 9 / 10);
}

TEST(CheckAgreesWithTheContract, GradientF32) { run<float>(150); }
TEST(CheckAgreesWithTheContract, GradientF16) { run<glint::half>(150); }
TEST(CheckAgreesWithTheContract, GradientBf16) { run<glint::bfloat16>(150); }

}  // namespace
}  // namespace kit

// FlashAttentionScore's own results pass the checker, and where a number is moved about its tolerance, the checker says
// what support/contract.hpp says.
#include "kit/check/door_results.hpp"

namespace kit {
namespace {

using glint_test::Case;
using glint_test::Random;

// One number of an output, moved by about its tolerance.  Statistics are in the door's order and have `repeat` copies.
template <class T>
void move_one(Random& random, const Case& c, const Tolerances& allowed, const Answer& want,
              const std::vector<index_t>& slots, glint_test::Outcome<T>& got) {
  const double times = random.pick(0.8, 0.9, 0.97, 1.03, 1.1, 1.2) * (random.chance(50) ? -1 : 1);
  const auto moved = [&](const Array& number, const char* name, index_t at) {
    return static_cast<float>(number.flat(at) + times * allowed.at(name).flat(at));
  };
  const index_t kind = random.below(4);
  const auto statistic = [&](std::vector<float>& values, const Array& number, const char* name, index_t copies) {
    if (values.empty() || number.size() == 0) return;
    const index_t row = random.below(number.size());
    const index_t slot = slots.empty() || copies == 0 ? row : slots[static_cast<std::size_t>(row)];
    const index_t repeat = std::max<index_t>(1, copies);
    values[static_cast<std::size_t>(slot * repeat + random.below(repeat))] = moved(number, name, row);
  };
  if (kind == 1) return statistic(got.max, want.forward.softmax_max, "softmax_max", c.repeat);
  if (kind == 2) return statistic(got.sum, want.forward.softmax_sum, "softmax_sum", c.repeat);
  if (kind == 3) return statistic(got.lse, want.forward.lse, "lse", 0);
  if (got.out.empty()) return;
  const index_t at = random.below(static_cast<index_t>(got.out.size()));
  got.out[static_cast<std::size_t>(at)] = glint::from_float<T>(moved(want.forward.out, "out", at));
}

struct Tally {
  int verdicts = 0, wrong = 0;
};

template <class T>
std::string agrees(const Case& c, Tally& tally) {
  const glint_test::CaseData<T> data = glint_test::data_of<T>(c);
  const Question question = question_of(c, glint::dtype_of<T>, false);
  const Answer want = answer(question);
  const Tolerances allowed = tolerances(question, want);
  const Bundle bundle = to_bundle(question, want, allowed);
  const auto outcome = glint_test::run_time_score(c, data, glint_test::TestExecutor{});
  if (std::string wrong = wrong_in(bundle, results_of(c, data.lists, want, outcome)); !wrong.empty()) return wrong;
  Random random(c.seed, 91);
  for (int move = 0; move < 8; ++move) {
    auto other = outcome;
    move_one(random, c, allowed, want, glint_test::statistics_slots(c, data.lists), other);
    const std::string theirs = glint_test::meets_contract(c, data, want.forward, other);
    const std::string ours = wrong_in(bundle, results_of(c, data.lists, want, other));
    ++tally.verdicts, tally.wrong += ours.empty() ? 0 : 1;
    if (theirs.empty() != ours.empty()) return "contract: " + theirs + "\ncheck: " + ours;
  }
  return {};
}

template <class T>
void run(int cases) {
  Tally tally;
  for (int number = 0; number < cases; ++number) {
    const Case c = glint_test::generate(20261122, static_cast<std::uint64_t>(number));
    ASSERT_EQ(agrees<T>(c, tally), "") << print(c);
  }
  EXPECT_GT(tally.wrong, tally.verdicts / 10);
  EXPECT_LT(tally.wrong, tally.verdicts * 9 / 10);
}

TEST(CheckAgreesWithTheContract, ScoreF32) { run<float>(400); }
TEST(CheckAgreesWithTheContract, ScoreF16) { run<glint::half>(400); }
TEST(CheckAgreesWithTheContract, ScoreBf16) { run<glint::bfloat16>(400); }

}  // namespace
}  // namespace kit

// The inference operators' own results pass the checker, and where a number is moved about its tolerance, the checker
// says what support/inference_contract.hpp says.  Not compared, because they are not the same:
//   a row with a sink      the checker has contract.hpp's A for out and lse alike
//   int8 output            a bundle allows the same distance on both sides
//   a causal draft         is a prompt to the oracle, and has a prompt's lse
//   tolerances below 1e-30 the underflow of P, to which pages that nobody needs add
#include "kit/check/door_results.hpp"
#include "support/decode_doors.hpp"
#include "support/decode_generator.hpp"
#include "support/inference_contract.hpp"
#include "support/prompt_doors.hpp"
#include "support/prompt_generator.hpp"

namespace kit {
namespace {

using glint_test::InferenceCase;
using glint_test::Random;

void move_one(Random& random, const InferenceCase& c, const Tolerances& allowed, const Answer& want,
              glint_test::InferenceOutcome& got) {
  const double times = random.pick(0.8, 0.9, 0.97, 1.03, 1.1, 1.2) * (random.chance(50) ? -1 : 1);
  const Array &out = want.forward.out, &lse = want.forward.lse;
  if (!got.lse.empty() && random.chance(30)) {
    const index_t row = random.below(lse.size());
    got.lse[static_cast<std::size_t>(row)] = static_cast<float>(lse.flat(row) + times * allowed.at("lse").flat(row));
  } else if (out.size() > 0 && c.post == glint_test::kPostNone) {
    const index_t at = random.below(out.size());
    if (const double tolerance = allowed.at("out").flat(at); tolerance > 0 && tolerance < 1e-30) return;
    glint_test::store_number(got.out.data(), glint_test::out_type(c), at,
                             out.flat(at) + times * allowed.at("out").flat(at));
  }
}

struct Tally {
  int verdicts = 0, wrong = 0;
};

// `contract` rounds P only where the CPU has the instruction for it, and never beside a rope part in prefill.
Question as_computed(const InferenceCase& c) {
  Question question = question_of(c);
  const bool pairs = c.op == glint_test::kIncre || c.rope == 0;
  question.rounds_p = question.rounds_p && pairs && glint::simd::bf16_dot();
  return question;
}

template <class Doors>
std::string agrees(const InferenceCase& c, Tally& tally) {
  if (!glint_test::has_run_time_form(c)) return {};
  glint_test::InferenceData data = glint_test::inference_data_of(c);
  const Question question = as_computed(c);
  const Answer want = answer(question);
  const Tolerances allowed = tolerances(question, want);
  const Bundle bundle = to_bundle(question, want, allowed);
  const auto outcome = Doors::run_time(c, data, glint_test::TestExecutor{});
  if (std::string wrong = wrong_in(bundle, results_of(c, want, outcome)); !wrong.empty()) return wrong;
  if (c.sink != glint_test::kSinkNone || c.draft == glint_test::kDraftCausal) return {};
  const glint_test::InferenceContract contract(c, data, want.forward);
  Random random(c.seed, 93);
  for (int move = 0; move < 8; ++move) {
    auto other = outcome;
    move_one(random, c, allowed, want, other);
    const std::string theirs = contract.check(other, std::numeric_limits<double>::infinity());
    const std::string ours = wrong_in(bundle, results_of(c, want, other));
    ++tally.verdicts, tally.wrong += ours.empty() ? 0 : 1;
    if (theirs.empty() != ours.empty()) return "contract: " + theirs + "\ncheck: " + ours;
  }
  return {};
}

template <class Doors, class Generate>
void run(int cases, const Generate& generate, std::initializer_list<std::pair<index_t, index_t>> types) {
  Tally tally;
  for (const auto& [query, cache] : types)
    for (int number = 0; number < cases; ++number) {
      const InferenceCase c = generate(20261124, static_cast<std::uint64_t>(number), query, cache);
      ASSERT_EQ(agrees<Doors>(c, tally), "") << print(c);
    }
  EXPECT_GT(tally.wrong, tally.verdicts / 20);
  EXPECT_LT(tally.wrong, tally.verdicts * 9 / 10);
}

using glint_test::kBf16, glint_test::kF16, glint_test::kF32, glint_test::kInt4, glint_test::kInt8;

TEST(CheckAgreesWithTheContract, Decode) {
  run<glint_test::DecodeDoors>(120, glint_test::generate_decode,
                               {{kF32, kF32}, {kF16, kF16}, {kBf16, kBf16}, {kF16, kInt8}, {kBf16, kInt4}});
}
TEST(CheckAgreesWithTheContract, Prompt) {
  run<glint_test::PromptDoors>(
      120, glint_test::generate_prompt,
      {{kF32, kF32}, {kF16, kF16}, {kBf16, kBf16}, {kF16, kInt8}, {kBf16, kInt4}, {kInt8, kInt8}});
}

}  // namespace
}  // namespace kit

// PromptFlashAttention of int8 queries, keys and values multiplied as integers (operators 4.1): random cases in every
// form, through both doors, against the oracle, which rounds at the same places.
#include "support/prompt_differential.hpp"

namespace glint_test {
namespace {

TEST(PromptDifferential, Int8) {
  run_prompt_cases<std::int8_t, std::int8_t>(10000);
  const Int8Tally& tally = int8_tally();
  std::fprintf(stderr,
               "  of %lld outputs %lld differ from the oracle's, %lld by more than one unit in the last place\n",
               static_cast<long long>(tally.outputs), static_cast<long long>(tally.different),
               static_cast<long long>(tally.far));
  EXPECT_LE(10000 * tally.different, tally.outputs);
}

}  // namespace
}  // namespace glint_test

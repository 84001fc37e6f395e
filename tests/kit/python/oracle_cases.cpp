// Writes drawn cases of all operators, with the float64 oracle's answers, as bundles FOLDER/NUMBER.safetensors: what
// the independent oracle in oracle/ is compared with.  Every third case is changed by oracle_variations.hpp; the note
// "case" of such a bundle is its case line and the names of the changes.
//   oracle_cases FOLDER SEED COUNT
#include <cstdio>
#include <cstdlib>

#include "kit/bundle/bundle.hpp"
#include "kit/case/question_of.hpp"
#include "kit/python/oracle_variations.hpp"
#include "support/case_generator.hpp"

namespace {

using glint_test::Random;
using kit::Question;

// The last 1024 rows of a bias, which are rarely drawn because they are large.
kit::CaseLine compressed_case(std::uint64_t seed, std::uint64_t number) {
  Random random(seed, number);
  for (;;) {
    glint_test::Case c = glint_test::generate(seed, random.word());
    glint_test::detail::make_compressed_pse(random, c);
    c.gradient = number % 2 == 0 ? 1 : 0;
    if (legal(c)) return c;
  }
}

Question draw(std::uint64_t seed, std::uint64_t number) {
  constexpr const char* kOps[] = {"fwd", "bwd", "prompt", "incre"};
  if (number % 400 == 0) return kit::question_of(compressed_case(seed, number / 400));
  return kit::question_of(kit::draw_case(kOps[number % 4], seed, number / 4));
}

// Every case of the run must be quick.
bool is_small(const Question& question) {
  return question.spec.query.size() + question.spec.key.size() + question.spec.value.size() < 100'000;
}

std::string write(const std::string& folder, std::uint64_t seed, std::uint64_t count) {
  std::uint64_t written = 0;
  for (std::uint64_t number = 0; written < count; ++number) {
    Question question = draw(seed, number);
    if (!is_small(question)) continue;
    question.spec.keep_probabilities = number % 5 == 2 && !kit::variation::is_int8(question.spec);
    Random random(seed, number);
    if (number % 3 == 0) kit::variation::vary(random, question);
    const std::string path = folder + "/" + std::to_string(written++) + ".safetensors";
    const std::string error = write_safetensors(path, to_bundle(question, answer(question), {}));
    if (!error.empty()) return error;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "oracle_cases FOLDER SEED COUNT\n");
    return 2;
  }
  const std::string error = write(argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10));
  if (!error.empty()) std::fprintf(stderr, "%s\n", error.c_str());
  return error.empty() ? 0 : 1;
}

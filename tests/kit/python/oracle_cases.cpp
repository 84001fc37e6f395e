// Writes drawn cases of all operators, with the float64 oracle's answers, as bundles FOLDER/NUMBER.safetensors: what
// the independent oracle in oracle/ is compared with.
// Every third case is changed by oracle_variations.hpp.
//   oracle_cases FOLDER SEED COUNT
#include <cstdio>
#include <cstdlib>

#include "kit/bundle/bundle.hpp"
#include "kit/case/drawn.hpp"
#include "kit/python/oracle_variations.hpp"
#include "support/case_generator.hpp"
#include "support/decode_generator.hpp"
#include "support/prompt_generator.hpp"

namespace {

using glint_test::Random;
using kit::DType;
using kit::index_t;
using kit::Question;

// The types of query and cache that inference takes.
struct Pair {
  index_t query, cache;
};
constexpr Pair kPairs[] = {{glint_test::kF32, glint_test::kF32},   {glint_test::kF16, glint_test::kF16},
                           {glint_test::kBf16, glint_test::kBf16}, {glint_test::kF16, glint_test::kInt8},
                           {glint_test::kBf16, glint_test::kInt8}, {glint_test::kF16, glint_test::kInt4},
                           {glint_test::kF32, glint_test::kInt8},  {glint_test::kInt8, glint_test::kInt8}};

constexpr Pair pair_of(std::uint64_t number) { return kPairs[number % std::size(kPairs)]; }

// The last 1024 rows of a bias, which are rarely drawn because they are large.
glint_test::Case compressed_case(std::uint64_t seed, std::uint64_t number) {
  Random random(seed, number);
  for (;;) {
    glint_test::Case c = glint_test::generate(seed, random.word());
    glint_test::detail::make_compressed_pse(random, c);
    if (legal(c)) return c;
  }
}

Question score_case(std::uint64_t seed, std::uint64_t number, bool gradient) {
  constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};
  const bool compressed = number % 400 < 2;
  const glint_test::Case c = compressed ? compressed_case(seed, number) : glint_test::generate(seed, number);
  Question question = kit::question_of(c, kTypes[number % 3], gradient);
  question.line = glint_test::print(c);
  return question;
}

Question inference_case(const glint_test::InferenceCase& c) {
  Question question = kit::question_of(c);
  question.line = glint_test::print(c);
  return question;
}

Question draw(std::uint64_t seed, std::uint64_t number) {
  const std::uint64_t of_kind = number / 4;
  const Pair pair = pair_of(of_kind);
  switch (number % 4) {
    case 0: return score_case(seed, number, false);
    case 1: return score_case(seed, number, true);
    case 2: return inference_case(glint_test::generate_prompt(seed, of_kind, pair.query, pair.cache));
    default:
      const Pair floats = pair_of(of_kind % (std::size(kPairs) - 1));  // incre has no int8 queries
      return inference_case(glint_test::generate_decode(seed, of_kind, floats.query, floats.cache));
  }
}

// What the oracle works on: every case of the run must be quick.
bool is_small(const Question& question) {
  return question.spec.query.size() + question.spec.key.size() + question.spec.value.size() < 100'000;
}

std::string write(const std::string& folder, std::uint64_t seed, std::uint64_t count) {
  std::uint64_t written = 0;
  for (std::uint64_t number = 0; written < count; ++number) {
    Question question = draw(seed, number);
    if (!is_small(question)) continue;
    question.spec.keep_probabilities = number % 5 == 0 && !kit::variation::is_int8(question.spec);
    Random random(seed + 1, number);
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

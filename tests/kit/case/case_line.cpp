// The four operators' case lines, each as its table of keys says.
#include "kit/case/case_line.hpp"

#include "support/case_generator.hpp"
#include "support/decode_generator.hpp"
#include "support/inference_line.hpp"
#include "support/prompt_generator.hpp"
#include "support/score_line.hpp"

namespace kit {

namespace {

using glint_test::Case;
using glint_test::index_t;
using glint_test::InferenceCase;
using glint_test::Word;

// The operators among fwd, bwd, prompt and incre that have a key.
template <class C>
std::string operators_with(std::string_view name, std::initializer_list<std::string_view> ops) {
  std::string all;
  for (const auto& key : glint_test::keys_of(C{})) {
    if (key.name != name) continue;
    for (const std::string_view op : ops)
      if (key.ops[0] == '\0' || op == key.ops) all += " op=" + std::string(op);
  }
  return all;
}

// A key of another operator is said to be one: its name is right.
std::string foreign_key(std::string_view line) {
  std::vector<Word> words;
  if (!glint_test::detail::split(line, words).empty()) return {};
  const std::string_view op = glint_test::detail::find_word(words, "op");
  for (const Word& word : words) {
    const std::string all =
        operators_with<Case>(word.key, {"fwd", "bwd"}) + operators_with<InferenceCase>(word.key, {"prompt", "incre"});
    const std::string here = " op=" + std::string(op);
    if (!all.empty() && (all + " ").find(here + " ") == all.npos)
      return std::string(word.key) + ": not a key of" + here + ", but of" + all;
  }
  return {};
}

template <class C>
ParsedLine parse_as(std::string_view line) {
  C c;
  std::string error = glint_test::parse(line, c);
  return {std::move(c), std::move(error)};
}

struct Types {
  index_t query, cache;
};

}  // namespace

ParsedLine parse_case(std::string_view line) {
  const bool inference = glint_test::speaks_of<InferenceCase>(line), score = glint_test::speaks_of<Case>(line);
  if (inference != score)
    if (std::string foreign = foreign_key(line); !foreign.empty()) return {{}, std::move(foreign)};
  return inference && !score ? parse_as<InferenceCase>(line) : parse_as<Case>(line);  // without op=: everybody's
}

std::string canonical_line(const CaseLine& c) {
  return std::visit([](const auto& each) { return glint_test::print(each); }, c);
}

CaseLine draw_case(std::string_view op, std::uint64_t seed, std::uint64_t number) {
  using namespace glint_test;
  constexpr Types kTypes[] = {{kF32, kF32},  {kF16, kF16},  {kBf16, kBf16}, {kF32, kF16},
                              {kF32, kBf16}, {kF32, kInt8}, {kF16, kInt8},  {kBf16, kInt8},
                              {kF32, kInt4}, {kF16, kInt4}, {kBf16, kInt4}, {kInt8, kInt8}};
  if (op == "prompt") return generate_prompt(seed, number, kTypes[number % 12].query, kTypes[number % 12].cache);
  if (op == "incre") return generate_decode(seed, number, kTypes[number % 11].query, kTypes[number % 11].cache);
  Case c = generate(seed, number);
  c.gradient = op == "bwd" ? 1 : 0;
  c.dtype = static_cast<index_t>(number % 3);
  return c;
}

}  // namespace kit

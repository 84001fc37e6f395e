// Bundles whose parameters somebody has changed, and a result that is wrong: from_bundle refuses them, or the search
// for hints gets through them.  Worth most under the sanitizers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kit/case/case_line.hpp"
#include "kit/case/question_of.hpp"
#include "kit/check/check.hpp"
#include "support/random.hpp"

namespace kit {
namespace {

using glint_test::Random;
using nlohmann::json;

index_t odd_number(Random& random) {
  constexpr index_t kHuge = index_t{1} << 62;
  if (random.chance(70)) return random.between(-3, 60);
  return random.pick<index_t>(1024, 2147483647, index_t{1} << 31, index_t{1} << 40, kHuge, -kHuge, 2 * (kHuge - 1) + 1,
                              std::numeric_limits<index_t>::min());
}

// Every number, switch and list of numbers in the tree.
void collect(json& node, std::vector<json*>& leaves) {
  if (node.is_number() || node.is_boolean()) leaves.push_back(&node);
  if (node.is_array()) leaves.push_back(&node);
  if (node.is_structured())
    for (json& child : node) collect(child, leaves);
}

void change(Random& random, json& leaf) {
  if (leaf.is_boolean()) {
    leaf = !leaf.get<bool>();
  } else if (leaf.is_number_float()) {
    leaf = random.pick<double>(0, -1, 1e300, 1e-300, 0.5);
  } else if (leaf.is_number()) {
    leaf = odd_number(random);
  } else if (random.chance(50) && !leaf.empty()) {
    leaf.erase(leaf.size() - 1);
  } else {
    leaf.push_back(odd_number(random));
  }
}

bool is_small(const Question& question) {
  return question.spec.query.size() + question.spec.key.size() + question.spec.value.size() < 20'000;
}

// Half of the numbers of out and of every gradient are wrong.
Results spoiled(Random& random, const Answer& answer) {
  Results results;
  visit_outputs(answer, [&](const std::string& name, Array output) {
    if (!output.present()) return;
    for (double& number : output.data)
      if (random.chance(50)) number = 2 * number + 1;
    results[name] = tensor_of(output, Type::f32);
  });
  return results;
}

TEST(HostileParameters, AreRefusedOrSearched) {
  constexpr const char* kOps[] = {"fwd", "bwd", "prompt", "incre"};
  int refused = 0, searched = 0;
  for (std::uint64_t number = 0; number < 600; ++number) {
    const Question question = question_of(draw_case(kOps[number % 4], 20261122, number));
    if (!is_small(question)) continue;
    Random random(number, 91);
    const Answer right = answer(question);
    Bundle bundle = to_bundle(question, right, tolerances(question, right));
    json parameters = json::parse(bundle.notes["parameters"]);
    std::vector<json*> leaves;
    collect(parameters, leaves);
    change(random, *leaves[static_cast<std::size_t>(random.below(static_cast<index_t>(leaves.size())))]);
    bundle.notes["parameters"] = parameters.dump();
    Question changed;
    (from_bundle(bundle, changed).empty() ? searched : refused) += 1;
    EXPECT_FALSE(text(check(bundle, spoiled(random, right), {})).empty()) << question.line << '\n' << parameters;
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(searched, 50);
}

}  // namespace
}  // namespace kit

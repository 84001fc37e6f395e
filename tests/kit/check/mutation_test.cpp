// One element of each output of many cases, moved a little beyond its tolerance and a little within it: the first is
// found at its place, the second passes.
#include <gtest/gtest.h>

#include <algorithm>

#include "kit/case/drawn.hpp"
#include "kit/check/check.hpp"
#include "support/case_generator.hpp"
#include "support/decode_generator.hpp"
#include "support/prompt_generator.hpp"

namespace kit {
namespace {

using glint_test::Random;

// (b, n, i, d) of an element, from the layout's order of axes alone.
Place decode(const std::string& layout, const std::vector<index_t>& shape, index_t heads, index_t flat) {
  Place place{flat};
  auto take = [rest = flat](index_t extent) mutable {
    const index_t index = rest % extent;
    rest /= extent;
    return index;
  };
  const bool folded = layout == "BSH" || layout == "SBH";
  place.d = take(folded ? shape.back() / heads : shape.back());
  if (layout == "BNSD") {
    place.i = take(shape[2]), place.n = take(shape[1]), place.b = take(shape[0]);
  } else if (layout == "SBH") {
    place.n = take(heads), place.b = take(shape[1]), place.i = take(shape[0]);
  } else if (layout == "TND") {
    place.n = take(shape[1]), place.i = take(shape[0]);
  } else {
    place.n = take(heads), place.i = take(shape[1]), place.b = take(shape[0]);
  }
  return place;
}

// The row of a packed tensor as a row of its sequence; behind the last, of one more.
void into_sequence(const std::vector<index_t>& ends, Place& place) {
  const auto end = std::find_if(ends.begin(), ends.end(), [&](index_t to) { return to > place.i; });
  place.b = end - ends.begin();
  if (end != ends.begin()) place.i -= *std::max_element(ends.begin(), end);
}

Place place_of(const Question& question, const std::string& name, const Array& output, index_t flat) {
  const AttentionCase& spec = question.spec;
  if (name == "d_sink") return {flat, 0, flat, 0, 0};
  if (name == "d_pse") return decode("BNSD", output.shape, 0, flat);
  const bool statistic = name == "lse" || name.starts_with("softmax");
  const bool of_keys = name.starts_with("d_key") || name == "d_value", packed = spec.layout == "TND";
  std::string layout = glint::reference::input_layout(spec.layout);
  if (name == "out") layout = glint::reference::output_layout(spec.layout);
  std::vector<index_t> shape = output.shape;
  if (statistic) shape.push_back(1), layout = packed ? "TND" : "BNSD";
  Place place = decode(layout, shape, of_keys ? spec.kv_head_num : spec.head_num, flat);
  if (packed) into_sequence(of_keys ? spec.actual_seq_kvlen : spec.actual_seq_qlen, place);
  return place;
}

// A number `times` its tolerance off (which has a sign here), or the nearest other number where there is none.
double moved(double want, double tolerance, double times) {
  if (!std::isfinite(want)) return times > 1 ? 0 : want;
  if (tolerance != 0) return want + tolerance * times;
  return times > 1 ? std::nextafter(want, 1e308) : want;
}

struct Tally {
  index_t outputs = 0;
};

void mutate(const Question& question, Random& random, Tally& tally) {
  const Answer want = answer(question);
  const Tolerances allowed = tolerances(question, want);
  const Bundle bundle = to_bundle(question, want, allowed);
  CheckOptions options;
  options.hints = false;
  visit_outputs(want, [&](const std::string& name, const Array& output) {
    if (output.size() == 0) return;
    const index_t at = random.below(output.size());
    const double tolerance = allowed.at(name).flat(at), sign = random.chance(50) ? -1 : 1;
    if (question.out_type == DType::i8 && std::isnan(output.flat(at))) return;
    if (std::isinf(tolerance)) return;
    Array other = output;
    const auto report = [&](double times) {
      other.flat(at) = moved(output.flat(at), tolerance * sign, times);
      return check(bundle, {{name, tensor_of(other, Type::f64)}}, options).outputs.at(0);
    };
    const OutputReport within = report(0.99), beyond = report(1.01);
    EXPECT_TRUE(within.pass()) << name << " at " << at;
    EXPECT_EQ(beyond.failing, 1) << name << " at " << at;
    EXPECT_EQ(beyond.worst.flat, at) << name;
    ++tally.outputs;
    if (name == "d_pse" && output.rank() != 4) return;
    const Place place = place_of(question, name, output, at);
    const auto all = [](const Place& p) { return std::vector<index_t>{p.b, p.n, p.i, p.d}; };
    EXPECT_EQ(all(beyond.worst), all(place)) << name << " at " << at;
    EXPECT_EQ(all(beyond.first), all(place)) << name << " at " << at;
  });
}

constexpr DType kNumbers[] = {DType::f32, DType::f16, DType::bf16};

// run(question) for `count` cases that `draw` makes.
template <class Draw>
void run(int count, const Draw& draw) {
  Tally tally;
  for (int number = 0; number < count && !testing::Test::HasFailure(); ++number) {
    Random random(static_cast<std::uint64_t>(number), 95);
    const auto c = draw(static_cast<std::uint64_t>(number));
    mutate(c.first, random, tally);
    if (testing::Test::HasFailure()) std::fprintf(stderr, "%s\n", c.second.c_str());
  }
  EXPECT_GT(tally.outputs, 2 * count);
}

TEST(CheckFindsOneElement, Score) {
  run(900, [](std::uint64_t number) {
    const glint_test::Case c = glint_test::generate(77, number);
    return std::pair(question_of(c, kNumbers[number % 3], false), print(c));
  });
}

TEST(CheckFindsOneElement, Gradient) {
  run(300, [](std::uint64_t number) {
    const glint_test::Case c = glint_test::generate(78, number);
    return std::pair(question_of(c, kNumbers[number % 3], true), print(c));
  });
}

TEST(CheckFindsOneElement, Inference) {
  using namespace glint_test;
  constexpr std::pair<index_t, index_t> kTypes[] = {{kF32, kF32}, {kF16, kF16}, {kBf16, kInt8}, {kF16, kInt4}};
  run(400, [&](std::uint64_t number) {
    const auto [query, cache] = kTypes[number / 2 % 4];
    const InferenceCase c =
        number % 2 == 0 ? generate_decode(79, number, query, cache) : generate_prompt(79, number, query, cache);
    return std::pair(question_of(c), print(c));
  });
  run(100, [](std::uint64_t number) {
    const InferenceCase c = generate_prompt(80, number, kInt8, kInt8);
    return std::pair(question_of(c), print(c));
  });
}

}  // namespace
}  // namespace kit

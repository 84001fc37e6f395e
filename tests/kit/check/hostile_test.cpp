// Bundles and results of any shape, type and list, most of them nonsense: the checker says something and does not
// crash. Worth most under the sanitizers.
#include <gtest/gtest.h>

#include "kit/check/made.hpp"
#include "support/random.hpp"

namespace kit {
namespace {

using glint_test::Random;

constexpr const char* kOutputs[] = {"out",     "lse",   "softmax_max", "softmax_sum", "d_query", "d_key",
                                    "d_value", "d_pse", "d_sink",      "d_key_rope",  "nothing"};
constexpr const char* kLayouts[] = {"BSH", "SBH", "BNSD", "BSND", "TND", "NTD", "BNSD_NBSD", "BNSD_BSND", "NBSD", "Q"};
constexpr index_t kHuge = index_t{1} << 62;

std::vector<index_t> some_shape(Random& random) {
  std::vector<index_t> shape;
  index_t elements = 1;
  for (index_t rank = random.below(6); rank > 0; --rank) {
    shape.push_back(random.pick<index_t>(0, 1, 1, 2, 2, 3, 4, 5, 6, 8));
    elements *= shape.back();
  }
  if (elements == 0 && random.chance(30)) shape.push_back(random.chance(50) ? kHuge : index_t{1} << 40);
  return shape;
}

std::vector<index_t> some_list(Random& random) {
  std::vector<index_t> list;
  for (index_t count = random.below(5); count > 0; --count)
    list.push_back(random.chance(8) ? random.pick<index_t>(-1, -kHuge, kHuge) : random.below(7));
  return list;
}

index_t some_count(Random& random) { return random.chance(10) ? random.pick<index_t>(0, -1, kHuge) : random.below(5); }

Tensor some_tensor(Random& random, Type type, const std::vector<index_t>& shape) {
  Tensor tensor{type, shape, {}};
  tensor.bytes.resize(static_cast<std::size_t>(elements_of(shape).value_or(0)) * bytes_of(type));
  for (std::byte& byte : tensor.bytes) byte = static_cast<std::byte>(random.below(256));
  if (!tensor.bytes.empty() && random.chance(5)) tensor.bytes.pop_back();
  return tensor;
}

TEST(HostileBundle, IsAnsweredInWords) {
  constexpr Type kTypes[] = {Type::f64, Type::f32, Type::f16, Type::bf16, Type::u16, Type::i8, Type::boolean};
  index_t compared = 0;
  for (std::uint64_t number = 0; number < 4000; ++number) {
    Random random(number, 1);
    Bundle bundle = made_bundle(kLayouts[random.below(10)], some_count(random), some_count(random), some_list(random),
                                some_list(random));
    Results results;
    for (index_t count = random.below(4); count > 0; --count) {
      const std::string name = kOutputs[random.below(11)];
      const std::vector<index_t> shape = some_shape(random);
      bundle.tensors[name] = some_tensor(random, random.chance(95) ? Type::f64 : Type::f32, shape);
      bundle.tensors[name + ".tolerance"] =
          some_tensor(random, Type::f32, random.chance(95) ? shape : some_shape(random));
      results[name] = some_tensor(random, kTypes[random.below(7)], random.chance(70) ? shape : some_shape(random));
    }
    CheckOptions options;
    if (random.chance(30)) options.layout = kLayouts[random.below(10)];
    if (random.chance(30)) options.poison = random.pick(0.0, -1e300, std::numeric_limits<double>::quiet_NaN());
    options.tile = {random.pick<index_t>(0, -1, 2, kHuge), random.pick<index_t>(0, -1, 2, kHuge)};
    const Report report = checked(bundle, results, options);
    EXPECT_FALSE(text(report).empty());
    EXPECT_FALSE(json(report).empty());
    for (const OutputReport& output : report.outputs) compared += output.elements > 0 ? 1 : 0;
  }
  EXPECT_GT(compared, 100);
}

TEST(HostileBundle, WithoutNotesOrWithOthers) {
  for (const char* parameters : {"", "{", "[]", "null", "{\"layout\": 3}", "{\"layout\": \"\", \"head_num\": -7}"}) {
    Bundle bundle;
    put(bundle, "out", {1, 2, 3, 4});
    bundle.notes["parameters"] = parameters;
    const Report report = checked(bundle, {{"out", filled(Type::f32, {1, 2, 3, 4}, 0.5F)}});
    EXPECT_FALSE(text(report).empty());
  }
}

}  // namespace
}  // namespace kit

// A sum is added in the same order whatever register block holds it: same bits.
#include "support/block_recipes.hpp"

namespace glint_test {
namespace {

template <class Element, class Recipe>
std::vector<Element> forward() {
  using Operands = BlockOperands<Element>;
  Operands in;
  EXPECT_TRUE(static_cast<bool>(
      glint::FlashAttentionScore<glint::layout::BNSD, Element, Operands::kMode, Recipe>{}(in.problem())));
  return in.out;
}
template <class Element, class... Recipes>
void expect_same_forward() {
  const std::vector<Element> want = forward<Element, glint::recipe::BuiltIn>();
  (expect_equal_bits(forward<Element, Recipes>(), want, __PRETTY_FUNCTION__), ...);
}

TEST(RegisterBlock, Floats) { expect_same_forward<float, Blocked<1, 1>, Blocked<5, 4>, Blocked<12, 2>>(); }
TEST(RegisterBlock, Bfloat16) { expect_same_forward<glint::bfloat16, Blocked<3, 2>, Blocked<16, 1>>(); }

// Queries, keys and values of int8.
template <class Recipe>
std::vector<glint::half> prompt() {
  glint::Shape shape{.batch = 1, .heads = 2, .q_len = 90, .kv_len = 140, .head_dim = 45};
  const auto bytes = [&](glint::index_t rows, std::uint64_t seed) {
    std::vector<std::int8_t> list(static_cast<std::size_t>(shape.heads * rows * shape.head_dim));
    Random random(seed);
    for (std::int8_t& number : list) number = static_cast<std::int8_t>(random.between(-127, 127));
    return list;
  };
  const auto q = bytes(shape.q_len, 1), k = bytes(shape.kv_len, 2), v = bytes(shape.kv_len, 3);
  std::vector<glint::half> out(q.size());
  glint::PromptProblem<std::int8_t> p{.q = q.data(), .out = out.data(), .shape = shape, .scale = 0.1F};
  p.kv = {.k = k.data(), .v = v.data()};
  p.int8 = {.dequant1 = 1e-4F, .quant1 = 127, .dequant2 = 1e-4F};
  const glint::PromptFlashAttention<glint::layout::BNSD, std::int8_t, glint::SparseMode::default_mask,
                                    glint::kv::Contiguous<std::int8_t>, Recipe>
      attend;
  const glint::Status status = attend(p);
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule;
  return out;
}
TEST(RegisterBlock, Bytes) {
  const std::vector<glint::half> want = prompt<glint::recipe::BuiltIn>();
  expect_equal_bits(prompt<Blocked<8, 2>>(), want, "8 x 2");
}

}  // namespace
}  // namespace glint_test

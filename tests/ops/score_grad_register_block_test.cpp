// The gradient's sums, too, are added in the same order whatever register block holds them.
#include "support/block_recipes.hpp"

namespace glint_test {
namespace {

template <class Element>
struct Gradients {
  std::vector<Element> q, k, v;
};

template <class Element, class Recipe>
Gradients<Element> gradients() {
  using Operands = BlockOperands<Element>;
  Operands in;
  std::vector<float> max(static_cast<std::size_t>(in.shape.heads * in.shape.q_len)), sum = max;
  Gradients<Element> got{in.q, in.k, in.v};
  const std::vector<Element> d_out = in.out;
  glint::ScoreGradProblem<Element> p{.forward = in.problem()};
  p.forward.softmax_max = max.data(), p.forward.softmax_sum = sum.data();
  EXPECT_TRUE(
      static_cast<bool>(glint::FlashAttentionScore<glint::layout::BNSD, Element, Operands::kMode>{}(p.forward)));
  p.d_out = d_out.data(), p.d_q = got.q.data(), p.d_k = got.k.data(), p.d_v = got.v.data();
  EXPECT_TRUE(
      static_cast<bool>(glint::FlashAttentionScoreGrad<glint::layout::BNSD, Element, Operands::kMode, Recipe>{}(p)));
  return got;
}
template <class Element, class Recipe>
void expect_same_gradients() {
  const auto got = gradients<Element, Recipe>(), want = gradients<Element, glint::recipe::BuiltIn>();
  expect_equal_bits(got.q, want.q, "d_q");
  expect_equal_bits(got.k, want.k, "d_k");
  expect_equal_bits(got.v, want.v, "d_v");
}

TEST(RegisterBlock, Floats) {
  expect_same_gradients<float, Blocked<3, 2>>();
  expect_same_gradients<float, Blocked<16, 1>>();
}
TEST(RegisterBlock, Bfloat16) { expect_same_gradients<glint::bfloat16, Blocked<12, 2>>(); }

}  // namespace
}  // namespace glint_test

// Recipes that differ from the built-in one by a register block alone, and the operands on which their bits are
// compared.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "glint/glint.hpp"
#include "support/random.hpp"

namespace glint_test {

template <class BuiltIn, class Block>
using WithBlock = glint::Tile<static_cast<int>(BuiltIn::rows), static_cast<int>(BuiltIn::columns),
                              static_cast<int>(BuiltIn::shared), Block>;

template <int MR, int NV>
struct Blocked : glint::recipe::BuiltIn {
  using Block = glint::RegisterBlock<MR, NV>;
  template <class Element>
  using tile = WithBlock<glint::recipe::BuiltIn::tile<Element>, Block>;
  template <class Element>
  using gradient_tile = WithBlock<glint::recipe::BuiltIn::gradient_tile<Element>, Block>;
};

// A causal problem with a shape that no block divides.
template <class Element>
struct BlockOperands {
  static constexpr auto kMode = glint::SparseMode::right_down_causal;
  glint::Shape shape{.batch = 1, .heads = 2, .q_len = 151, .kv_len = 211, .head_dim = 45, .value_dim = 27};
  std::vector<Element> q = numbers(shape.q_len * 45, 1), k = numbers(shape.kv_len * 45, 2),
                       v = numbers(shape.kv_len * 27, 3), out = numbers(shape.q_len * 27, 4);

  glint::ScoreProblem<Element> problem() {
    return {.q = q.data(), .k = k.data(), .v = v.data(), .out = out.data(), .shape = shape, .scale = 0.15F};
  }

 private:
  std::vector<Element> numbers(glint::index_t count, std::uint64_t seed) const {
    std::vector<Element> list(static_cast<std::size_t>(shape.heads * count));
    Random random(seed);
    for (Element& number : list) number = glint::from_float<Element>(static_cast<float>(random.normal()));
    return list;
  }
};

template <class Element>
void expect_equal_bits(const std::vector<Element>& got, const std::vector<Element>& want, const char* what) {
  ASSERT_EQ(got.size(), want.size());
  EXPECT_EQ(std::memcmp(got.data(), want.data(), got.size() * sizeof(Element)), 0) << what;
}

}  // namespace glint_test

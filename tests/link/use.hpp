// A little of everything that the library compiles, in an unnamed namespace: each unit that includes this has its own
// copy of the calls, and shares with the others only what glint itself lets the linker merge.
#pragma once

#include <cmath>
#include <vector>

#include "plain_headers.hpp"

namespace {

constexpr glint::Shape kUseShape{.batch = 1, .heads = 2, .kv_heads = 1, .q_len = 70, .kv_len = 70, .head_dim = 20};

// Averages of equal values are that value, whatever the weights: no oracle is needed to see that the right code ran.
template <class Attend, class Problem, class Element>
int use_operator(Problem p, const std::vector<Element>& values, float expected) {
  std::vector<Element> out(values.size());
  p.out = out.data();
  if (!Attend()(p)) return 1;
  for (glint::index_t i = 0; i < p.shape.heads * p.shape.q_len * p.shape.head_dim; ++i)
    if (std::abs(glint::to_float(out[static_cast<std::size_t>(i)]) - expected) > 0.01F) return 1;
  return 0;
}

template <class Element>
int use_operators() {
  const auto one = glint::from_float<Element>(1.5F);
  const std::vector<Element> values(static_cast<std::size_t>(2 * 70 * 20), one);
  const Element* const data = values.data();
  glint::Shape step = kUseShape;
  step.q_len = 1;
  return use_operator<glint::FlashAttentionScore<glint::layout::BSND, Element, glint::SparseMode::right_down_causal>>(
             glint::ScoreProblem<Element>{.q = data, .k = data, .v = data, .shape = kUseShape, .scale = 0.1F}, values,
             1.5F) +
         use_operator<glint::IncreFlashAttention<glint::layout::BNSD, Element>>(
             glint::IncreProblem<Element>{.q = data, .kv = {.k = data, .v = data}, .shape = step, .scale = 0.1F},
             values, 1.5F);
}

int use_glint() {
  char text[64];
  return use_operators<float>() + use_operators<glint::bfloat16>() +
         (glint::format(glint::Status::ok(), text, sizeof text) == 2 ? 0 : 1);
}

}  // namespace

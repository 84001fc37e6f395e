// A mask, and the recipe that brings it, as a user would write them: what the tests of user policies share.
#pragma once

#include "glint/ops/sparse_mode.hpp"
#include "glint/policy/recipe.hpp"
#include "support/metamorphic.hpp"

namespace metamorphic {

// Documents packed into one sequence: a token sees its own document, causally.
inline constexpr index_t kStarts[] = {0, 40, 41, 110};
inline index_t start_of(index_t token) {
  index_t start = 0;
  for (const index_t at : kStarts) start = at <= token ? at : start;
  return start;
}
struct DocumentCausal {
  index_t nq = 0, nk = 0;

  bool visible(index_t q, index_t k) const { return start_of(q) <= k && k <= q; }
  glint::Interval keys(index_t q0, index_t q1) const { return {start_of(q0), q1 < nk ? q1 : nk}; }
  glint::Interval queries(index_t k0, index_t) const { return {k0, nq}; }
  glint::Cover cover(glint::Box box) const {
    if (box.k0 > box.q1 - 1 || box.k1 - 1 < start_of(box.q0)) return glint::Cover::none;
    return start_of(box.q1 - 1) <= box.k0 && box.k1 - 1 <= box.q0 ? glint::Cover::full : glint::Cover::partial;
  }
};
struct DocumentMasks {
  DocumentCausal operator()(glint::HeadIndex at) const { return {at.q_len, at.kv_len}; }
};
struct Documents : glint::recipe::Default {
  using masks = DocumentMasks;
};

}  // namespace metamorphic

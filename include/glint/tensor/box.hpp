// Half-open ranges of rows and rectangles of the score matrix: the vocabulary that masks and kernels share.
#pragma once

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct Interval {
  index_t lo = 0;
  index_t hi = 0;

  constexpr bool empty() const { return lo >= hi; }
  constexpr index_t size() const { return hi > lo ? hi - lo : 0; }
  friend constexpr bool operator==(const Interval&, const Interval&) = default;
};

constexpr Interval intersect(Interval a, Interval b) { return {a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi}; }

// Query rows [q0, q1) against keys [k0, k1), both local to one (batch, head).
struct Box {
  index_t q0 = 0, q1 = 0, k0 = 0, k1 = 0;
};

// What a mask says about a box.  `partial` is always a legal answer; the other two are promises.
enum class Cover { none, partial, full };

}  // namespace GLINT_ABI
}  // namespace glint

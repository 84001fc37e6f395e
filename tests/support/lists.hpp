// Lists of lengths and ends, and token counts, as every operator has them.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "glint/core/config.hpp"

namespace glint_test {

using glint::index_t;

enum LengthList : index_t { kLengthsNone, kLengthsOne, kLengthsEach };

// Rows never number 2^40: beyond it a token count is as good as infinite, and sums with it do not overflow.
inline index_t near(index_t tokens) { return std::clamp<index_t>(tokens, -(index_t{1} << 40), index_t{1} << 40); }

// Cumulative ends, and the lengths again as the list tells them (a zero tail empties the last entry).
inline std::vector<index_t> ends_of(std::vector<index_t>& lengths, bool zero_tail) {
  std::vector<index_t> ends(lengths.size());
  std::partial_sum(lengths.begin(), lengths.end(), ends.begin());
  const std::size_t last = lengths.size() - 1;
  if (zero_tail && last > 0 && ends[last - 1] > 0) lengths[last] = ends[last] = 0;
  return ends;
}

}  // namespace glint_test

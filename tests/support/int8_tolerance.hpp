// How far the answer of an int8 query (operators 4.1 and 12.17) may be from the oracle's.
//
// Scores, and sums of integers, are exact in both.  What differs is exp, float here and double there, and sums of its
// results.  Where p lies on an edge of its roundings, one integer P of a row differs by 1 (two in one row: once in a
// hundred thousand rows), and the half that its block becomes by one unit in the last place more; where the sum l lies
// on an edge, it differs by one unit of half; and then the quotient is rounded.  So
//
//   |o - want| <= 2^-10 |want| (of l) + 2^-10 |want| (of o) + 128 |ds2| / l (of P) + 2^-10 W (of its block) + 2^-22
//
// Nearly all numbers are the same: how many are not is counted.
#pragma once

#include "support/inference_outcome.hpp"

namespace glint_test {

using glint::reference::AttentionResult;

inline double int8_tolerance(const InferenceData& data, const AttentionResult& want, index_t row, index_t at,
                             double number) {
  const double quantum = 128 * std::abs(static_cast<double>(data.dequant2)) / want.softmax_sum.flat(row);
  return 2 * 0x1p-10 * std::abs(number) + quantum + 0x1p-10 * want.weighted_abs_v.flat(at) + 0x1p-22;
}

struct Int8Tally {
  index_t outputs = 0, different = 0, far = 0;  // far: by more than one unit in the last place
};
inline Int8Tally& int8_tally() {
  static Int8Tally tally;
  return tally;
}
inline void count_difference(bool different, bool far) {
  Int8Tally& tally = int8_tally();
  ++tally.outputs;
  tally.different += different ? 1 : 0;
  tally.far += far ? 1 : 0;
}

}  // namespace glint_test

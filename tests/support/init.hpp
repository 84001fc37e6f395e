// init= of a case line: how the numbers of query, key and value are chosen.
//   normal   mean + spread * N(0,1): element i of a tensor is word i of its stream (Random::normal), so that another
//            program draws the same.  Streams: query 1, key 2, value 3 (entry t of a list: 100 t more)
//   uniform  mean + spread * U[-1,1), again word i for element i
//   poison   normal, with NaN in every key and value that no row sees
//   huge     normal times 100 for query and key, times 10000 for value; in float16 query and key reach 60000
//   ties     query whole numbers from -2 to 2, key all ones: the scores of a row are equal
//   onehot   key j scores at least 256 j times some power of two: the softmax is 1 in one place, and the output is a
//            row of value
//   empty    normal, where every other sequence has no keys (numbers.hpp)
#pragma once

#include <cmath>
#include <string>

#include "glint/reference/layout.hpp"
#include "support/numbers.hpp"
#include "support/random.hpp"

namespace glint_test {

enum class Role { query, key, value, other };

// The next number of a tensor.
inline double draw_number(index_t init, Role role, DType dtype, Random& random, double spread, double mean) {
  if (role == Role::other) return mean + spread * random.normal();
  if (init == kUniform) return mean + spread * (2 * random.fraction() - 1);
  if (init == kTies && role == Role::query) return static_cast<double>(random.between(-2, 2));
  if (init == kTies && role == Role::key) return 1;
  if (init != kHuge) return mean + spread * random.normal();
  if (role == Role::value) return 1e4 * random.normal();
  const double number = random.normal();
  // Normal numbers beyond 2 are about one in twenty.
  if (dtype == DType::f16 && std::abs(number) > 2) return std::copysign(6e4, number);
  return 100 * number;
}

// onehot: row j of key holds j in two digits, query the same number in both places.

// A power of two, such that the scores of neighbouring keys are at least 256 apart: biases move them by less.
inline double one_hot_step(double scale) {
  return scale == 0 ? 0 : std::copysign(std::exp2(std::ceil(std::log2(256 / std::abs(scale)))), scale);
}

// `rows`: of all keys in one tensor.
inline std::string one_hot_error(double step, index_t dim, index_t dtype, index_t rows) {
  constexpr double kLargest[] = {1e30, 32768, 1e30};
  if (step == 0) return "init: got onehot, which needs a scale other than 0";
  if (std::abs(step) > kLargest[dtype]) return "init: got onehot, for which the scale is too small";
  const index_t most = dim == 1 ? 256 : 65280;  // 8 bits in one number, in every type
  if (rows > most) return "init: got onehot, which needs at most " + std::to_string(most) + " keys in all for this d";
  return {};
}

// put(position, number) for every number of query, and of keys whose rows are numbered from `first`.
template <class Put>
void one_hot_query(const glint::reference::Extent& e, const char* layout, double step, const Put& put) {
  for (index_t b = 0; b < e.batch; ++b)
    for (index_t n = 0; n < e.heads; ++n)
      for (index_t i = 0; i < e.rows; ++i)
        for (index_t d = 0; d < e.width; ++d)
          put(glint::reference::row_position(e, layout, b, n, i) + d, d < 2 ? step : 0);
}

template <class Put>
void one_hot_keys(const glint::reference::Extent& e, const char* layout, index_t first, const Put& put) {
  for (index_t b = 0; b < e.batch; ++b)
    for (index_t n = 0; n < e.heads; ++n)
      for (index_t i = 0; i < e.rows; ++i)
        for (index_t d = 0; d < e.width; ++d) {
          const index_t number = first + b * e.rows + i, low = e.width == 1 ? number : number % 256;
          const index_t digit = d == 0 ? low : d == 1 ? number - low : 0;
          put(glint::reference::row_position(e, layout, b, n, i) + d, static_cast<double>(digit));
        }
}

}  // namespace glint_test

// Pieces of the tolerances: how the sentence of the error contract becomes a number.
#pragma once

#include "kit/check/check.hpp"
#include "support/contract.hpp"

namespace kit::detail {

struct Unit {
  double relative = 0, tiny = 0;  // half an ulp of a storage type, and the same in its subnormal range
};
Unit unit_of(DType type);

// u |want| + tiny + lost + (C 2^-24 (1 + A) + r) W, of one element.
struct Terms {
  Unit unit;
  double lost = 0;       // to underflow
  double roundings = 0;  // r
};
inline double allowance(const Terms& terms, double want, double weight, double scores) {
  return terms.unit.relative * std::abs(want) + terms.unit.tiny + terms.lost +
         (glint_test::kContract * 0x1p-24 * (1 + scores) + terms.roundings) * weight;
}

// As a bundle holds it: a float, rounded up.  NaN where the answer itself has no number, which becomes 0.
double rounded_up(double tolerance);

// The largest magnitude; NaN, which nothing reads, aside.
inline double largest_of(const Array& tensor) {
  double most = 0;
  for (const double value : tensor.data) most = std::fmax(most, std::abs(value));
  return most;
}

void add_gradient_tolerances(const Question& question, const Answer& answer, Tolerances& all);

}  // namespace kit::detail

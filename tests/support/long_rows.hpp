// Rows of attention over very many keys with V far from zero and P nearly uniform, the worst case for sums: calculated
// in double, and judged by the error contract.
#pragma once

#include <cmath>

#include "support/differential.hpp"

namespace glint_test {

struct LongRow {
  std::vector<double> out, weight;
  double lse = 0, scores = 0;  // scores: A of the contract
};

// A row q(d) over key(j, d) and value(j, d), j below `keys`.
template <class Query, class Key, class Value>
LongRow row_in_double(index_t keys, index_t dim, double scale, const Query& q, const Key& key, const Value& value) {
  LongRow row{std::vector<double>(static_cast<std::size_t>(dim)), std::vector<double>(static_cast<std::size_t>(dim))};
  std::vector<double> score;
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  for (index_t j = 0; j < keys; ++j) {
    double product = 0, absolute = 0;
    for (index_t d = 0; d < dim; ++d) product += q(d) * key(j, d), absolute += std::abs(q(d) * key(j, d));
    score.push_back(scale * product);
    max = std::max(max, score.back());
    row.scores = std::max(row.scores, scale * absolute);
  }
  for (index_t j = 0; j < keys; ++j) {
    const double p = std::exp(score[static_cast<std::size_t>(j)] - max);
    sum += p;
    for (index_t d = 0; d < dim; ++d) {
      row.out[static_cast<std::size_t>(d)] += p * value(j, d);
      row.weight[static_cast<std::size_t>(d)] += p * std::abs(value(j, d));
    }
  }
  for (double& number : row.out) number /= sum;
  for (double& number : row.weight) number /= sum;
  row.lse = max + std::log(sum);
  return row;
}

// The largest C, and share of the tolerance of lse, that any row needed.
struct LongVerdict {
  double c = 0, lse = 0;

  template <class Number>
  void judge(const LongRow& want, const Number* out, float got_lse) {
    for (std::size_t d = 0; d < want.out.size(); ++d)
      c = std::max(
          c, needed_c<Number>(static_cast<double>(glint::to_float(out[d])), want.out[d], want.weight[d], want.scores));
    lse = std::max(lse, std::abs(static_cast<double>(got_lse) - want.lse) / (0x1p-20 * (1 + want.scores)));
  }
  void expect() const {
    std::fprintf(stderr, "largest C %.2f of %.0f, largest lse error %.3f of 1\n", c, kContract, lse);
    EXPECT_LE(c, kContract);
    EXPECT_LE(lse, 1);
  }
};

// Random numbers; GLINT_TEST_SEED draws others.
template <class Stored, class Draw>
std::vector<Stored> drawn(index_t count, std::uint64_t stream, const Draw& draw) {
  Random random(number_from("GLINT_TEST_SEED", 4), stream);
  std::vector<Stored> numbers;
  for (index_t i = 0; i < count; ++i) numbers.push_back(static_cast<Stored>(draw(random)));
  return numbers;
}

}  // namespace glint_test

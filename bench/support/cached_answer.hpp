// Was it attention that was timed?  See support/answer.hpp.  Sums over thousands of keys nearly cancel, so what is
// allowed is measured by the output row's own size.
#pragma once

#include <algorithm>
#include <cmath>

#include "support/cached_inputs.hpp"

namespace bench {

// The number of index d in a stored row, of integers but for its factor.
template <class Stored>
double number(const Stored* row, index_t d) {
  if constexpr (std::is_same_v<Stored, std::int8_t>) {
    return row[d];
  } else if constexpr (std::is_same_v<Stored, glint::int4x2>) {
    return glint::number_at(row, d);
  } else {
    return double{glint::to_float(row[d])};
  }
}

struct CachedRow {
  index_t layer, batch, head, row;
};

// One output row, the textbook way.
template <class Element, class Kv>
std::vector<double> exact_row(const CachedInputs<Element, Kv>& in, CachedRow at) {
  const CachedWorkload& w = in.workload;
  const Shape& s = w.shape;
  const index_t kv_head = at.head / (s.heads / s.kv_head_count());
  const Element* const q = in.q_of(at.layer) + in.query_at(at.batch, at.head, at.row, s.head_dim);
  std::vector<double> sums(static_cast<std::size_t>(s.value_size()));
  double total = 0;
  for (index_t key = 0; key < w.visible(at.batch, at.row); ++key) {
    const auto* const k = in.k(at.layer) + in.k_at(at.batch, kv_head, key);
    const auto* const v = in.v(at.layer) + in.v_at(at.batch, kv_head, key);
    double score = 0;
    for (index_t d = 0; d < s.head_dim; ++d)
      score += double{glint::to_float(q[d])} * in.k_factor(at.batch, kv_head, key, d) * number(k, d);
    const double weight = std::exp(score * double{in.scale});  // scores of normal numbers are small
    total += weight;
    for (index_t d = 0; d < s.value_size(); ++d)
      sums[static_cast<std::size_t>(d)] += weight * in.v_factor(at.batch, kv_head, key, d) * number(v, d);
  }
  for (double& sum : sums) sum /= total;
  return sums;
}

// The first and last row of a layer, and one between.
template <class Element, class Kv>
bool right(const CachedInputs<Element, Kv>& in, index_t layer) {
  const CachedWorkload& w = in.workload;
  const Shape& s = w.shape;
  const double allowed = glint::dtype_of<Element> == glint::DType::f32   ? 1e-4
                         : glint::dtype_of<Element> == glint::DType::f16 ? 4e-3
                                                                         : 2e-2;
  const index_t b = s.batch - 1, n = s.heads - 1, r = s.q_len - 1;
  for (const CachedRow at : {CachedRow{layer, 0, 0, 0}, {layer, b / 2, n / 2, r / 2}, {layer, b, n, r}}) {
    const std::vector<double> exact = exact_row(in, at);
    double largest = 0;
    for (const double number : exact) largest = std::max(largest, std::abs(number));
    const Element* const out = in.out_of(layer) + in.query_at(at.batch, at.head, at.row, s.value_size());
    for (std::size_t d = 0; d < exact.size(); ++d)
      if (!(std::abs(double{glint::to_float(out[d])} - exact[d]) <= allowed * largest)) return false;
  }
  return true;
}

}  // namespace bench

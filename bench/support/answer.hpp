// Was it attention that was timed?  A few rows of the output against plain loops over doubles: enough to notice an
// operand that was misread or a kernel that did not run.  Exactness is the business of tests/.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/inputs.hpp"

namespace bench {

struct OutputRow {
  index_t batch, head, row;
};

// Where a row begins; dim is that of the tensor.
inline index_t offset(const Workload& w, index_t heads, index_t rows, index_t dim, OutputRow at) {
  const glint::Strides s = glint::layout::strides(w.layout, {w.shape.batch, heads, rows, dim});
  const index_t first = w.layout == Layout::TND ? w.rows_before(at.batch, rows) : 0;
  return at.batch * s.batch + at.head * s.head + (first + at.row) * s.row;
}

// What an element stands for.
template <class Element>
double number(Element stored) {
  if constexpr (std::is_same_v<Element, std::int8_t>) {
    return stored / double{kSteps<std::int8_t>};
  } else {
    return double{glint::to_float(stored)};
  }
}

template <class Element>
double dot(const Element* a, const Element* b, index_t dim) {
  double sum = 0;
  for (index_t d = 0; d < dim; ++d) sum += number(a[d]) * number(b[d]);
  return sum;
}

// The row of k, or of v, that a query row meets.
template <class Element, class Out>
const Element* key_row(const Inputs<Element, Out>& in, const Buffer<Element>& tensor, index_t dim, OutputRow at,
                       index_t key) {
  const Shape& s = in.workload.shape;
  const index_t kv_heads = s.kv_head_count(), kv_head = at.head / (s.heads / kv_heads);
  return tensor.data() + offset(in.workload, kv_heads, s.kv_len, dim, {at.batch, kv_head, key});
}

template <class Element, class Out>
bool shown(const Inputs<Element, Out>& in, const glint::mask::Staircase& stairs, index_t row, index_t key) {
  if (!stairs.visible(row, key)) return false;
  return !in.workload.dense_mask || in.drop.data()[row * in.workload.shape.kv_len + key] == 0;
}

template <class Element, class Out>
double exact_score(const Inputs<Element, Out>& in, OutputRow at, index_t key) {
  const Workload& w = in.workload;
  const Shape& s = w.shape;
  const Element* const q = in.q.data() + offset(w, s.heads, s.q_len, s.head_dim, at);
  const double score = double{in.scale} * dot(q, key_row(in, in.k, s.head_dim, at, key), s.head_dim);
  if (w.bias == BiasTensor::none) return score;
  const index_t matrix = w.bias == BiasTensor::for_each_head ? at.batch * s.heads + at.head : 0;
  return score + number(in.bias.data()[(matrix * s.q_len + at.row) * s.kv_len + key]);
}

// What dropout multiplies a probability with.
template <class Element, class Out>
double drop_factor(const Inputs<Element, Out>& in, OutputRow at, index_t key) {
  const Workload& w = in.workload;
  if (w.keep_prob == 1) return 1;
  const index_t bit = ((at.batch * w.shape.heads + at.head) * w.shape.q_len + at.row) * w.shape.kv_len + key;
  return (in.kept.data()[bit / 8] >> (bit % 8) & 1) / w.keep_prob;
}

// One output row, the textbook way.
template <class Element, class Out>
std::vector<double> exact_row(const Inputs<Element, Out>& in, OutputRow at) {
  const Workload& w = in.workload;
  const glint::mask::Staircase stairs = w.stairs();
  std::vector<double> sums(static_cast<std::size_t>(w.shape.value_size()));
  double total = w.sink ? std::exp(number(in.sink.data()[at.head])) : 0;
  for (index_t key = 0; key < w.shape.kv_len; ++key) {
    if (!shown(in, stairs, at.row, key)) continue;
    // Scores of normal numbers are small: no maximum to subtract.
    const double weight = std::exp(exact_score(in, at, key)), kept = weight * drop_factor(in, at, key);
    const Element* const v = key_row(in, in.v, w.shape.value_size(), at, key);
    total += weight;
    for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += kept * number(v[d]);
  }
  for (double& sum : sums) sum = total > 0 ? sum / total : 0;
  return sums;
}

// Numbers of floats one by one.
template <class Element>
bool close(const Element* out, const std::vector<double>& exact) {
  const glint::DType type = glint::dtype_of<Element>;
  const double allowed = type == glint::DType::f32 ? 1e-4 : type == glint::DType::f16 ? 5e-3 : 4e-2;
  for (std::size_t d = 0; d < exact.size(); ++d)
    if (!(std::abs(number(out[d]) - exact[d]) <= allowed)) return false;
  return true;
}

// Where p, or the output, has 8 bits: the row as a vector, within a tenth of its length and what rounding makes.
template <class Out>
bool roughly_close(const Out* out, const std::vector<double>& exact) {
  constexpr bool kInteger = std::is_same_v<Out, std::int8_t>;
  double error = 0, length = 0;
  for (std::size_t d = 0; d < exact.size(); ++d) {
    const double want = kInteger ? std::clamp(exact[d] * double{kOutputScale}, -128.0, 127.0) : exact[d];
    const double got = kInteger ? double{kSteps<Out>} * number(out[d]) : number(out[d]);
    error += (got - want) * (got - want);
    length += want * want;
  }
  const double rounding = kInteger ? 0.5 * std::sqrt(static_cast<double>(exact.size())) : 0;
  return std::sqrt(error) <= 0.1 * std::sqrt(length) + rounding;
}

// The first and last row of the first and last head, and one between.
template <class Element, class Out>
bool right(const Inputs<Element, Out>& in) {
  const Workload& w = in.workload;
  const Shape& s = w.shape;
  const index_t b = s.batch - 1, n = s.heads - 1, r = w.q_rows(b) - 1;
  for (const OutputRow at :
       {OutputRow{0, 0, 0}, {0, 0, w.q_rows(0) - 1}, {b / 2, n / 2, w.q_rows(b / 2) / 2}, {b, n, 0}, {b, n, r}}) {
    const std::vector<double> exact = exact_row(in, at);
    const Out* const out = in.out.data() + offset(w, s.heads, s.q_len, s.value_size(), at);
    if (in.kInt8 || in.kPostQuant ? !roughly_close(out, exact) : !close(out, exact)) return false;
  }
  return true;
}

}  // namespace bench

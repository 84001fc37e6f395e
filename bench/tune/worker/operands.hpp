// What the operands of all operators are made of: workloads, costs, rows for the oracle.
#pragma once

#include "support/cached_inputs.hpp"
#include "support/gradient_answer.hpp"
#include "tune/worker/candidates.hpp"
#include "tune/worker/case_bench.hpp"

namespace bench::tune {

inline Workload workload_of(const Case& c) {
  Workload w{.shape = {.batch = c.b,
                       .heads = c.n,
                       .kv_heads = c.nkv,
                       .q_len = c.sq,
                       .kv_len = c.skv,
                       .head_dim = c.d,
                       .value_dim = c.dv},
             .mode = static_cast<SparseMode>(c.mode),
             .layout = c.layout};
  if (c.mode == 4) w.tokens = {c.pre, c.next};
  return w;
}

inline CachedWorkload cached_workload_of(const Case& c, index_t layers) {
  CachedWorkload w{.shape = workload_of(c).shape, .layout = c.layout, .block_size = c.block, .v_in_k = c.vink};
  if (c.sq > 1) w.draft = glint::DraftMask::causal;
  if (c.block > 0) w.rows_after = (c.block - c.skv % c.block) % c.block;
  w.layers = layers;
  return w;
}

inline Peak peak_of(const Case& c) {
  if (c.dtype == DType::i8) return Peak::int8_dot;
  return c.dtype == DType::bf16 && c.cache == DType::bf16 && !c.precise ? Peak::bf16_dot : Peak::multiply_add;
}

// Of everything but incre.
inline Costs prefill_costs(const Case& c) {
  const Workload w = workload_of(c);
  const double factor = c.op == Op::bwd ? kGradientOverForward : 1, size = static_cast<double>(glint::size_of(c.dtype));
  const double out_size = c.dtype == DType::i8 ? 2 : size;
  const auto numbers = [](index_t rows, index_t dim) { return static_cast<double>(rows * dim); };
  const index_t q_rows = c.b * c.n * c.sq, kv_rows = c.b * c.nkv * c.skv;
  double bytes = size * (numbers(q_rows, c.d) + numbers(kv_rows, c.d + c.dv)) + out_size * numbers(q_rows, c.dv);
  if (c.op == Op::bwd) bytes = 2 * bytes + 8 * static_cast<double>(q_rows);  // gradients, and two statistics of a row
  return {factor * useful_flops(w), factor * w.flops_of_a_pair() * w.heads() * w.all_pairs(), bytes, peak_of(c)};
}

template <class Element>
void take_row(const Element* from, std::vector<double>& numbers) {
  for (std::size_t d = 0; d < numbers.size(); ++d) numbers[d] = number(from[d]);
}

// Rows of Inputs as the oracle asks for them.
template <class Element>
class RowsOfInputs : public Rows {
 public:
  explicit RowsOfInputs(const Inputs<Element>& inputs) : in(inputs) {}

  void q_row(index_t b, index_t n, index_t r, std::vector<double>& row) const override {
    take(in.q, heads(), q_len(), b, n, r, row);
  }
  void k_row(index_t b, index_t n, index_t r, std::vector<double>& row) const override {
    take(in.k, kv(), kv_len(), b, n, r, row);
  }
  void v_row(index_t b, index_t n, index_t r, std::vector<double>& row) const override {
    take(in.v, kv(), kv_len(), b, n, r, row);
  }
  void out_row(index_t b, index_t n, index_t r, std::vector<double>& row) const override {
    take(in.out, heads(), q_len(), b, n, r, row);
  }

 private:
  const Inputs<Element>& in;

  index_t heads() const { return in.shape.heads; }
  index_t kv() const { return in.shape.kv_head_count(); }
  index_t q_len() const { return in.shape.q_len; }
  index_t kv_len() const { return in.shape.kv_len; }
  template <class Item>
  void take(const Buffer<Item>& tensor, index_t heads, index_t rows, index_t b, index_t n, index_t r,
            std::vector<double>& row) const {
    take_row(tensor.data() + offset(in.workload, heads, rows, static_cast<index_t>(row.size()), {b, n, r}), row);
  }
};

// Copies that cannot be moved about, because problems point into them.
template <class Copy>
class Copies {
 public:
  template <class... Arguments>
  explicit Copies(index_t count, const Arguments&... arguments) {
    for (index_t i = 0; i < count; ++i) list_.push_back(std::make_unique<Copy>(arguments...));
  }
  index_t count() const { return static_cast<index_t>(list_.size()); }
  const Copy& operator[](index_t i) const { return *list_[static_cast<std::size_t>(i)]; }

 private:
  std::vector<std::unique_ptr<Copy>> list_{};
};

}  // namespace bench::tune

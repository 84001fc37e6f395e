// The operands of FlashAttentionScore and of PromptFlashAttention.
#pragma once

#include "tune/worker/operands.hpp"

namespace bench::tune {

template <class Element>
struct ForwardCopy {
  Inputs<Element> in;
  Buffer<Element> fused{};  // [B][S][N + 2 N2][D]: q, k and v as one projection leaves them

  explicit ForwardCopy(const Case& c) : in(workload_of(c)) {
    in.out = guarded<number_t<Element>>(in.out.count());
    poison(output("attention_out", in.out));
    if (c.fused) fuse();
  }

  index_t fused_row() const { return (in.shape.heads + 2 * in.shape.kv_head_count()) * in.shape.head_dim; }

 private:
  void fuse() {
    const Shape& s = in.shape;
    const index_t rows = s.batch * s.q_len, q = s.heads * s.head_dim, kv = s.kv_head_count() * s.head_dim;
    fused = Buffer<Element>(rows * fused_row());
    for (index_t r = 0; r < rows; ++r) {
      Element* const row = fused.data() + r * fused_row();
      std::copy_n(in.q.data() + r * q, q, row);
      std::copy_n(in.k.data() + r * kv, kv, row + q);
      std::copy_n(in.v.data() + r * kv, kv, row + q + kv);
    }
  }
};

// What both operators have in common.
template <class Element>
class ForwardOperands : public Operands {
 public:
  ForwardOperands(const Case& c, index_t copies) : case_(c), copies_(copies, c) {}

  static Costs costs(const Case& c) { return prefill_costs(c); }
  glint::Status ready() const override { return glint::Status::ok(); }
  index_t copies() const override { return copies_.count(); }
  std::vector<Output> outputs() const override { return {output("attention_out", copies_[0].in.out)}; }
  std::vector<std::span<const std::byte>> inputs() const override {
    const ForwardCopy<Element>& copy = copies_[0];
    return {bytes_of(copy.in.q), bytes_of(copy.in.k), bytes_of(copy.in.v), bytes_of(copy.fused)};
  }
  Finding compare() const override { return compare_output(RowsOfInputs<Element>(copies_[0].in), case_); }

 protected:
  Case case_;
  Copies<ForwardCopy<Element>> copies_;
};

template <class Element>
class ScoreOperands : public ForwardOperands<Element> {
 public:
  using Task = ScoreTask<Element>;
  using ForwardOperands<Element>::ForwardOperands;

  Task task(index_t which) const {
    const ForwardCopy<Element>& copy = this->copies_[which];
    Task t{problem_of<glint::ScoreProblem<Element>>(copy.in), this->case_.layout, copy.in.workload.mode};
    t.problem.inner_precise = this->case_.precise ? 0 : 1;
    if (this->case_.fused) point_at_slices(copy, t.problem);
    return t;
  }

 private:
  static void point_at_slices(const ForwardCopy<Element>& copy, glint::ScoreProblem<Element>& p) {
    const Shape& s = copy.in.shape;
    const index_t row = copy.fused_row();
    p.q_strides = p.k_strides = p.v_strides = {.batch = s.q_len * row, .head = s.head_dim, .row = row};
    p.q = copy.fused.data();
    p.k = p.q + s.heads * s.head_dim;
    p.v = p.k + s.kv_head_count() * s.head_dim;
  }
};

template <class Element>
class PromptOperands : public ForwardOperands<Element> {
 public:
  using Task = PromptTask;
  using ForwardOperands<Element>::ForwardOperands;

  Task task(index_t which) const {
    const Inputs<Element>& in = this->copies_[which].in;
    auto p = problem_of<glint::PromptProblem<Element>>(in);
    p.inner_precise = this->case_.precise ? 0 : 1;
    return {glint::detail::erase(p, this->case_.layout, this->case_.layout, in.workload.mode)};
  }
};

}  // namespace bench::tune

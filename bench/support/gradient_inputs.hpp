// A workload's gradient in memory: the operands of the forward, which is run once, what comes back from the layer
// above, and the typed problem or the run-time call that points at them.
#pragma once

#include "support/inputs.hpp"

namespace bench {

template <class Element>
struct GradientInputs {
  Inputs<Element> forward;
  int inner_precise;  // of both
  Buffer<float> max, sum;
  Buffer<Element> d_out, d_q, d_k, d_v, d_pse;

  GradientInputs(const Workload& w, int precision)
      : forward(w),
        inner_precise(precision),
        max(w.rows_before(w.shape.batch, w.shape.q_len) * w.shape.heads),
        sum(max.count()),
        d_out(random_normal<Element>(forward.out.count(), 6)),
        d_q(forward.q.count(), unwritten<Element>()),
        d_k(forward.k.count(), unwritten<Element>()),
        d_v(forward.v.count(), unwritten<Element>()) {
    if (w.bias_gradient) d_pse = Buffer<Element>(forward.bias.count(), unwritten<Element>());
    ran_ = glint::flash_attention_score(forward_call());
  }

  // Was there a forward to take the gradient of?
  glint::Status ran() const { return ran_; }
  double useful_flops() const { return kGradientOverForward * forward.useful_flops(); }
  double scored_flops() const { return kGradientOverForward * forward.scored_flops(); }
  double bytes() const {
    return forward.bytes() + static_cast<double>(max.bytes() + sum.bytes() + d_out.bytes() + d_q.bytes() + d_k.bytes() +
                                                 d_v.bytes() + d_pse.bytes());
  }

  // Where max and sum hold a row's; a TND tensor's are by token.
  index_t statistic(index_t batch, index_t head, index_t row) const {
    const Workload& w = forward.workload;
    const index_t rows = w.shape.q_len;
    if (w.layout == Layout::TND) return (w.rows_before(batch, rows) + row) * w.shape.heads + head;
    return (batch * w.shape.heads + head) * rows + row;
  }

  glint::ScoreGradProblem<Element> problem() const {
    glint::ScoreGradProblem<Element> p{.forward = problem_of<glint::ScoreProblem<Element>>(forward)};
    p.forward.inner_precise = inner_precise;
    p.forward.softmax_max = max.data();
    p.forward.softmax_sum = sum.data();
    p.d_out = d_out.data();
    p.d_q = d_q.data(), p.d_k = d_k.data(), p.d_v = d_v.data(), p.d_pse = d_pse.data();
    return p;
  }

  glint::FlashAttentionScoreCall forward_call() const {
    const Shape& s = forward.shape;
    glint::FlashAttentionScoreCall c = score_call(forward);
    const bool by_token = forward.workload.layout == Layout::TND;
    const glint::Extents rows = by_token ? glint::Extents{s.q_len, s.heads} : glint::Extents{s.batch, s.heads, s.q_len};
    c.softmax_max = {max.data(), glint::DType::f32, rows};
    c.softmax_sum = {sum.data(), glint::DType::f32, rows};
    if (by_token) c.softmax_layout = "TND";
    c.inner_precise = inner_precise;
    return c;
  }

  glint::FlashAttentionScoreGradCall call() const {
    glint::FlashAttentionScoreGradCall c{.forward = forward_call()};
    const auto like = [](const auto& tensor, const Buffer<Element>& gradient) -> glint::OutputRef {
      return {gradient.data(), tensor.dtype, tensor.shape};
    };
    c.dy = {d_out.data(), c.forward.attention_out.dtype, c.forward.attention_out.shape};
    c.dq = like(c.forward.query, d_q);
    c.dk = like(c.forward.key, d_k);
    c.dv = like(c.forward.value, d_v);
    if (d_pse.data() != nullptr) c.dpse = like(c.forward.real_shift, d_pse);
    return c;
  }

 private:
  glint::Status ran_ = glint::Status::ok();
};

}  // namespace bench

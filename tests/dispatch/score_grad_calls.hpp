// Calls of flash_attention_score_grad, made of legal forward calls, to be spoiled.
#pragma once

#include "dispatch/score_calls.hpp"
#include "glint/dispatch/flash_attention_score_grad.hpp"

namespace bad_input {
namespace {

using glint::OutputRef;
using glint::TensorRef;

// `call` is the forward's part, which the rows of the forward spoil.
struct ScoreGrad : Score {
  glint::FlashAttentionScoreGradCall grad{};

  explicit ScoreGrad(Score forward) : Score(std::move(forward)) {
    take_statistics(call.softmax_max, call.softmax_sum);
    take_statistics(call.softmax_sum, call.softmax_max);
    const OutputRef dy = twin({nullptr, call.attention_out.dtype, call.attention_out.shape});
    grad.dy = {dy.data, dy.dtype, dy.shape};
    grad.dq = twin(call.query), grad.dk = twin(call.key), grad.dv = twin(call.value);
    fill();
    workspace.resize(static_cast<std::size_t>(glint::workspace_bytes(grad)));
  }

  // Memory of its own for the gradient of `tensor`.
  OutputRef twin(const TensorRef& tensor) {
    const index_t elements = tensor.shape.elements();
    return {elements == 0 ? nullptr : memory.take(elements * glint::size_of(tensor.dtype)), tensor.dtype, tensor.shape};
  }
  void fill() {
    lists();
    grad.forward = call;
  }
  Status check() {
    fill();
    return glint::check(grad);
  }
  Status run() {
    fill();
    return glint::flash_attention_score_grad(grad, glint::Serial{}, workspace);
  }
  Status run_alone() {
    fill();
    return glint::flash_attention_score_grad(grad);
  }

 private:
  // The forward may do without (then its layout is BNSD); the gradient may not.
  void take_statistics(OutputRef& wanted, const OutputRef& other) {
    if (wanted.present()) return;
    const Extents& q = call.query.shape;
    wanted = twin({nullptr, DType::f32, other.present() ? other.shape : Extents{q[0], q[1], q[2]}});
  }
};

ScoreGrad grad() { return ScoreGrad(plain()); }
ScoreGrad grad_dropped() { return ScoreGrad(dropped()); }
ScoreGrad grad_own_value_dim() {
  Score forward = plain();
  forward.call.value.shape.extent[3] = forward.call.attention_out.shape.extent[3] = 8;
  return ScoreGrad(std::move(forward));
}
ScoreGrad with_dpse(Score forward) {
  ScoreGrad f(std::move(forward));
  f.grad.dpse = f.twin(f.call.real_shift);
  return f;
}
ScoreGrad grad_biased() { return with_dpse(biased()); }
ScoreGrad grad_flat_bias() { return with_dpse(tnd_flat_bias()); }
ScoreGrad grad_column_bias() { return with_dpse(tnd_column_bias()); }
ScoreGrad grad_sloped() { return ScoreGrad(sloped()); }
ScoreGrad grad_compressed_bias() { return ScoreGrad(compressed_bias()); }
ScoreGrad grad_sunk() {
  ScoreGrad f(sunk());
  f.grad.dsink = f.twin(f.call.sink);
  return f;
}
ScoreGrad grad_tnd() { return ScoreGrad(tnd()); }

}  // namespace
}  // namespace bad_input

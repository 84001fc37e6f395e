// The part that glint does: rotary positions, causal attention of a whole text, and the gradients of both.
#pragma once

#include <numeric>

#include "glint/glint.hpp"
#include "parameters.hpp"

namespace fine_tune {

// Rows of tokens, heads side by side; of k and v there may be fewer.
template <class Scalar>
struct Heads {
  MatrixOf<Scalar> q, k, v;
};

// Remembers what its gradient needs: q and k as they were turned, v, the output, and one number for each row and head.
class FusedAttention {
 public:
  using Scalar = float;
  using Matrix = MatrixOf<float>;

  FusedAttention(const Config& config, const Workers& workers) : config_(config), workers_(&workers) {}

  Matrix forward(Heads<float> x) {
    x_ = std::move(x);
    turn(x_.q, config_.heads, +1);
    turn(x_.k, config_.kv_heads, +1);
    out_.resizeLike(x_.q);
    lse_.resize(x_.q.rows() * config_.heads);
    ask(glint::FlashAttentionScore<Layout, float, kCausal>{}(problem(), *workers_));
    return out_;
  }

  Heads<float> backward(const Matrix& d_out) {
    Heads<float> d{x_};  // for the shapes
    ask(glint::FlashAttentionScoreGrad<Layout, float, kCausal>{}(
        {.forward = problem(), .d_out = d_out.data(), .d_q = d.q.data(), .d_k = d.k.data(), .d_v = d.v.data()},
        *workers_));
    turn(d.q, config_.heads, -1);  // the gradient of a rotation is the rotation back
    turn(d.k, config_.kv_heads, -1);
    return d;
  }

 private:
  using Layout = glint::layout::BSH;
  static constexpr glint::SparseMode kCausal = glint::SparseMode::right_down_causal;

  static void ask(const glint::Status& status) {
    if (!status) throw Error(std::string("glint: ") + status.rule);
  }

  glint::ScoreProblem<float> problem() {
    const Index rows = x_.q.rows();
    return {.q = x_.q.data(),
            .k = x_.k.data(),
            .v = x_.v.data(),
            .out = out_.data(),
            .shape = {.batch = 1,
                      .heads = config_.heads,
                      .kv_heads = config_.kv_heads,
                      .q_len = rows,
                      .kv_len = rows,
                      .head_dim = config_.head_size()},
            .scale = 1 / std::sqrt(static_cast<float>(config_.head_size())),
            .lse = lse_.data()};
  }

  // Row r by the angles of position r, or back by them.
  void turn(Matrix& x, Index heads, Index sense) const {
    std::vector<glint::index_t> positions(static_cast<std::size_t>(x.rows()));
    std::iota(positions.begin(), positions.end(), 0);
    for (glint::index_t& position : positions) position *= sense;
    ask(glint::rotary<Layout, float>({.out = x.data(),
                                      .dims = {1, heads, x.rows(), config_.head_size()},
                                      .positions = positions,
                                      .style = glint::RotaryStyle::interleaved}));
  }

  Config config_;
  const Workers* workers_;
  Heads<float> x_;
  Matrix out_;
  VectorOf<float> lse_;
};

}  // namespace fine_tune

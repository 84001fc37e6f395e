// The part that glint does in training: causal attention of whole sequences, with dropout, and its gradient.  Q, K and
// V are read where the layer's product left them, side by side in one row, and their gradients are written the same
// way.
#pragma once

#include <string>

#include "forward.hpp"
#include "alphabet.hpp"
#include "glint/glint.hpp"

namespace train {

class Attention {
 public:
  // For `sequences` sequences of `context` tokens.
  Attention(const Config& config, Index sequences, const Workers& workers)
      : config_(config), sequences_(sequences), workers_(workers) {
    for (Index i = 0; i < config.layers; ++i) lse_.push_back(room_.block(sequences * config.heads, config.context));
  }

  // keep_prob 1: no dropout.  Otherwise Philox draws what is dropped, anew for each seed and layer.
  void dropout(double keep_prob, std::uint64_t seed) { keep_prob_ = keep_prob, seed_ = seed; }

  void forward(std::size_t layer, In qkv, Out out) { run(Forward{}, problem(layer, qkv, out)); }

  void backward(std::size_t layer, In qkv, Out out, In d_out, Out d_qkv) {
    const Index width = config_.width;
    run(Backward{}, glint::ScoreGradProblem<float>{.forward = problem(layer, qkv, out),
                                                   .d_out = d_out.data,
                                                   .d_q = d_qkv.data,
                                                   .d_k = d_qkv.data + width,
                                                   .d_v = d_qkv.data + 2 * width,
                                                   .d_q_strides = in_qkv(),
                                                   .d_k_strides = in_qkv(),
                                                   .d_v_strides = in_qkv()});
  }

 private:
  using Forward = glint::FlashAttentionScore<glint::layout::BSH, float, glint::SparseMode::left_up_causal>;
  using Backward = glint::FlashAttentionScoreGrad<glint::layout::BSH, float, glint::SparseMode::left_up_causal>;

  // Rows of q, k or v among all three.
  glint::Strides in_qkv() const {
    const Index row = 3 * config_.width;
    return {.batch = config_.context * row, .head = config_.head_size(), .row = row};
  }

  glint::ScoreProblem<float> problem(std::size_t layer, In qkv, Out out) {
    const bool dropout = keep_prob_ < 1;
    return {.q = qkv.data,
            .k = qkv.data + config_.width,
            .v = qkv.data + 2 * config_.width,
            .out = out.data,
            .shape = {.batch = sequences_,
                      .heads = config_.heads,
                      .q_len = config_.context,
                      .kv_len = config_.context,
                      .head_dim = config_.head_size()},
            .scale = 1 / std::sqrt(static_cast<float>(config_.head_size())),
            .dropout = {.keep_prob = keep_prob_, .generate = dropout, .seed = seed_ * lse_.size() + layer},
            .lse = lse_[layer].data,
            .q_strides = in_qkv(),
            .k_strides = in_qkv(),
            .v_strides = in_qkv()};
  }

  template <class Operator, class Problem>
  void run(const Operator& attend, const Problem& problem) {
    const auto bytes = static_cast<std::size_t>(Operator::workspace_bytes(problem, workers_.workers()));
    if (workspace_.size() < bytes) workspace_.resize(bytes);
    const glint::Status status = attend(problem, workers_, workspace_);
    if (!status) throw Error(std::string("glint: ") + status.rule);
  }

  Config config_;
  Index sequences_;
  const Workers& workers_;
  double keep_prob_ = 1;
  std::uint64_t seed_ = 0;
  Room room_;
  std::vector<Out> lse_;  // for each layer
  std::vector<std::byte> workspace_;
};

}  // namespace train

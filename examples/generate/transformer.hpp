// A Llama-architecture decoder: embedding, layers of attention and SwiGLU with residuals, classifier.
#pragma once

#include "attention.hpp"

namespace generate {

class Transformer {
 public:
  // Room for `positions` tokens.
  Transformer(const Model& model, const Storage& storage, Index positions, const Workers& workers)
      : model_(model), workers_(workers) {
    for (std::size_t i = 0; i < model.layers.size(); ++i) attention_.emplace_back(model.config, storage, positions);
  }

  // Takes the next tokens (first the whole prompt, `chunk` tokens at a time or with 0 at once, then one by one) and
  // scores every candidate for the one behind them.
  Vector operator()(const std::vector<int>& tokens, Index chunk = 0) {
    const Phase phase = position_ == 0 ? Phase::prompt : Phase::text;
    const std::size_t most = chunk > 0 ? static_cast<std::size_t>(chunk) : tokens.size();
    Matrix x;
    for (std::span<const int> rest = tokens; !rest.empty(); rest = rest.subspan(std::min(most, rest.size())))
      x = through_the_layers(phase, rest.first(std::min(most, rest.size())));
    return times(rms_norm<float>(x.bottomRows(1), model_.final_norm), model_.classifier()).transpose();
  }

 private:
  Matrix times(const Matrix& x, const Matrix& weight) const { return matmul(x, weight, workers_); }

  Matrix through_the_layers(Phase phase, std::span<const int> tokens) {
    const Index head_size = model_.config.head_size();
    Matrix x(static_cast<Index>(tokens.size()), model_.config.dim);
    for (std::size_t i = 0; i < tokens.size(); ++i) x.row(static_cast<Index>(i)) = model_.embedding.row(tokens[i]);

    for (std::size_t i = 0; i < model_.layers.size(); ++i) {
      const Layer& layer = model_.layers[i];
      const Matrix in = rms_norm(x, layer.attention_norm);
      Matrix q = times(in, layer.wq), k = times(in, layer.wk);
      rope(q, head_size, position_);
      rope(k, head_size, position_);
      x += times(attention_[i](phase, q, k, times(in, layer.wv), workers_), layer.wo);

      const Matrix middle = rms_norm(x, layer.ffn_norm);
      x += times(swiglu(times(middle, layer.w1), times(middle, layer.w3)), layer.w2);
    }
    position_ += x.rows();
    return x;
  }

  const Model& model_;
  const Workers& workers_;
  std::vector<Attention> attention_;  // one for each layer
  Index position_ = 0;
};

}  // namespace generate

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

  // Takes the next tokens (first the whole prompt, then one by one) and scores every candidate for the one behind them.
  Vector operator()(const std::vector<int>& tokens) {
    const auto times = [this](const Matrix& x, const Matrix& weight) { return matmul(x, weight, workers_); };
    const Index head_size = model_.config.head_size();
    Matrix x(static_cast<Index>(tokens.size()), model_.config.dim);
    for (std::size_t i = 0; i < tokens.size(); ++i) x.row(static_cast<Index>(i)) = model_.embedding.row(tokens[i]);

    for (std::size_t i = 0; i < model_.layers.size(); ++i) {
      const Layer& layer = model_.layers[i];
      const Matrix in = rms_norm(x, layer.attention_norm);
      Matrix q = times(in, layer.wq), k = times(in, layer.wk);
      rope(q, head_size, position_);
      rope(k, head_size, position_);
      x += times(attention_[i](q, k, times(in, layer.wv), workers_), layer.wo);

      const Matrix middle = rms_norm(x, layer.ffn_norm);
      x += times(swiglu(times(middle, layer.w1), times(middle, layer.w3)), layer.w2);
    }
    position_ += x.rows();
    return times(rms_norm(x.bottomRows(1), model_.final_norm), model_.classifier()).transpose();
  }

 private:
  const Model& model_;
  const Workers& workers_;
  std::vector<Attention> attention_;  // one for each layer
  Index position_ = 0;
};

}  // namespace generate

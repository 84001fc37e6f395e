// A Llama-architecture decoder under training: the loss of a text, and its gradient by every weight.
#pragma once

#include "attention.hpp"
#include "backward.hpp"

namespace fine_tune {

// Attention: FusedAttention, or ExactAttention, with which everything is calculated in double.
template <class Attention>
class Decoder {
 public:
  using Scalar = typename Attention::Scalar;

  Decoder(const ModelOf<Scalar>& model, const Workers& workers)
      : model_(model), workers_(workers), runs_(model.layers.size(), Run{{model.config, workers}}) {}

  // How badly the model foretells each token of the text from those before it: mean of -ln(probability).
  double loss(std::span<const int> text) {
    tokens_ = text.first(text.size() - 1);
    Matrix x(static_cast<Index>(tokens_.size()), model_.config.dim);
    for (Index i = 0; i < x.rows(); ++i) x.row(i) = model_.embedding.row(token(i));
    for (std::size_t i = 0; i < runs_.size(); ++i) x = forward(x, model_.layers[i], runs_[i]);
    last_ = x;
    end_ = cross_entropy(times(rms_norm(last_, model_.final_norm), model_.classifier()), text.subspan(1));
    return end_.loss;
  }

  // Of the last loss.
  ModelOf<Scalar> gradient() {
    ModelOf<Scalar> d{.config = model_.config, .layers = std::vector<Layer>(runs_.size())};
    Matrix& d_classifier = model_.config.shared_classifier ? d.embedding : d.own_classifier;
    const Matrix d_end =
        times_backward(end_.d_logits, rms_norm(last_, model_.final_norm), model_.classifier(), d_classifier);
    Matrix d_x = rms_norm_backward(d_end, last_, model_.final_norm, d.final_norm);
    for (std::size_t i = runs_.size(); i-- > 0;) d_x = backward(d_x, model_.layers[i], runs_[i], d.layers[i]);
    if (!model_.config.shared_classifier) d.embedding.setZero(model_.config.vocab, model_.config.dim);
    for (Index i = 0; i < d_x.rows(); ++i) d.embedding.row(token(i)) += d_x.row(i);
    return d;
  }

 private:
  using Matrix = MatrixOf<Scalar>;
  using Layer = LayerOf<Scalar>;

  // What a layer remembers for its gradient.
  struct Run {
    Attention attention;
    Matrix x{}, in{}, heads{}, middle_x{}, middle{}, gate{}, up{};
  };

  int token(Index i) const { return tokens_[static_cast<std::size_t>(i)]; }
  Matrix times(const Matrix& x, const Matrix& weight) const { return matmul(x, weight, workers_); }
  Matrix times_backward(const Matrix& d_y, const Matrix& x, const Matrix& weight, Matrix& d_weight) const {
    return matmul_backward(d_y, x, weight, d_weight, workers_);
  }

  Matrix forward(const Matrix& x, const Layer& layer, Run& run) const {
    run.x = x;
    run.in = rms_norm(x, layer.attention_norm);
    run.heads = run.attention.forward({times(run.in, layer.wq), times(run.in, layer.wk), times(run.in, layer.wv)});
    run.middle_x = x + times(run.heads, layer.wo);
    run.middle = rms_norm(run.middle_x, layer.ffn_norm);
    run.gate = times(run.middle, layer.w1);
    run.up = times(run.middle, layer.w3);
    return run.middle_x + times(swiglu(run.gate, run.up), layer.w2);
  }

  // The same backwards: from the gradient by what came out to the gradient by x.
  Matrix backward(const Matrix& d_y, const Layer& layer, Run& run, Layer& d) const {
    const Matrix d_h = times_backward(d_y, swiglu(run.gate, run.up), layer.w2, d.w2);
    const SwigluGradient<Scalar> d_swiglu = swiglu_backward(d_h, run.gate, run.up);
    const Matrix d_middle = times_backward(d_swiglu.gate, run.middle, layer.w1, d.w1) +
                            times_backward(d_swiglu.up, run.middle, layer.w3, d.w3);
    const Matrix d_middle_x = d_y + rms_norm_backward(d_middle, run.middle_x, layer.ffn_norm, d.ffn_norm);
    const Heads<Scalar> d_heads = run.attention.backward(times_backward(d_middle_x, run.heads, layer.wo, d.wo));
    const Matrix d_in = times_backward(d_heads.q, run.in, layer.wq, d.wq) +
                        times_backward(d_heads.k, run.in, layer.wk, d.wk) +
                        times_backward(d_heads.v, run.in, layer.wv, d.wv);
    return d_middle_x + rms_norm_backward(d_in, run.x, layer.attention_norm, d.attention_norm);
  }

  const ModelOf<Scalar>& model_;
  const Workers& workers_;
  std::vector<Run> runs_;  // one for each layer
  std::span<const int> tokens_;
  Matrix last_;
  CrossEntropy<Scalar> end_;
};

}  // namespace fine_tune

// Weights of a Llama-architecture decoder in the .bin format of karpathy's llama2.c: seven int32, then float tensors.
#pragma once

#include <Eigen/Core>

#include "file_reader.hpp"

namespace generate {

using Eigen::Index;
template <class Scalar>
using MatrixOf = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Scalar>
using VectorOf = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
using Matrix = MatrixOf<float>;
using Vector = VectorOf<float>;

struct Config {
  Index dim = 0;
  Index hidden = 0;
  Index layers = 0;
  Index heads = 0;
  Index kv_heads = 0;
  Index vocab = 0;
  Index context = 0;  // positions that the model was trained for
  bool shared_classifier = true;

  Index head_size() const { return dim / heads; }
  Index kv_dim() const { return kv_heads * head_size(); }
};

template <class Scalar>
struct LayerOf {
  VectorOf<Scalar> attention_norm, ffn_norm;
  MatrixOf<Scalar> wq, wk, wv, wo;  // [out][in], as all matrices here
  MatrixOf<Scalar> w1, w2, w3;
};

template <class Scalar>
struct ModelOf {
  Config config;
  MatrixOf<Scalar> embedding{};  // [vocab][dim]
  std::vector<LayerOf<Scalar>> layers{};
  VectorOf<Scalar> final_norm{};
  MatrixOf<Scalar> own_classifier{};  // empty: the embedding serves

  const MatrixOf<Scalar>& classifier() const { return config.shared_classifier ? embedding : own_classifier; }
};

using Layer = LayerOf<float>;
using Model = ModelOf<float>;

namespace detail {

inline Config read_config(FileReader& file) {
  const auto next = [&](const char* what, Index most) {
    const Index value = file.number<std::int32_t>("the header");
    if (value < 1 || value > most) {
      file.fail(std::string("the header's ") + what + " is " + std::to_string(value) + ", not in 1.." +
                std::to_string(most) + "; is this a llama2.c model?");
    }
    return value;
  };
  // Far above any model, and low enough that no product below overflows 64 bits.
  constexpr Index kMost = 1 << 20;
  Config config;
  config.dim = next("dim", kMost);
  config.hidden = next("hidden_dim", kMost);
  config.layers = next("n_layers", 1 << 12);
  config.heads = next("n_heads", kMost);
  config.kv_heads = next("n_kv_heads", kMost);
  // A negative vocabulary size is the format's way to say that the classifier has weights of its own.
  const Index vocab = file.number<std::int32_t>("the header");
  config.shared_classifier = vocab > 0;
  config.vocab = vocab > 0 ? vocab : -vocab;
  if (config.vocab < 1 || config.vocab > kMost) {
    file.fail("the header's vocab_size is " + std::to_string(vocab) + ", not in 1.." + std::to_string(kMost) +
              "; is this a llama2.c model?");
  }
  config.context = next("max_seq_len", kMost);
  if (config.dim % config.heads != 0) file.fail("the header's dim is not a multiple of n_heads");
  if (config.heads % config.kv_heads != 0) file.fail("the header's n_heads is not a multiple of n_kv_heads");
  if (config.head_size() % 2 != 0) file.fail("the head size dim / n_heads is odd, and RoPE turns pairs");
  return config;
}

// Bytes behind the header.
inline Index tensor_bytes(const Config& c) {
  const Index attention = c.dim * (2 * c.dim + 2 * c.kv_dim()), ffn = 3 * c.dim * c.hidden;
  const Index unused_rope_tables = c.context * c.head_size();
  const Index classifier = c.shared_classifier ? 0 : c.vocab * c.dim;
  return 4 * (c.vocab * c.dim + c.layers * (2 * c.dim + attention + ffn) + c.dim + unused_rope_tables + classifier);
}

}  // namespace detail

inline Model read_model(const std::filesystem::path& path) {
  FileReader file(path);
  Model model;
  const Config& c = model.config = detail::read_config(file);
  if (static_cast<Index>(file.remaining()) != detail::tensor_bytes(c)) {
    file.fail("the header announces " + std::to_string(detail::tensor_bytes(c)) + " bytes of weights, the file holds " +
              std::to_string(file.remaining()) + ": it is damaged or not a llama2.c model");
  }
  const auto fill = [&](auto& tensor, Index rows, Index columns) {
    tensor.resize(rows, columns);
    const auto bytes = static_cast<std::size_t>(tensor.size()) * sizeof(float);
    std::memcpy(tensor.data(), file.bytes(bytes, "the weights").data(), bytes);
  };
  fill(model.embedding, c.vocab, c.dim);
  model.layers.resize(static_cast<std::size_t>(c.layers));
  // The file stores each kind of tensor for all layers together.
  for (Layer& layer : model.layers) fill(layer.attention_norm, c.dim, 1);
  for (Layer& layer : model.layers) fill(layer.wq, c.dim, c.dim);
  for (Layer& layer : model.layers) fill(layer.wk, c.kv_dim(), c.dim);
  for (Layer& layer : model.layers) fill(layer.wv, c.kv_dim(), c.dim);
  for (Layer& layer : model.layers) fill(layer.wo, c.dim, c.dim);
  for (Layer& layer : model.layers) fill(layer.ffn_norm, c.dim, 1);
  for (Layer& layer : model.layers) fill(layer.w1, c.hidden, c.dim);
  for (Layer& layer : model.layers) fill(layer.w2, c.dim, c.hidden);
  for (Layer& layer : model.layers) fill(layer.w3, c.hidden, c.dim);
  fill(model.final_norm, c.dim, 1);
  file.bytes(static_cast<std::size_t>(c.context * c.head_size()) * sizeof(float), "the RoPE tables");
  if (!c.shared_classifier) fill(model.own_classifier, c.vocab, c.dim);
  return model;
}

}  // namespace generate

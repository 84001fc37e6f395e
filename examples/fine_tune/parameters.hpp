// All weights of a model, and of others of the same shape: gradients, or the same weights in double.
#pragma once

#include "../generate/layers.hpp"

namespace fine_tune {

using generate::Config;
using generate::Error;
using generate::Index;
using generate::LayerOf;
using generate::MatrixOf;
using generate::Model;
using generate::ModelOf;
using generate::VectorOf;
using generate::Workers;

// visit(name, tensor...) for each kind of weight in each layer, with the tensor that each of the models has there.
template <class Visit, class First, class... Rest>
void for_each_tensor(const Visit& visit, First& first, Rest&... rest) {
  visit("embedding", first.embedding, rest.embedding...);
  for (std::size_t i = 0; i < first.layers.size(); ++i) {
    const std::string layer = "layer " + std::to_string(i) + " ";
    visit(layer + "attention_norm", first.layers[i].attention_norm, rest.layers[i].attention_norm...);
    visit(layer + "wq", first.layers[i].wq, rest.layers[i].wq...);
    visit(layer + "wk", first.layers[i].wk, rest.layers[i].wk...);
    visit(layer + "wv", first.layers[i].wv, rest.layers[i].wv...);
    visit(layer + "wo", first.layers[i].wo, rest.layers[i].wo...);
    visit(layer + "ffn_norm", first.layers[i].ffn_norm, rest.layers[i].ffn_norm...);
    visit(layer + "w1", first.layers[i].w1, rest.layers[i].w1...);
    visit(layer + "w2", first.layers[i].w2, rest.layers[i].w2...);
    visit(layer + "w3", first.layers[i].w3, rest.layers[i].w3...);
  }
  visit("final_norm", first.final_norm, rest.final_norm...);
  visit("own_classifier", first.own_classifier, rest.own_classifier...);  // empty if the embedding serves
}

template <class To, class From>
ModelOf<To> cast(const ModelOf<From>& model) {
  ModelOf<To> copy{.config = model.config, .layers = std::vector<LayerOf<To>>(model.layers.size())};
  for_each_tensor([](const std::string&, auto& to, const auto& from) { to = from.template cast<To>(); }, copy, model);
  return copy;
}

// A step of gradient descent.
inline void descend(Model& model, const Model& gradient, float rate) {
  for_each_tensor([&](const std::string&, auto& weights, const auto& slope) { weights -= rate * slope; }, model,
                  gradient);
}

}  // namespace fine_tune

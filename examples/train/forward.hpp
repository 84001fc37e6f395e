// The decoder forward: embeddings, layers of attention and of two products, scores of the next character.
#pragma once

#include <span>

#include "../generate/workers.hpp"
#include "weights.hpp"

namespace train {

using generate::Workers;

// task(first, count) for blocks of rows.  Their size does not depend on the workers, so neither does any bit.
template <class Task>
void in_row_blocks(const Workers& workers, Index rows, const Task& task) {
  constexpr Index kRows = 64;
  workers.for_each((rows + kRows - 1) / kRows,
                   [&](Index block, Index) { task(block * kRows, std::min(kRows, rows - block * kRows)); });
}

inline void copy(In from, Out to) { std::copy_n(from.data, from.size(), to.data); }

// What a layer is given and makes of it; backward reads it again.
struct LayerActivations {
  Out x, norm1, moments1, qkv, attended;
  Out middle, norm2, moments2, expanded, active;  // middle: x with what attention adds

  LayerActivations rows(Index first, Index count) const {
    const auto of = [&](Out all) { return all.middle(first, count); };
    return {of(x),      of(norm1), of(moments1), of(qkv),      of(attended),
            of(middle), of(norm2), of(moments2), of(expanded), of(active)};
  }
};

struct Activations {
  Activations(const Config& c, Index rows) {
    const auto block = [&](Index columns) { return room_.block(rows, columns); };
    for (Index i = 0; i < c.layers; ++i)
      layers.push_back({block(c.width), block(c.width), block(2), block(3 * c.width), block(c.width), block(c.width),
                        block(c.width), block(2), block(c.hidden()), block(c.hidden())});
    x = block(c.width), norm = block(c.width), moments = block(2), scores = block(c.symbols);
  }

  Out input_of(std::size_t layer) const { return layer < layers.size() ? layers[layer].x : x; }

  std::vector<LayerActivations> layers;
  Out x, norm, moments, scores;  // x: what the last layer makes

 private:
  Room room_;
};

namespace detail {

inline void embed(const Weights& weights, std::span<const int> tokens, Index position, Out x) {
  for (std::size_t r = 0; r < tokens.size(); ++r) {
    const auto row = static_cast<Index>(r);
    const float* const token = weights.token.row(tokens[r]);
    const float* const place = weights.position.row((position + row) % weights.config.context);
    for (Index d = 0; d < x.columns; ++d) x.row(row)[d] = token[d] + place[d];
  }
}

inline void before_attention(const Layer& layer, const LayerActivations& a) {
  norm(a.x, layer.norm1, a.norm1, a.moments1);
  linear(a.norm1, layer.qkv, a.qkv);
}

inline void behind_attention(const Layer& layer, const LayerActivations& a, Out result) {
  copy(a.x, a.middle);
  add_linear(a.attended, layer.project, a.middle);
  norm(a.middle, layer.norm2, a.norm2, a.moments2);
  linear(a.norm2, layer.expand, a.expanded);
  gelu(a.expanded, a.active);
  copy(a.middle, result);
  add_linear(a.active, layer.contract, result);
}

}  // namespace detail

// Scores, for each token, of every candidate behind it.  The first token stands at `position`; a sequence begins again
// after `context` tokens.  attend(layer, qkv, attended) does what glint is for.
template <class Attend>
In forward(const Weights& weights, std::span<const int> tokens, Index position, const Activations& a,
           const Workers& workers, const Attend& attend) {
  const auto rows = static_cast<Index>(tokens.size());
  detail::embed(weights, tokens, position, a.input_of(0));
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const Layer& layer = weights.layers[i];
    const LayerActivations& all = a.layers[i];
    in_row_blocks(workers, rows,
                  [&](Index first, Index count) { detail::before_attention(layer, all.rows(first, count)); });
    attend(i, all.qkv.middle(0, rows), all.attended.middle(0, rows));
    in_row_blocks(workers, rows, [&](Index first, Index count) {
      detail::behind_attention(layer, all.rows(first, count), a.input_of(i + 1).middle(first, count));
    });
  }
  in_row_blocks(workers, rows, [&](Index first, Index count) {
    norm(a.x.middle(first, count), weights.last, a.norm.middle(first, count), a.moments.middle(first, count));
    linear(a.norm.middle(first, count), weights.head, a.scores.middle(first, count));
  });
  return a.scores.middle(0, rows);
}

}  // namespace train

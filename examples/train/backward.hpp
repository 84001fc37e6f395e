// The decoder backward: from the gradient by the scores to that by every weight.
#pragma once

#include <functional>

#include "forward.hpp"

namespace train {

// Gradients by what a layer is given and makes.
struct LayerGradients {
  LayerGradients(const Config& c, Index rows) {
    const auto block = [&](Index columns) { return room_.block(rows, columns); };
    result = block(c.width), expanded = block(c.hidden()), norm2 = block(c.width), middle = block(c.width);
    attended = block(c.width), qkv = block(3 * c.width), norm1 = block(c.width), x = block(c.width);
  }

  Out result, expanded, norm2, middle;
  Out attended, qkv, norm1, x;

 private:
  Room room_;
};

namespace detail {

// Work on the weights, which sums over all rows: cut up by rows of matrices, always the same way.
class WeightWork {
 public:
  void add(In x, In dy, const Linear& gradient) {
    constexpr Index kRows = 64;
    for (Index first = 0; first < x.columns; first += kRows) {
      const Index count = std::min(kRows, x.columns - first);
      tasks_.push_back([=] { weight_gradient(x, dy, first, count, gradient); });
    }
    tasks_.push_back([=] { bias_gradient(dy, gradient); });
  }
  void add(In dy, In x, In moments, const Norm& gradient) {
    tasks_.push_back([=] { norm_gradient(dy, x, moments, gradient); });
  }
  void run(const Workers& workers) const {
    workers.for_each(static_cast<Index>(tasks_.size()),
                     [&](Index task, Index) { tasks_[static_cast<std::size_t>(task)](); });
  }

 private:
  std::vector<std::function<void()>> tasks_;
};

// From the gradient by a layer's result to those by its middle and by what attention gave.
inline void behind_attention_backward(const Layer& layer, const LayerActivations& a, const LayerGradients& d,
                                      Index first, Index count) {
  const LayerActivations at = a.rows(first, count);
  const auto of = [&](Out all) { return all.middle(first, count); };
  linear_backward(of(d.result), layer.contract, of(d.expanded));
  gelu_backward(at.expanded, of(d.expanded));
  linear_backward(of(d.expanded), layer.expand, of(d.norm2));
  copy(of(d.result), of(d.middle));
  add_norm_backward(of(d.norm2), at.middle, at.moments2, layer.norm2, of(d.middle));
  linear_backward(of(d.middle), layer.project, of(d.attended));
}

inline void before_attention_backward(const Layer& layer, const LayerActivations& a, const LayerGradients& d,
                                      Index first, Index count) {
  const LayerActivations at = a.rows(first, count);
  const auto of = [&](Out all) { return all.middle(first, count); };
  linear_backward(of(d.qkv), layer.qkv, of(d.norm1));
  copy(of(d.middle), of(d.x));
  add_norm_backward(of(d.norm1), at.x, at.moments1, layer.norm1, of(d.x));
}

inline WeightWork weight_work(const LayerActivations& a, const LayerGradients& d, const Layer& gradient) {
  WeightWork work;
  work.add(a.active, d.result, gradient.contract);
  work.add(a.norm2, d.expanded, gradient.expand);
  work.add(a.norm1, d.qkv, gradient.qkv);
  work.add(a.attended, d.middle, gradient.project);
  work.add(d.norm2, a.middle, a.moments2, gradient.norm2);
  work.add(d.norm1, a.x, a.moments1, gradient.norm1);
  return work;
}

inline void embed_backward(std::span<const int> tokens, In dx, Weights& gradient) {
  std::fill_n(gradient.token.data, gradient.token.size(), 0.0F);
  std::fill_n(gradient.position.data, gradient.position.size(), 0.0F);
  for (std::size_t r = 0; r < tokens.size(); ++r) {
    const auto row = static_cast<Index>(r);
    float* const token = gradient.token.row(tokens[r]);
    float* const place = gradient.position.row(row % gradient.config.context);
    for (Index d = 0; d < dx.columns; ++d) token[d] += dx.row(row)[d], place[d] += dx.row(row)[d];
  }
}

}  // namespace detail

// As forward left `a`, but a.scores now holds the gradient by the scores.  attend_backward(layer, qkv, attended,
// d_attended, d_qkv).
template <class AttendBackward>
void backward(const Weights& weights, std::span<const int> tokens, const Activations& a, LayerGradients& d,
              const Workers& workers, const AttendBackward& attend_backward, Weights& gradient) {
  const Index rows = a.scores.rows;
  in_row_blocks(workers, rows, [&](Index first, Index count) {
    const auto of = [&](Out all) { return all.middle(first, count); };
    linear_backward(of(a.scores), weights.head, of(d.norm1));
    std::fill_n(of(d.x).data, of(d.x).size(), 0.0F);
    add_norm_backward(of(d.norm1), of(a.x), of(a.moments), weights.last, of(d.x));
  });
  detail::WeightWork work;
  work.add(a.norm, a.scores, gradient.head);
  work.add(d.norm1, a.x, a.moments, gradient.last);
  work.run(workers);

  for (std::size_t i = a.layers.size(); i-- > 0;) {
    const Layer& layer = weights.layers[i];
    const LayerActivations& all = a.layers[i];
    std::swap(d.result, d.x);
    in_row_blocks(workers, rows,
                  [&](Index first, Index count) { detail::behind_attention_backward(layer, all, d, first, count); });
    attend_backward(i, all.qkv, all.attended, d.attended, d.qkv);
    in_row_blocks(workers, rows,
                  [&](Index first, Index count) { detail::before_attention_backward(layer, all, d, first, count); });
    detail::weight_work(all, d, gradient.layers[i]).run(workers);
  }
  detail::embed_backward(tokens, d.x, gradient);
}

}  // namespace train

// The gradient (operators 7), P recomputed from the saved statistics, tiles of rows one after another:
//
//   P = e^(x - max) / sum    dV += (P keep)^T dY    dP = (dY V^T) keep    dS = P (dP - rowD),  rowD = dY . out
//   dQ = scale dS K          dK += scale dS^T Q     dpse += dS            dsink -= e^(sink - max) / sum rowD
#include <cmath>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

struct HeadGrid {
  Grid q, k, v, out, q_rope, k_rope;
};

HeadGrid grids_of(const Kernel& kernel) {
  const AttentionCase& spec = kernel.spec;
  const std::string layout = input_side(spec.layout);
  const auto grid = [&](const Array& tensor, index_t heads) {
    return tensor.present() ? grid_of(tensor.shape, layout, heads) : Grid{};
  };
  const std::string d_out = kernel.has(Bug::d_out_layout) ? other_layout(output_side(spec.layout))  // BUG
                                                          : output_side(spec.layout);
  return {grid(spec.query, kernel.heads),      grid(spec.key, kernel.kv_heads),
          grid(spec.value, kernel.kv_heads),   arranged(grid(kernel.question.d_out, kernel.heads), d_out),
          grid(spec.query_rope, kernel.heads), grid(spec.key_rope, kernel.kv_heads)};
}

// Sums of one tile of rows, which are added to the gradients as a whole: float bears no long chains.
struct Partial {
  Rows d_keys, d_values;
};

struct Pass {
  const HeadPlace& at;
  const Rows& queries;
  const Rows& keys;
  const Rows& values;
  HeadGrid grids;
  Answer& answer;
};

void add_to(Array& tensor, index_t at, const float* numbers, index_t count) {
  for (index_t d = 0; d < count; ++d)
    tensor.flat(at + d) = static_cast<double>(static_cast<float>(tensor.flat(at + d)) + numbers[d]);
}

// What one score passes on.
struct Score {
  bool seen = false;
  float weight = 0, keep = 1, slope = 1;
};

Score score_at(const Pass& pass, index_t i, index_t key, const RowStats& stats) {
  const HeadPlace& at = pass.at;
  const Kernel& kernel = at.kernel;
  Score score;
  score.seen = !stats.uniform && (sees(kernel, at.sequence, at.window, at.head, i, key) ||
                                  (kernel.has(Bug::gradient_mask) && stats.saw));  // BUG
  if (stats.uniform) score.weight = 1 / stats.sum;
  if (score.seen) {
    const float bias = bias_at(kernel, at.sequence, at.head, i, key);
    const float product = dot(kernel, pass.queries.row(i), pass.keys.row(key), pass.keys.width);
    const float x = score_of(kernel, product, bias, pass.keys.width);
    score.weight = exponential(kernel, x - stats.max) / stats.sum;
    score.slope = cap_slope(kernel, product, bias, pass.keys.width);
    if (x == -INFINITY) score = {};
  }
  if (score.seen || stats.uniform) score.keep = keep_factor(kernel, at.sequence, at.head, i, key);
  return score;
}

void add_bias(const Pass& pass, index_t i, index_t key, float d_score, float d_inside) {
  Array& d_pse = pass.answer.gradient.d_pse;
  if (!d_pse.present()) return;
  const Kernel& kernel = pass.at.kernel;
  float share = bias_inside_cap(kernel) ? d_inside : d_score;
  if (bias_inside_scale(kernel)) share *= scale_of(kernel, pass.keys.width);
  const index_t at = bias_position(kernel, pass.at.sequence, pass.at.head, i, key);
  if (kernel.has(Bug::d_pse_overwritten)) d_pse.flat(at) = 0;  // BUG: one of those that share it
  add_to(d_pse, at, &share, 1);
}

void row_of_scores(const Pass& pass, index_t i, const RowStats& stats, const float* d_out, float row_dot,
                   Partial& partial, std::vector<float>& d_query) {
  const Kernel& kernel = pass.at.kernel;
  const index_t width = pass.keys.width, value_width = pass.values.width;
  for (index_t key = 0; key < pass.keys.count; ++key) {
    const Score score = score_at(pass, i, key, stats);
    const float kept = score.weight * (kernel.has(Bug::d_value_dropout) ? 1 : score.keep);  // BUG
    for (index_t d = 0; d < value_width; ++d) partial.d_values.row(key)[d] += kept * d_out[d];
    if (!score.seen) continue;

    const float keep = kernel.has(Bug::gradient_dropout) ? 1 : score.keep;  // BUG
    const float d_weight = keep * dot(kernel, d_out, pass.values.row(key), value_width);
    const float d_score = score.weight * (d_weight - row_dot), d_inside = d_score * score.slope;
    add_bias(pass, i, key, d_score, d_inside);
    for (index_t d = 0; d < width; ++d) {
      d_query[static_cast<std::size_t>(d)] += d_inside * pass.keys.row(key)[d];
      partial.d_keys.row(key)[d] += d_inside * pass.queries.row(i)[d];
    }
  }
}

void write_query(const Pass& pass, index_t i, std::vector<float>& d_query) {
  const Kernel& kernel = pass.at.kernel;
  const Sequence& s = pass.at.sequence;
  float factor = q_scale_of(kernel) * scale_of(kernel, pass.keys.width);
  if (kernel.has(Bug::gradient_scale_dq)) factor = 1;           // BUG
  if (kernel.has(Bug::gradient_scale_twice)) factor *= factor;  // BUG
  for (float& number : d_query) number *= factor;
  const HeadGrid& g = pass.grids;
  const index_t row = s.q_first + i;
  add_to(pass.answer.gradient.d_query, g.q.at(s.q_batch, pass.at.head, row), d_query.data(), g.q.width);
  if (g.q_rope.width > 0)
    add_to(pass.answer.gradient.d_query_rope, g.q_rope.at(s.q_batch, pass.at.head, row), d_query.data() + g.q.width,
           g.q_rope.width);
}

void add_sink(const Pass& pass, const RowStats& stats, float row_dot) {
  const Kernel& kernel = pass.at.kernel;
  Array& d_sink = pass.answer.gradient.d_sink;
  if (!d_sink.present() || !stats.saw || kernel.has(Bug::d_sink_missing)) return;  // BUG
  const auto sink = static_cast<float>(kernel.spec.sink.flat(pass.at.head));
  const float share = -std::exp(sink - stats.max) / stats.sum * row_dot;
  add_to(d_sink, pass.at.head, &share, 1);
}

void add_partial(const Pass& pass, Partial& partial) {
  const Kernel& kernel = pass.at.kernel;
  const Sequence& s = pass.at.sequence;
  const index_t kv_head = kernel.kv_head(pass.at.head);
  const bool first_of_group = pass.at.head % (kernel.heads / kernel.kv_heads) == 0;
  if (kernel.has(Bug::gradient_group) && !first_of_group) return;  // BUG
  float factor = q_scale_of(kernel) * scale_of(kernel, pass.keys.width);
  if (kernel.has(Bug::gradient_scale_dk)) factor = 1;           // BUG
  if (kernel.has(Bug::gradient_scale_twice)) factor *= factor;  // BUG
  const bool swapped = kernel.has(Bug::gradient_swapped);       // BUG: their widths are equal
  Array& d_keys = swapped ? pass.answer.gradient.d_value : pass.answer.gradient.d_key;
  Array& d_values = swapped ? pass.answer.gradient.d_key : pass.answer.gradient.d_value;
  const HeadGrid& g = pass.grids;
  for (index_t key = 0; key < pass.keys.count; ++key) {
    float* const d_key = partial.d_keys.row(key);
    for (index_t d = 0; d < pass.keys.width; ++d) d_key[d] *= factor;
    const index_t row = s.kv_first + key;
    add_to(d_keys, g.k.at(s.kv_batch, kv_head, row), d_key, g.k.width);
    if (g.k_rope.width > 0)
      add_to(pass.answer.gradient.d_key_rope, g.k_rope.at(s.kv_batch, kv_head, row), d_key + g.k.width, g.k_rope.width);
    add_to(d_values, g.v.at(s.kv_batch, kv_head, row), partial.d_values.row(key), g.v.width);
  }
}

void backward_row(const Pass& pass, index_t i, const SavedRow& saved, Partial& partial) {
  const Kernel& kernel = pass.at.kernel;
  const Sequence& s = pass.at.sequence;
  const index_t at = pass.grids.out.at(s.q_batch, pass.at.head, s.q_first + i);
  std::vector<float> d_out(static_cast<std::size_t>(pass.values.width));
  for (std::size_t d = 0; d < d_out.size(); ++d)
    d_out[d] = static_cast<float>(kernel.question.d_out.flat(at + static_cast<index_t>(d)));
  float row_dot = saved.stats.saw ? dot(kernel, d_out.data(), saved.out.data(), pass.values.width) : 0;
  if (kernel.has(Bug::gradient_row_dot)) row_dot = 0;  // BUG
  std::vector<float> d_query(static_cast<std::size_t>(pass.keys.width), 0.0F);
  row_of_scores(pass, i, saved.stats, d_out.data(), row_dot, partial, d_query);
  write_query(pass, i, d_query);
  add_sink(pass, saved.stats, row_dot);
}

}  // namespace

void add_gradients(const HeadPlace& at, const Rows& queries, const Rows& keys, const Rows& values,
                   const std::vector<SavedRow>& saved, Answer& answer) {
  const Pass pass{at, queries, keys, values, grids_of(at.kernel), answer};
  const index_t tile = at.kernel.tile.rows;
  for (index_t first = 0; first < queries.count; first += tile) {
    if (at.kernel.has(Bug::d_key_row_tail) && first + tile > queries.count) break;  // BUG
    Partial partial{Rows(keys.count, keys.width), Rows(keys.count, values.width)};
    for (index_t i = first; i < queries.count && i < first + tile; ++i)
      backward_row(pass, i, saved[static_cast<std::size_t>(i)], partial);
    add_partial(pass, partial);
  }
}

}  // namespace kit::mutant

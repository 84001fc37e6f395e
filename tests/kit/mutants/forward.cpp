// One row of output by an online softmax over tiles of keys:
//
//   m' = max(m, max x),  l = l e^(m-m') + sum e^(x-m'),  o = o e^(m-m') + sum e^(x-m') keep v,  out = o / l
#include <cmath>
#include <limits>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kLog2E = 1.44269504F;

// Sums of weights, of those that dropout leaves, and of these times values.
struct Sums {
  float all = 0, kept = 0;
  std::vector<float> out;

  void operator*=(float factor) {
    all *= factor, kept *= factor;
    for (float& number : out) number *= factor;
  }
  void operator+=(const Sums& more) {
    all += more.all, kept += more.kept;
    for (std::size_t d = 0; d < out.size(); ++d) out[d] += more.out[d];
  }
};

// Two levels of sums: float bears no chain of thousands of tiles.
struct Row {
  float max = -kInfinity;
  bool saw = false;
  int tiles = 0;  // in `open`
  Sums open, closed;

  void close() {
    closed += open;
    open = {0, 0, std::vector<float>(open.out.size(), 0.0F)};
    tiles = 0;
  }
};

struct Tile {
  index_t first = 0, end = 0;
  std::vector<float> scores;  // of keys that are seen
  std::vector<bool> seen;
};

// NaN wins, so that it is not lost.
float larger(float left, float right) {
  if (std::isnan(left) || std::isnan(right)) return std::numeric_limits<float>::quiet_NaN();
  return left > right ? left : right;
}

bool score_key(const HeadPlace& at, index_t i, const float* query, const Rows& keys, index_t key, float& score) {
  const Kernel& kernel = at.kernel;
  if (!sees(kernel, at.sequence, at.window, at.head, i, key)) {
    score = -1e4F;
    return kernel.has(Bug::finite_sentinel);  // BUG: a number stands for "not seen"
  }
  const float bias = bias_at(kernel, at.sequence, at.head, i, key);
  score = score_of(kernel, dot(kernel, query, keys.row(key), keys.width), bias, keys.width);
  if (kernel.has(Bug::nan_swallowed) && std::isnan(score)) return false;  // BUG
  return score != -kInfinity;
}

Tile score_tile(const HeadPlace& at, index_t i, const float* query, const Rows& keys, index_t first, index_t end) {
  Tile tile{first, end, std::vector<float>(static_cast<std::size_t>(end - first)),
            std::vector<bool>(static_cast<std::size_t>(end - first))};
  for (index_t key = first; key < end; ++key) {
    const auto slot = static_cast<std::size_t>(key - first);
    tile.seen[slot] = score_key(at, i, query, keys, key, tile.scores[slot]);
  }
  return tile;
}

float tile_max(const Tile& tile) {
  float max = -kInfinity;
  for (std::size_t slot = 0; slot < tile.scores.size(); ++slot)
    if (tile.seen[slot]) max = larger(max, tile.scores[slot]);
  return max;
}

// The weights of a tile times its values.
void add_tile(const HeadPlace& at, index_t i, const Tile& tile, const Rows& values, Row& row) {
  const Kernel& kernel = at.kernel;
  Sums sums{0, 0, std::vector<float>(row.open.out.size(), 0.0F)};
  for (index_t key = tile.first; key < tile.end; ++key) {
    const auto slot = static_cast<std::size_t>(key - tile.first);
    if (!tile.seen[slot]) {
      if (!kernel.has(Bug::poison_leak)) continue;
      for (index_t d = 0; d < values.width; ++d)
        sums.out[static_cast<std::size_t>(d)] += 0 * values.row(key)[d];  // BUG
      continue;
    }
    const float weight = exponential(kernel, tile.scores[slot] - row.max);
    const float kept = weight * keep_factor(kernel, at.sequence, at.head, i, key);
    sums.all += weight;
    sums.kept += kept;
    float factor = kept;
    if (kernel.has(Bug::precision_p_16bit)) factor = to_16bit(kernel, kept);  // BUG
    if (kernel.has(Bug::precision_tf32)) factor = to_tf32(kept);              // BUG
    for (index_t d = 0; d < values.width; ++d) {
      float& to = sums.out[static_cast<std::size_t>(d)];
      to += factor * (kernel.has(Bug::precision_tf32) ? to_tf32(values.row(key)[d]) : values.row(key)[d]);
      if (kernel.has(Bug::precision_accumulate_16bit)) to = to_half(static_cast<double>(to));  // BUG
    }
  }
  row.open += sums;
  constexpr int kTilesTogether = 64;
  if (++row.tiles == kTilesTogether) row.close();
}

void rescale(const Kernel& kernel, float factor, Row& row) {
  if (kernel.has(Bug::softmax_rescale)) return;  // BUG: neither
  for (Sums* const sums : {&row.open, &row.closed}) {
    const Sums before = *sums;
    *sums *= factor;
    if (kernel.has(Bug::softmax_rescale_out)) sums->out = before.out;  // BUG: the sum alone
    if (kernel.has(Bug::softmax_rescale_sum))
      sums->all = before.all, sums->kept = before.kept;  // BUG: the output alone
  }
}

void absorb(const HeadPlace& at, index_t i, const Tile& tile, const Rows& values, Row& row) {
  const Kernel& kernel = at.kernel;
  const float found = tile_max(tile);
  bool any = false;
  for (const bool seen : tile.seen) any = any || seen;
  if (!any && !kernel.has(Bug::softmax_first_tile)) return;  // BUG: -inf - -inf below
  float max = larger(row.max, found);
  if (kernel.has(Bug::softmax_no_max)) max = 0;  // BUG
  if (row.max != -kInfinity || kernel.has(Bug::softmax_first_tile))
    rescale(kernel, exponential(kernel, row.max - max), row);
  row.max = max;
  row.saw = row.saw || any;
  add_tile(at, i, tile, values, row);
}

// Keys that a full last tile has beyond the sequence.
void absorb_tail(const HeadPlace& at, const Rows& keys, const Rows& values, Row& row) {
  const Kernel& kernel = at.kernel;
  const index_t count = at.sequence.keys(), tile = kernel.tile.columns;
  const index_t missing = (tile - count % tile) % tile;
  if (kernel.has(Bug::softmax_tail_unmasked) && missing > 0 && row.saw) {  // BUG: zeros are scores too
    const float max = row.max > 0 ? row.max : 0, factor = std::exp(row.max - max);
    row.open *= factor, row.closed *= factor;
    row.open.all += static_cast<float>(missing) * std::exp(-max);
    row.max = max;
  }
  for (index_t key = keys.count; key < values.count; ++key)  // BUG poison_tail: 0 times what nobody wrote
    for (index_t d = 0; d < values.width; ++d) row.open.out[static_cast<std::size_t>(d)] += 0 * values.row(key)[d];
}

void start_with_sink(const HeadPlace& at, Row& row) {
  const Kernel& kernel = at.kernel;
  if (!kernel.spec.sink.present() || kernel.has(Bug::sink_missing)) return;  // BUG
  float sink = static_cast<float>(kernel.spec.sink.flat(at.head));
  if (sink == -kInfinity) return;
  if (kernel.has(Bug::sink_scaled)) sink *= static_cast<float>(kernel.spec.scale);  // BUG
  row.max = sink;
  row.closed.all = row.closed.kept = 1;
}

// One chain of sums from the first key to the last: what long rows do not bear.
void attend_in_one_chain(const HeadPlace& at, index_t i, const Tile& all, const Rows& values, Row& row) {
  const float max = larger(row.max, tile_max(all));
  rescale(at.kernel, row.max == -kInfinity ? 0 : std::exp(row.max - max), row);
  row.max = max;
  for (index_t key = all.first; key < all.end; ++key) {
    const auto slot = static_cast<std::size_t>(key - all.first);
    if (!all.seen[slot]) continue;
    row.saw = true;
    const float weight = std::exp(all.scores[slot] - max);
    const float kept = weight * keep_factor(at.kernel, at.sequence, at.head, i, key);
    row.open.all += weight;
    for (index_t d = 0; d < values.width; ++d) row.open.out[static_cast<std::size_t>(d)] += kept * values.row(key)[d];
  }
}

void absorb_keys(const HeadPlace& at, index_t i, const float* query, const Rows& keys, const Rows& values, Row& row) {
  const Kernel& kernel = at.kernel;
  const index_t tile = kernel.tile.columns;
  index_t count = keys.count;
  if (kernel.has(Bug::long_sum)) {  // BUG
    attend_in_one_chain(at, i, score_tile(at, i, query, keys, 0, count), values, row);
    return;
  }
  if (kernel.has(Bug::softmax_tail_dropped)) count -= count % tile;  // BUG
  for (index_t first = 0; first < count; first += tile) {
    const index_t end = first + tile < count ? first + tile : count;
    const bool back = kernel.has(Bug::softmax_tail_twice) && count > tile;  // BUG: the last tile is moved back
    absorb(at, i, score_tile(at, i, query, keys, back ? end - tile : first, end), values, row);
  }
  absorb_tail(at, keys, values, row);
}

// A row that saw nothing (operators 1.2, 12.8).
RowStats nothing_seen(const HeadPlace& at, const Rows& values, const Row& row, index_t i, std::vector<float>& out) {
  const Kernel& kernel = at.kernel;
  const bool average =
      kernel.spec.invalid_row == glint::reference::InvalidRow::uniform || kernel.has(Bug::rows_masked_average);  // BUG
  const float bad = std::numeric_limits<float>::quiet_NaN();
  for (float& number : out) number = kernel.has(Bug::rows_masked_nan) ? bad : 0;  // BUG: 0 / 0
  if (row.closed.all > 0) return {row.max, row.closed.all};
  const index_t count = at.sequence.keys();
  if (!average || count == 0) return {-kLargest, kLargest};
  for (index_t key = 0; key < count; ++key) {
    const float kept = keep_factor(kernel, at.sequence, at.head, i, key) / static_cast<float>(count);
    for (index_t d = 0; d < values.width; ++d) out[static_cast<std::size_t>(d)] += kept * values.row(key)[d];
  }
  return {-kLargest, static_cast<float>(count), false, true};
}

}  // namespace

float exponential(const Kernel& kernel, float below) {
  if (kernel.has(Bug::scale_exp2)) return std::exp2(below);           // BUG
  if (kernel.has(Bug::scale_log2e)) return std::exp(below * kLog2E);  // BUG
  return std::exp(below);
}

RowStats attend(const HeadPlace& at, index_t i, const float* query, const Rows& keys, const Rows& values,
                std::vector<float>& out) {
  const Kernel& kernel = at.kernel;
  Row row;
  row.open.out.assign(static_cast<std::size_t>(values.width), 0.0F);
  row.closed.out = row.open.out;
  start_with_sink(at, row);
  absorb_keys(at, i, query, keys, values, row);
  row.close();
  const Sums& sums = row.closed;
  out.assign(sums.out.size(), 0.0F);
  if (!row.saw && !std::isnan(row.max)) return nothing_seen(at, values, row, i, out);
  const float divisor = kernel.has(Bug::dropout_before_sum) ? sums.kept : sums.all;  // BUG
  for (std::size_t d = 0; d < out.size(); ++d) out[d] = sums.out[d] / divisor;
  const bool dropped = kernel.has(Bug::stats_dropped_sum) || kernel.has(Bug::dropout_before_sum);  // BUG
  return {row.max, dropped ? sums.kept : sums.all, true};
}

}  // namespace kit::mutant

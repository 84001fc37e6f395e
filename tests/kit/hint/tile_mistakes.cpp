// Mistakes that depend on the kernel's tiles: the running maximum, and the last tile of keys or rows.
#include "kit/hint/tile_mistakes.hpp"

#include <cmath>

#include "glint/reference/attention.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

constexpr index_t kSizes[] = {8, 16, 32, 48, 64, 80, 96, 128, 192, 256, 384, 512, 1024};

std::vector<index_t> sizes(index_t told) {
  return told > 0 ? std::vector<index_t>{told} : std::vector<index_t>(std::begin(kSizes), std::end(kSizes));
}

// What a kernel makes of a row all of whose keys it leaves out: anything.
RowResult nothing() {
  RowResult row;
  row.state = RowState::unknown;
  return row;
}

struct Accumulator {
  Vector out, weight;
  double max = -reference::infinity, sum = 0;
};

void rescale(double max, const Tiling& tiling, Accumulator& row) {
  const bool first = parts::is_minus_infinity(row.max);
  const double factor = first ? 0 : std::exp(tiling.inverted ? max - row.max : row.max - max);
  row.max = max;
  if (first) return;
  if (tiling.rescales_sum) row.sum *= factor;
  if (!tiling.rescales_out) return;
  row.out *= factor;
  row.weight *= factor;
}

template <class Values>
void add_product(double weight, const Values& values, const Tiling& tiling, Vector& out) {
  out += weight * values.transpose();
  if (!tiling.round_sums) return;
  for (double& element : out) element = tiling.round_sums(element);
}

void add_tile(const RowScores& scores, index_t begin, index_t end, const Tiling& tiling, Accumulator& row) {
  double max = row.max;
  for (index_t j = begin; j < end; ++j) max = std::max(max, scores.x(j));
  if (parts::is_minus_infinity(max)) return;
  if (max > row.max) rescale(max, tiling, row);
  Vector out = Vector::Zero(row.out.size());
  for (index_t j = begin; j < end; ++j) {
    if (parts::is_minus_infinity(scores.x(j))) continue;
    const double weight = std::exp(scores.x(j) - max);
    const double kept = weight * scores.drop(j), rounded = tiling.round_p ? tiling.round_p(kept) : kept;
    row.sum += tiling.sums_rounded ? tiling.round_p(weight) : weight;
    add_product(rounded, scores.kv->values.row(j), tiling, out);
    row.weight += weight * scores.drop(j) * scores.kv->values.row(j).cwiseAbs().transpose();
  }
  row.out += out;
}

// Keys behind the last whole tile take no part.
RowResult without_tail(const RowScores& scores, index_t columns) {
  RowScores cut = scores;
  for (index_t j = scores.x.size() / columns * columns; j < scores.x.size(); ++j) cut.x(j) = -reference::infinity;
  return parts::saw_nothing(cut.x) ? nothing() : exact_row(cut);
}

// The last tile is filled up with keys of score 0 and value 0; `all`: whatever the mode says about them.
RowResult with_padding(const RowScores& scores, index_t columns, bool all) {
  const index_t keys = scores.x.size(), end = (keys + columns - 1) / columns * columns;
  double padding = 0;
  for (index_t j = keys; j < end; ++j) padding += all || reference::visible(scores.rule, scores.i, j, false) ? 1 : 0;
  RowResult row = exact_row(scores);
  if (padding == 0) return row;
  const double max = std::max(row.max, 0.0), sum = row.sum * std::exp(row.max - max);
  const double padded = sum + padding * std::exp(-max);
  row.out *= sum / padded;
  row.weight *= sum / padded;
  row.max = max, row.sum = padded, row.lse = std::log(padded) + max;
  return row;
}

using Softmax = std::function<RowResult(const RowScores&)>;

Hypothesis tiled(const char* id, const std::string& sentence, index_t tile, const Softmax& softmax) {
  return {id, sentence,
          [softmax](Kernel& kernel) {
            kernel.keeps_scores = true;
            kernel.softmax = softmax;
          },
          tile};
}

void add_rescaling(index_t columns, Hypotheses& table) {
  const auto mistake = [&](const std::string& what, bool sum, bool out, bool inverted) {
    Tiling tiling;
    tiling.columns = columns;
    tiling.rescales_sum = sum, tiling.rescales_out = out, tiling.inverted = inverted;
    table.push_back(tiled("softmax.rescale",
                          "Online softmax: when a tile of keys raises the row's maximum, " + what +
                              "; multiply both the running sum and the running output by exp(old max - new max).",
                          columns, [tiling](const RowScores& scores) { return tiled_row(scores, tiling); }));
  };
  mistake("the running output is not rescaled", true, false, false);
  mistake("the running sum is not rescaled", false, true, false);
  mistake("neither the running sum nor the running output is rescaled", false, false, false);
  mistake("the factor is inverted", true, true, true);
}

void add_dropped_tail(index_t columns, Hypotheses& table) {
  table.push_back(tiled("softmax.tail_dropped",
                        "The last, partial tile of keys is left out: keys behind the last whole tile take no part.",
                        columns, [columns](const RowScores& scores) { return without_tail(scores, columns); }));
}

void add_unmasked_tail(index_t columns, Hypotheses& table) {
  for (const bool all : {true, false})
    table.push_back(tiled("softmax.tail_unmasked",
                          "The padding of the last, partial tile of keys takes part with score 0: mask keys j >= S2.",
                          columns,
                          [columns, all](const RowScores& scores) { return with_padding(scores, columns, all); }));
}

void add_rows(index_t rows, Hypotheses& table) {
  table.push_back({"rows.tail_unwritten",
                   "The last, partial tile of query rows is not written: rows behind the last whole tile hold what the "
                   "buffer held.",
                   [rows](Kernel& kernel) {
                     kernel.keeps_scores = true;
                     kernel.after = [rows](const RowScores& scores, RowResult& row) {
                       if (scores.i >= scores.rule.rows / rows * rows) row.state = RowState::unwritten;
                     };
                   },
                   rows});
}

}  // namespace

RowResult tiled_row(const RowScores& scores, const Tiling& tiling) {
  Accumulator row;
  row.out = row.weight = Vector::Zero(scores.kv->values.cols());
  if (!parts::is_minus_infinity(scores.sink)) row.max = scores.sink, row.sum = 1;
  const index_t keys = scores.x.size();
  for (index_t begin = 0; begin < keys; begin += tiling.columns)
    add_tile(scores, begin, std::min(begin + tiling.columns, keys), tiling, row);
  RowResult result;
  result.out = row.out / row.sum;
  result.weight = row.weight / row.sum;
  result.max = row.max, result.sum = row.sum, result.lse = std::log(row.sum) + row.max;
  result.score_abs = scores.score_abs;
  return result;
}

void add_tile_mistakes(const Question& question, TileSize tile, Hypotheses& table) {
  if (question.spec.int8.dequant_scale1.present()) return;  // its rounding knows blocks already
  index_t most_keys = 0, most_rows = 0;
  for (const Entry& entry : reference::entries_of(question.spec)) {
    most_keys = std::max(most_keys, entry.keys());
    most_rows = std::max(most_rows, entry.rows);
  }
  for (const index_t columns : sizes(tile.columns)) {
    if (columns < most_keys) add_rescaling(columns, table);
    if (columns < most_keys) add_dropped_tail(columns, table);
    add_unmasked_tail(columns, table);
  }
  for (const index_t rows : sizes(tile.rows))
    if (rows < most_rows || tile.rows > 0) add_rows(rows, table);
}

}  // namespace kit::hinting

// Roundings that the contract does not allow: they are simulated, and judged by how much of the error they explain.
#include <cmath>

#include "glint/reference/attention.hpp"
#include "kit/hint/tile_mistakes.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

using Round = std::function<double(double)>;

// To nearest, ties to even, as many bits behind the point.
double to_nearest(double value, int fraction_bits, int least_exponent) {
  if (value == 0 || !(std::abs(value) < 1e300)) return value;
  const int exponent = std::max(std::ilogb(value), least_exponent);
  return std::ldexp(std::nearbyint(std::ldexp(value, fraction_bits - exponent)), exponent - fraction_bits);
}

double to_tf32(double value) { return to_nearest(value, 10, -126); }
double cut_to_tf32(double value) {
  return static_cast<double>(reference::truncate_to_19_bits(static_cast<float>(value)));
}
double to_bf16(double value) { return to_nearest(value, 7, -126); }
double to_f16(double value) { return to_nearest(value, 10, -14); }

Hypothesis simulation(const char* id, const std::string& sentence, const std::function<void(Kernel&)>& edit,
                      index_t tile = 0) {
  return {id, sentence, edit, tile, true};
}

std::function<RowResult(const RowScores&)> simulated(const Tiling& tiling) {
  return [tiling](const RowScores& scores) { return tiled_row(scores, tiling); };
}

std::function<RowResult(const RowScores&)> rounded_p(const Round& round, index_t columns, bool sums_rounded) {
  Tiling tiling;
  tiling.columns = columns;
  tiling.round_p = round;
  tiling.sums_rounded = sums_rounded;
  return simulated(tiling);
}

// Sizes of tiles to try: one for all keys is as good as any where the maximum comes early.
std::vector<index_t> tiles_of(TileSize tile, index_t keys) {
  if (tile.columns > 0) return {tile.columns};
  std::vector<index_t> columns{std::max<index_t>(1, keys)};
  for (const index_t size : {16, 32, 64, 128, 256, 512})
    if (size < keys) columns.push_back(size);
  return columns;
}

// P divided by the sum, then rounded.
RowResult rounded_probabilities(const RowScores& scores, const Round& round) {
  RowResult row = exact_row(scores);
  row.out.setZero();
  for (index_t j = 0; j < scores.x.size(); ++j) {
    if (parts::is_minus_infinity(scores.x(j))) continue;
    row.out += round(std::exp(scores.x(j) - row.max) / row.sum * scores.drop(j)) * scores.kv->values.row(j).transpose();
  }
  return row;
}

void add_tf32(const std::vector<index_t>& columns, Hypotheses& table) {
  const std::string sentence =
      "The error is that of TF32: operands of a product keep 10 bits of their fraction. Turn TF32 off for float32.";
  const auto add = [&](const Round& round, bool scores, bool output, index_t size) {
    table.push_back(simulation("precision.tf32", sentence, [=](Kernel& kernel) {
      kernel.gathers = true;
      kernel.keys_as_read = [=](HeadKeys& head) {
        if (scores)
          for (double& value : head.keys.reshaped()) value = round(value);
        if (output)
          for (double& value : head.values.reshaped()) value = round(value);
      };
      if (scores)
        kernel.query_as_read = [=](Vector& query) {
          for (double& value : query) value = round(value);
        };
      if (output) kernel.softmax = rounded_p(round, size, false);
    }));
  };
  for (const Round& round : {Round(to_tf32), Round(cut_to_tf32)}) {
    add(round, true, false, 0);
    for (const index_t size : columns) {
      add(round, true, true, size);
      add(round, false, true, size);
    }
  }
}

void add_rounded_p(const Question& question, const std::vector<index_t>& columns, Hypotheses& table) {
  const auto add = [&](const std::string& name, const Round& round) {
    const std::string sentence = "The error is that of probabilities rounded to " + name +
                                 " before the product with the values; keep P in float32, or ask for high performance.";
    for (const index_t size : columns)
      for (const bool sums_rounded : {false, true})
        table.push_back(simulation("precision.p_16bit", sentence, [=](Kernel& kernel) {
          kernel.keeps_scores = true;
          kernel.softmax = rounded_p(round, size, sums_rounded);
        }));
    table.push_back(simulation("precision.p_16bit", sentence, [round](Kernel& kernel) {
      kernel.keeps_scores = true;
      kernel.softmax = [round](const RowScores& scores) { return rounded_probabilities(scores, round); };
    }));
  };
  if (!question.rounds_p) add("bfloat16", to_bf16);
  add("float16", to_f16);
}

// A product that writes its results in 16 bits for the softmax to read.
void add_rounded_scores(const AttentionCase& spec, Hypotheses& table) {
  const auto add = [&](const std::string& name, const Round& round, double scale) {
    table.push_back(simulation("precision.scores_16bit",
                               "The error is that of scores rounded to " + name +
                                   " between the first product and the softmax; keep them in float32.",
                               [round, scale](Kernel& kernel) {
                                 kernel.product = [round, scale](const Vector& query, const Vector& key) {
                                   return round(query.dot(key) * scale) / scale;
                                 };
                               }));
  };
  const double scale = spec.scale * spec.q_scale;
  const bool scaled_is_score = scale != 0 && scale != 1 && !spec.pse.present() && spec.softcap == 0;
  for (const auto& [name, round] : {std::pair{"float16", Round(to_f16)}, std::pair{"bfloat16", Round(to_bf16)}}) {
    add(name, round, 1);
    if (scaled_is_score) add(name, round, scale);
  }
}

// A chain of sums, each rounded.
double chained_dot(const Vector& left, const Vector& right, const Round& round) {
  double sum = 0;
  for (index_t d = 0; d < left.size(); ++d) sum = round(sum + left(d) * right(d));
  return sum;
}

void add_accumulators(const std::vector<index_t>& columns, Hypotheses& table) {
  const auto add = [&](const std::string& name, const Round& round, bool scores, bool output) {
    const std::string sums = scores && output ? "both products" : scores ? "the scores" : "the second product";
    for (const index_t size : columns) {
      Tiling tiling;
      tiling.columns = size;
      if (output) tiling.round_sums = round;
      table.push_back(
          simulation("precision.accumulate_16bit",
                     "The error is that of sums kept in " + name + ", in " + sums + "; accumulate in float32.",
                     [=](Kernel& kernel) {
                       if (scores)
                         kernel.product = [round](const Vector& left, const Vector& right) {
                           return chained_dot(left, right, round);
                         };
                       kernel.keeps_scores = !scores;
                       kernel.softmax = simulated(tiling);
                     }));
      if (!output) break;
    }
  };
  for (const auto& [name, round] : {std::pair{"float16", Round(to_f16)}, std::pair{"bfloat16", Round(to_bf16)}}) {
    add(name, round, true, true);
    add(name, round, false, true);
    add(name, round, true, false);
  }
}

}  // namespace

void add_precisions(const Question& question, TileSize tile, Hypotheses& table) {
  if (question.spec.int8.dequant_scale1.present() || question.out_type == DType::i8) return;
  index_t keys = 0;
  for (const Entry& entry : reference::entries_of(question.spec)) keys = std::max(keys, entry.keys());
  const std::vector<index_t> columns = tiles_of(tile, keys);
  if (question.out_type == DType::f32) add_tf32(columns, table);  // operands of 16 bits lose nothing
  add_rounded_p(question, columns, table);
  add_accumulators(columns, table);
  add_rounded_scores(question.spec, table);
}

}  // namespace kit::hinting

// A training forward: dropout drawn from a seed, and the softmax statistics saved for the gradient.  glint itself
// throws nothing; who likes exceptions wraps Status in five lines.
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "glint/glint.hpp"

template <class Value>
Value value_or_throw(const glint::Status& status, Value value) {
  char text[160];
  glint::format(status, text, sizeof text);
  return status ? value : throw std::runtime_error(text);
}

int main() {
  using namespace glint;
  const std::size_t rows = 64, keys = 256, dim = 8;
  // Value 1 everywhere: an output is the sum of its row's kept probabilities, over keep_prob.
  const std::vector<float> q(rows * dim, 0.5F), k(keys * dim, 0.25F), v(keys * dim, 1.0F);
  std::vector<float> out(rows * dim), softmax_max(rows), softmax_sum(rows);
  ScoreProblem<float> problem{.q = q.data(),
                              .k = k.data(),
                              .v = v.data(),
                              .out = out.data(),
                              .shape = {.batch = 1, .heads = 1, .q_len = rows, .kv_len = keys, .head_dim = dim},
                              .scale = 1,
                              .dropout = {.keep_prob = 0.75, .generate = true, .seed = 2024},
                              .softmax_max = softmax_max.data(),
                              .softmax_sum = softmax_sum.data()};
  const FlashAttentionScore<layout::BNSD, float, SparseMode::right_down_causal> attend;

  const float* const result = value_or_throw(attend(problem), out.data());
  float mean = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    mean += result[row * dim] / rows;
    const float kept = result[row * dim] * 0.75F * softmax_sum[row];  // equal probabilities: a count
    if (row % 16 == 0) {
      std::printf("row %2zu: kept %.0f of %.0f keys, score maximum %.1f\n", row, kept, softmax_sum[row],
                  softmax_max[row]);
    }
  }
  std::printf("mean output %.2f; without dropout it is 1\n", mean);

  problem.dropout.keep_prob = 0;
  try {
    value_or_throw(attend(problem), 0);
  } catch (const std::exception& error) {
    std::printf("thrown: %s\n", error.what());
  }
}

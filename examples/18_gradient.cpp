// A training step's attention: the forward saves one number for each row, and the gradient reads it.  4 query heads
// share 2 key heads, whose gradients are sums over the pairs.
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;
constexpr index_t kTokens = 12, kHeads = 4, kKvHeads = 2, kDim = 8;

std::vector<float> wave(index_t heads, float step) {
  std::vector<float> numbers(static_cast<std::size_t>(kTokens * heads * kDim));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(step * static_cast<float>(i * i));
  return numbers;
}

int main() {
  std::vector<float> q = wave(kHeads, 1.3F), k = wave(kKvHeads, 0.7F), v = wave(kKvHeads, 1.9F);
  std::vector<float> out(q.size()), lse(kTokens * kHeads), d_q(q.size()), d_k(k.size()), d_v(v.size());
  const ScoreProblem<float> problem{
      .q = q.data(),
      .k = k.data(),
      .v = v.data(),
      .out = out.data(),
      .shape =
          {.batch = 1, .heads = kHeads, .kv_heads = kKvHeads, .q_len = kTokens, .kv_len = kTokens, .head_dim = kDim},
      .scale = 1 / std::sqrt(8.0F),
      .lse = lse.data()};
  const FlashAttentionScore<layout::BSND, float, SparseMode::right_down_causal> attend;
  const FlashAttentionScoreGrad<layout::BSND, float, SparseMode::right_down_causal> gradient;

  // The loss is sum(w o out), so its gradient by out is w.
  const std::vector<float> w = wave(kHeads, 0.37F);
  Status status = attend(problem);
  if (status) {
    status = gradient({.forward = problem, .d_out = w.data(), .d_q = d_q.data(), .d_k = d_k.data(), .d_v = d_v.data()});
  }
  if (!status) {
    std::puts(status.rule);
    return 1;
  }

  // Is it the slope of the loss?
  const auto slope = [&](float& number) {
    const float before = number, step = 0x1p-6F;
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      number = side == 0 ? before - step : before + step;
      if (const Status again = attend(problem); !again) std::puts(again.rule);
      loss[side] = 0;
      for (std::size_t i = 0; i < out.size(); ++i) loss[side] += static_cast<double>(w[i] * out[i]);
    }
    number = before;
    return (loss[1] - loss[0]) / (2 * static_cast<double>(step));
  };
  const auto compare = [&](const char* name, float by_glint, float& number) {
    const bool same = std::abs(slope(number) - static_cast<double>(by_glint)) < 1e-3;
    std::printf("%s %+.3f, %s\n", name, by_glint, same ? "as finite differences say" : "WRONG");
  };
  compare("d_q[100]", d_q[100], q[100]);
  compare("d_k[100]", d_k[100], k[100]);
  compare("d_v[100]", d_v[100], v[100]);
}

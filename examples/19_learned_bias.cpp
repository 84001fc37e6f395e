// Learning what is added to scores: a bias by distance, the same for the whole batch, and an attention sink.  A teacher
// has both; a student that sees only the teacher's outputs finds them by gradient descent.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;
constexpr index_t kBatch = 4, kRows = 32, kDim = 8, kDistances = 4;  // distances of 3 and more are one
constexpr std::size_t kNumbers = kBatch * kRows * kDim;

struct Biases {
  float by_distance[kDistances], sink;
};

index_t distance(std::size_t i) {  // of element i of the bias tensor, [row][key]
  const index_t row = static_cast<index_t>(i) / kRows, key = static_cast<index_t>(i) % kRows;
  return std::clamp(row - key, index_t{0}, kDistances - 1);
}

std::vector<float> wave(float step) {
  std::vector<float> numbers(kNumbers);
  for (std::size_t i = 0; i < kNumbers; ++i) numbers[i] = std::sin(step * static_cast<float>(i * i));
  return numbers;
}

struct Attention {
  std::vector<float> q = wave(1.3F), k = wave(0.7F), v = wave(1.9F), out = q;
  std::vector<float> d_q = q, d_k = q, d_v = q;  // not needed here
  std::vector<float> pse = std::vector<float>(kRows * kRows), d_pse = pse, lse = std::vector<float>(kBatch * kRows);
  float sink = 0;

  ScoreProblem<float> problem() {
    return {.q = q.data(),
            .k = k.data(),
            .v = v.data(),
            .out = out.data(),
            .shape = {.batch = kBatch, .heads = 1, .q_len = kRows, .kv_len = kRows, .head_dim = kDim},
            .scale = 1,
            .pse = {.data = pse.data(), .dtype = DType::f32, .rows = kRows, .columns = kRows},
            .pse_type = 0,  // added after the scale
            .sink = &sink,
            .lse = lse.data()};
  }
  Status forward(const Biases& biases) {
    for (std::size_t i = 0; i < pse.size(); ++i) pse[i] = biases.by_distance[distance(i)];
    sink = biases.sink;
    return FlashAttentionScore<layout::BNSD, float, SparseMode::right_down_causal>{}(problem());
  }
  // d_pse arrives summed over the batch; that a distance is used many times is this program's own doing.
  Status backward(const std::vector<float>& d_out, Biases& d) {
    d = {};
    const Status status =
        FlashAttentionScoreGrad<layout::BNSD, float, SparseMode::right_down_causal>{}({.forward = problem(),
                                                                                       .d_out = d_out.data(),
                                                                                       .d_q = d_q.data(),
                                                                                       .d_k = d_k.data(),
                                                                                       .d_v = d_v.data(),
                                                                                       .d_pse = d_pse.data(),
                                                                                       .d_sink = &d.sink});
    for (std::size_t i = 0; i < d_pse.size(); ++i) d.by_distance[distance(i)] += d_pse[i];
    return status;
  }
};

int main() {
  Attention teacher, student;
  // Scores matter up to a constant, so the last distance stays at 0.
  Status status = teacher.forward({{2, 1, -1, 0}, 0.5F});
  Biases learned{}, slope{};
  std::vector<float> d_out(kNumbers);
  for (int step = 0; step <= 200 && status; ++step) {
    status = student.forward(learned);
    double loss = 0;
    for (std::size_t i = 0; i < kNumbers; ++i) {
      d_out[i] = student.out[i] - teacher.out[i];
      loss += 0.5 * static_cast<double>(d_out[i] * d_out[i]);
    }
    if (step % 50 == 0)
      std::printf("step %3d: loss %6.2f, biases %.2f %.2f %.2f, sink %.2f\n", step, loss, learned.by_distance[0],
                  learned.by_distance[1], learned.by_distance[2], learned.sink);
    if (status) status = student.backward(d_out, slope);
    const float rate = 0.02F;
    for (int i = 0; i + 1 < kDistances; ++i) learned.by_distance[i] -= rate * slope.by_distance[i];
    learned.sink -= rate * slope.sink;
  }
  if (!status) std::puts(status.rule);
  return status ? 0 : 1;
}

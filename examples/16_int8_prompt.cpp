// A prompt whose queries, keys and values are int8 and are multiplied as integers.  One factor for each tensor says
// what its integers mean: x = x_int * factor.  What the operator is told follows from the factors:
//   dequant1   from q . k in integers to scores: the factor of q times that of k
//   quant1     from probabilities, which lie between 0 and 1, to integers: 127
//   dequant2   from sums of p v in integers to numbers: the factor of v / quant1
// The output is float16, or int8 again: then quant_scale2 is 1 / the factor that the next layer expects.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

constexpr int kTokens = 96, kHeads = 4, kKvHeads = 2, kDim = 64;
constexpr Shape kShape{
    .batch = 1, .heads = kHeads, .kv_heads = kKvHeads, .q_len = kTokens, .kv_len = kTokens, .head_dim = kDim};

template <class Element>
using Attend = PromptFlashAttention<layout::BSND, Element, SparseMode::right_down_causal>;

std::vector<float> numbers(int count, float step) {  // stands for the model
  std::vector<float> list(count);
  for (int i = 0; i < count; ++i) list[i] = 2 * std::sin(step * static_cast<float>(i % 9973));
  return list;
}

struct Quantized {
  float factor;
  std::vector<std::int8_t> integers;

  explicit Quantized(const std::vector<float>& list) : integers(list.size()) {
    float largest = 0;
    for (const float x : list) largest = std::max(largest, std::abs(x));
    factor = largest / 127;
    for (std::size_t i = 0; i < list.size(); ++i) integers[i] = static_cast<std::int8_t>(std::lround(list[i] / factor));
  }
};

// The root of the mean square of the differences, as a share of that of the numbers themselves.
float error(const std::vector<float>& list, const std::vector<float>& want) {
  float squares = 0, of_all = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    squares += (list[i] - want[i]) * (list[i] - want[i]);
    of_all += want[i] * want[i];
  }
  return std::sqrt(squares / of_all);
}

int main() {
  const std::vector<float> q = numbers(kTokens * kHeads * kDim, 1.3F), k = numbers(kTokens * kKvHeads * kDim, 0.7F),
                           v = numbers(kTokens * kKvHeads * kDim, 1.9F);
  std::vector<float> want(q.size());
  Status status = Attend<float>{}(
      {.q = q.data(), .kv = {.k = k.data(), .v = v.data()}, .out = want.data(), .shape = kShape, .scale = 0.125F});

  const Quantized q8(q), k8(k), v8(v);
  PromptProblem<std::int8_t> prompt{
      .q = q8.integers.data(),
      .kv = {.k = k8.integers.data(), .v = v8.integers.data()},
      .shape = kShape,
      .scale = 0.125F,
      .int8 = {.dequant1 = q8.factor * k8.factor, .quant1 = 127.0F, .dequant2 = v8.factor / 127}};
  std::vector<half> halves(q.size());
  prompt.out = halves.data();
  if (status) status = Attend<std::int8_t>{}(prompt);

  const float out_factor = Quantized(want).factor, quant_scale2 = 1 / out_factor;  // an engine knows it beforehand
  std::vector<std::int8_t> integers(q.size());
  prompt.out = nullptr;
  prompt.out_int8 = integers.data();
  prompt.post_quant = {.scale = &quant_scale2};
  if (status) status = Attend<std::int8_t>{}(prompt);
  if (!status) return std::puts(status.rule), 1;

  std::vector<float> from_halves(q.size()), from_integers(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) {
    from_halves[i] = to_float(halves[i]);
    from_integers[i] = static_cast<float>(integers[i]) * out_factor;
  }
  const auto print = [&](const char* type, const std::vector<float>& out, int percent) {
    const bool close = error(out, want) < 0.01F * static_cast<float>(percent);
    std::printf("out in %-7s  %s %d %% of what floats give\n", type, close ? "within" : "NOT WITHIN", percent);
  };
  std::printf("q, k and v: %d KiB of floats, %d KiB of int8\n",
              static_cast<int>((q.size() + k.size() + v.size()) * 4 / 1024),
              static_cast<int>((q.size() + k.size() + v.size()) / 1024));
  print("float16", from_halves, 2);
  print("int8", from_integers, 3);
}

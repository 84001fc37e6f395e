// Prefill of a ragged batch with a sliding window: three prompts of 6, 2 and 4 tokens in one padded tensor.
//
// With q = 0 every visible key weighs the same, and value j is the number j: each output is then the mean position
// that its row sees, which shows the window.
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

int main() {
  using namespace glint;
  const Shape shape{.batch = 3, .heads = 1, .q_len = 6, .kv_len = 6, .head_dim = 8};
  const std::vector<index_t> lengths{6, 2, 4};
  const auto size = static_cast<std::size_t>(shape.batch * shape.q_len * shape.head_dim);
  const half zero{}, padding = from_float<half>(99);  // keys behind a prompt's end are never read
  std::vector<half> q(size, zero), k(size, padding), v(size, padding), out(size, padding);
  for (index_t b = 0; b < shape.batch; ++b) {
    for (index_t i = 0; i < lengths[static_cast<std::size_t>(b)] * shape.head_dim; ++i) {
      const auto at = static_cast<std::size_t>(b * shape.q_len * shape.head_dim + i);
      k[at] = zero;
      v[at] = from_float<half>(static_cast<float>(i / shape.head_dim));
    }
  }

  // A window of three tokens: the row's own and two before it.
  const PromptFlashAttention<layout::BNSD, half, SparseMode::band> prefill;
  const Status status = prefill({.q = q.data(),
                                 .kv = {.k = k.data(), .v = v.data()},
                                 .out = out.data(),
                                 .shape = shape,
                                 .scale = 1,
                                 .pre_tokens = 2,
                                 .next_tokens = 0,
                                 .q_lens = lengths,
                                 .kv_lens = lengths});
  if (!status) {
    std::puts(status.rule);
    return 1;
  }

  for (index_t b = 0; b < shape.batch; ++b) {
    std::printf("prompt %d:", static_cast<int>(b));
    for (index_t row = 0; row < shape.q_len; ++row)  // rows behind the end come out as zero
      std::printf(" %.1f", to_float(out[static_cast<std::size_t>((b * shape.q_len + row) * shape.head_dim)]));
    std::puts("");
  }
}

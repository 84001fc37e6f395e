// Causal attention on bare pointers: 4 tokens, 2 heads of 8 numbers each.
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

int main() {
  std::vector<float> q(4 * 2 * 8), k(q), v(q), out(q);  // [token][head][number]
  for (std::size_t i = 0; i < q.size(); ++i) {
    q[i] = std::sin(static_cast<float>(i));
    k[i] = std::cos(static_cast<float>(i));
    v[i] = static_cast<float>(i % 7);
  }

  const glint::FlashAttentionScore<glint::layout::BSND, float, glint::SparseMode::right_down_causal> attend;
  const glint::Status status = attend({.q = q.data(),
                                       .k = k.data(),
                                       .v = v.data(),
                                       .out = out.data(),
                                       .shape = {.batch = 1, .heads = 2, .q_len = 4, .kv_len = 4, .head_dim = 8},
                                       .scale = 1 / std::sqrt(8.0F)});
  if (!status) {
    std::puts(status.rule);
    return 1;
  }

  for (std::size_t token = 0; token < 4; ++token)
    std::printf("token %zu, head 0: %.2f %.2f %.2f %.2f\n", token, out[16 * token], out[16 * token + 1],
                out[16 * token + 2], out[16 * token + 3]);
}

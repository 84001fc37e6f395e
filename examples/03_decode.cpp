// Decode: the cache has room for 32 tokens and grows by one token a step; 4 query heads share 2 kv heads (GQA).
// Step i must give what row i of a causal prefill over all tokens gives.  Pages and int8: example 12; several new rows
// in one call: example 14.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

int main() {
  using namespace glint;
  const index_t room = 32, tokens = 12, heads = 4, kv_heads = 2, dim = 16;
  const auto numbers = [](index_t count, float step) {
    std::vector<float> list(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = std::sin(step * static_cast<float>(i));
    return list;
  };
  // BSND: token after token, so that appending to the cache is writing behind its end.
  const auto q = numbers(tokens * heads * dim, 1.3F);
  const auto new_k = numbers(tokens * kv_heads * dim, 0.7F), new_v = numbers(tokens * kv_heads * dim, 1.9F);
  std::vector<float> all(q.size()), one(static_cast<std::size_t>(heads * dim));
  std::vector<float> k_cache(static_cast<std::size_t>(room * kv_heads * dim)), v_cache(k_cache);

  const PromptFlashAttention<layout::BSND, float, SparseMode::left_up_causal> prefill;
  const Shape prompt{
      .batch = 1, .heads = heads, .kv_heads = kv_heads, .q_len = tokens, .kv_len = tokens, .head_dim = dim};
  Status status = prefill({.q = q.data(),
                           .kv = {.k = new_k.data(), .v = new_v.data()},
                           .out = all.data(),
                           .shape = prompt,
                           .scale = 0.25F});

  const IncreFlashAttention<layout::BSND, float> step;
  for (index_t token = 0; token < tokens && status; ++token) {
    const index_t row = kv_heads * dim;
    std::copy_n(new_k.begin() + token * row, row, k_cache.begin() + token * row);
    std::copy_n(new_v.begin() + token * row, row, v_cache.begin() + token * row);
    const std::vector<index_t> kv_lens{token + 1};
    status =
        step({.q = q.data() + token * heads * dim,
              .kv = {.k = k_cache.data(), .v = v_cache.data()},
              .out = one.data(),
              .shape = {.batch = 1, .heads = heads, .kv_heads = kv_heads, .q_len = 1, .kv_len = room, .head_dim = dim},
              .scale = 0.25F,
              .kv_lens = kv_lens});
    float largest = 0;
    for (std::size_t i = 0; i < one.size(); ++i)
      largest = std::max(largest, std::abs(one[i] - all[static_cast<std::size_t>(token * heads * dim) + i]));
    std::printf("token %2d: %+.3f  %s\n", static_cast<int>(token), one[0], largest < 1e-6F ? "as in prefill" : "WRONG");
  }
  if (!status) std::puts(status.rule);
  return status ? 0 : 1;
}

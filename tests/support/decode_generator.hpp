// Draws legal cases of IncreFlashAttention: mostly small, all forms and options mixed, a few long enough to be split.
#pragma once

#include "support/inference_generator.hpp"

namespace glint_test {

namespace detail {

inline void draw_decode_shape(Random& random, InferenceCase& c) {
  c.batch = random.chance(1) ? 0 : random.between(1, 4);
  c.kv_heads = random.between(1, 3);
  c.group = random.chance(25) ? 1 : random.between(1, 16);
  if (random.chance(4)) c.group = random.pick<index_t>(17, 31, 32, 33, 48, 63, 64);
  c.q_len = random.chance(30) ? random.between(2, 8) : 1;
  c.kv_len = random.chance(30)
                 ? random.pick<index_t>(0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 192, 193, 255, 256, 257)
                 : random.between(0, 300);
  draw_head_sizes(random, c);
  if (c.cache < kInt8 && random.chance(0.7)) c.dim = 512, c.value_dim = 512, c.rope = 64;  // latent attention
  // The oracle takes tens of nanoseconds for every product; no case may take long.
  const index_t most = random.chance(5) ? 3'000'000 : 450'000;
  const auto work = [&] {
    return c.batch * c.heads() * (c.kv_len + 1) * (6 + c.q_len) * (c.dim + c.value_dim + 20) / 4;
  };
  while (work() > most && c.kv_len > 150) c.kv_len -= 50;
  while (work() > most && c.batch > 1) --c.batch;
  while (work() > most && c.kv_heads > 1) --c.kv_heads;
  while (work() > most && c.group > 2) --c.group;
  while (work() > most && c.kv_len > 20) c.kv_len -= 20;
  if (!random.chance(1)) return;
  c.batch = random.between(1, 2), c.kv_heads = 1, c.group = random.between(1, 2), c.q_len = random.between(1, 2);
  c.kv_len = random.pick<index_t>(511, 512, 513, 1023, 1024, 1025, 1500, 2047, 2048, 2049, 3000, 4096, 5000);
  c.dim = c.value_dim = random.pick<index_t>(2, 16, 18, 32), c.rope = 0;
}

inline void draw_drafts(Random& random, InferenceCase& c) {
  if (random.chance(45)) c.mask = random.between(kMask11, kMaskBS1);
  if (c.q_len > 1) c.draft = random.below(3);
  if (random.chance(4)) c.draft = random.between(kDraftCausal, kDraftTree);
  if (c.draft != kDraftNone && random.chance(60)) c.mask = kUnmasked;
  c.tree_batch = random.below(2), c.tree_any = random.chance(30) ? 1 : 0;
  c.inner_precise = random.below(2);
}

inline InferenceCase draw_decode(Random& random, index_t query, index_t cache) {
  InferenceCase c;
  c.query = query, c.cache = cache;
  c.seed = random.word() >> 20;
  c.layout = random.pick<index_t>(kBsh, kBnsd, kBsnd);
  draw_decode_shape(random, c);
  if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
  draw_cache_form(random, c);
  draw_drafts(random, c);
  draw_options(random, c);
  draw_spreads(random, c);
  draw_antiquant(random, c);
  return c;
}

}  // namespace detail

// Case `number` of a run for these types of query and cache.
inline InferenceCase generate_decode(std::uint64_t run_seed, std::uint64_t number, index_t query, index_t cache) {
  Random random(run_seed, number * 25 + static_cast<std::uint64_t>(query * 5 + cache));
  for (;;) {
    InferenceCase c = detail::draw_decode(random, query, cache);
    if (c.draft == kDraftTree && c.kv_len < c.q_len) c.kv_len = c.q_len + c.kv_len;
    if (legal(c)) return c;
  }
}

}  // namespace glint_test

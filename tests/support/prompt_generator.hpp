// Draws legal cases of PromptFlashAttention: mostly small, all forms and options mixed, edges of tiles often, a few
// with more keys than one block of sums holds.
#pragma once

#include "support/inference_generator.hpp"

namespace glint_test {

namespace detail {

inline index_t draw_rows(Random& random) {
  if (random.chance(3)) return 0;
  if (random.chance(8)) return 1;
  if (random.chance(14)) return random.pick<index_t>(15, 16, 17, 33, 63, 64, 65, 127, 128, 129);
  return random.chance(3) ? random.between(100, 200) : random.between(1, 40);
}
inline index_t draw_keys(Random& random) {
  if (random.chance(12)) return random.pick<index_t>(63, 64, 65, 127, 128, 129, 191, 192, 193, 257);
  if (random.chance(4)) return random.pick<index_t>(random.between(200, 700), 383, 384, 385, 512);
  return random.between(0, 60);
}

// The oracle takes about a hundred nanoseconds for a score of usual width; no case may take long.
inline void limit_work(InferenceCase& c, index_t most) {
  const auto work = [&] {
    return c.batch * c.heads() * (c.q_len + 1) * (c.prefix + c.kv_len + 1) * (60 + c.dim + c.value_dim);
  };
  while (work() > most && c.batch > 1) --c.batch;
  while (work() > most && c.kv_heads > 1) --c.kv_heads;
  while (work() > most && c.group > 2) --c.group;
  while (work() > most && c.dim > 16) c.dim /= 2;
  while (work() > most && c.value_dim > 16) c.value_dim /= 2;
  while (work() > most && c.group > 1) --c.group;
}

inline void draw_prompt_shape(Random& random, InferenceCase& c) {
  c.layout = random.pick<index_t>(kBsh, kBnsd, kBnsd, kBsnd, kTnd);
  c.turned = c.layout == kBnsd && random.chance(40) ? 1 : 0;
  c.batch = c.ragged() ? random.between(1, 4) : random.chance(1) ? 0 : random.between(1, 3);
  c.kv_heads = random.between(1, 3);
  c.group = random.chance(40) ? 1 : random.between(1, 5);
  c.q_len = draw_rows(random);
  c.kv_len = random.chance(20) ? c.q_len : draw_keys(random);
  draw_head_sizes(random, c);
}

inline void draw_long_prompt(Random& random, InferenceCase& c) {
  c.batch = 1, c.kv_heads = 1, c.group = random.between(1, 2), c.q_len = random.between(1, 3);
  c.kv_len = random.pick<index_t>(16383, 16384, 16385, 20000, 32769);
  c.dim = random.between(1, 12), c.value_dim = random.between(1, 12), c.rope = 0;
}

inline void draw_queries(Random& random, InferenceCase& c) {
  c.q_lens = c.batch == 0 ? index_t{kLengthsNone} : c.ragged() ? index_t{kLengthsEach} : random.below(3);
  c.longer_lists = random.chance(20) ? random.between(1, 2) : 0;
  if (c.ragged()) {
    c.surplus_q = random.chance(25) ? random.between(1, 70) : 0;
    c.surplus_kv = random.chance(25) ? random.between(1, 9) : 0;
    c.zero_tail = random.chance(15) ? random.between(1, 3) : 0;
  } else if (random.chance(35)) {
    c.pad_queries = 1;
    c.q_padding = random.chance(20) ? -random.below(9) : random.between(0, c.q_len / 2 + 1);
    if (random.chance(4)) c.q_padding = 2 * c.q_len + 1;
  }
}

inline void draw_tokens(Random& random, InferenceCase& c) {
  const index_t span = std::max(c.q_len, c.prefix + c.kv_len);
  const auto draw = [&]() -> index_t {
    if (random.chance(20)) return 2147483647;
    if (random.chance(3)) return std::numeric_limits<index_t>::max();
    return random.chance(25) ? random.between(-span / 2, span + 2) : random.between(0, span / 2 + 1);
  };
  c.pre = draw();
  c.next = draw();
}

inline void draw_mode(Random& random, InferenceCase& c) {
  c.mode = random.below(5);
  if (c.mode == 1 || (c.mode == 0 && random.chance(60))) c.mask = random.between(kMask1S, kMaskBS1);
  if (c.mask != kUnmasked && random.chance(30)) c.mask_type = random.between(kF16Mask, kF32Mask);
  c.inner_precise = random.below(4);
  for (int i = 0; i < 20; ++i) {
    if (c.mode == 0 || c.mode == 4) draw_tokens(random, c);
    if (legal(c)) return;
  }
}

inline void draw_int8_query(Random& random, InferenceCase& c) {
  if (c.query != kInt8) return;
  c.score_range = random.pick<index_t>(kScoresTiny, kScoresUsual, kScoresUsual, kScoresUsual, kScoresSaturate);
  if (c.score_range == kScoresSaturate) c.scale = random.pick<index_t>(1, 20, 1000, 100000);
  c.negative_quant1 = random.chance(15) ? 1 : 0;
  c.scale_bits = random.below(2);
  if (random.chance(40)) c.post = random.between(kPostTensor, kPostChannel);
}

inline InferenceCase draw_prompt(Random& random, index_t query, index_t cache) {
  InferenceCase c;
  c.op = kPrompt;
  c.query = query, c.cache = cache;
  c.seed = random.word() >> 20;
  draw_prompt_shape(random, c);
  const bool long_one = random.chance(0.3);
  if (long_one) draw_long_prompt(random, c);
  draw_cache_form(random, c);
  if (!long_one) limit_work(c, random.chance(5) ? 12'000'000 : 2'500'000);
  if (c.form == kPaged && random.chance(30)) c.block_size = random.pick<index_t>(100, 192, 250, 256, 300, 384);
  if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
  draw_queries(random, c);
  draw_options(random, c);
  draw_spreads(random, c);
  draw_int8_query(random, c);
  draw_antiquant(random, c);
  draw_mode(random, c);
  return c;
}

}  // namespace detail

// Case `number` of a run for these types of query and cache.
inline InferenceCase generate_prompt(std::uint64_t run_seed, std::uint64_t number, index_t query, index_t cache) {
  Random random(run_seed, number * 25 + static_cast<std::uint64_t>(query * 5 + cache));
  for (;;) {
    const InferenceCase c = detail::draw_prompt(random, query, cache);
    if (legal(c)) return c;
  }
}

}  // namespace glint_test

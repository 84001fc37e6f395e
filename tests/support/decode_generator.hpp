// Draws legal decode cases: mostly small, all forms and options mixed, a few long enough to be split.
#pragma once

#include "support/decode_case.hpp"

namespace glint_test {

namespace detail {

inline index_t draw_decode_dim(Random& random) {
  if (random.chance(1)) return random.between(131, 300);
  if (random.chance(35)) return random.pick<index_t>(1, 2, 8, 15, 16, 17, 32, 33, 64, 72, 80, 96, 100, 128);
  return random.between(1, 130);
}

inline void draw_decode_dims(Random& random, DecodeCase& c) {
  c.dim = draw_decode_dim(random);
  c.value_dim = random.chance(70) ? c.dim : draw_decode_dim(random);
  if (c.cache == kInt4) c.dim += c.dim % 2, c.value_dim += c.value_dim % 2;
  if (random.chance(1)) c.dim = 192, c.value_dim = 128;
  if (c.integer_cache()) return;
  if (random.chance(10)) c.rope = random.pick<index_t>(1, 8, 17, 32, 64);
  if (random.chance(0.7)) c.dim = 512, c.value_dim = 512, c.rope = 64;  // latent attention
}

inline void draw_decode_shape(Random& random, DecodeCase& c) {
  c.batch = random.chance(1) ? 0 : random.between(1, 4);
  c.kv_heads = random.between(1, 3);
  c.group = random.chance(25) ? 1 : random.between(1, 16);
  if (random.chance(4)) c.group = random.pick<index_t>(17, 31, 32, 33, 48, 63, 64);
  c.q_len = random.chance(30) ? random.between(2, 8) : 1;
  c.kv_len = random.chance(30)
                 ? random.pick<index_t>(0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 192, 193, 255, 256, 257)
                 : random.between(0, 300);
  draw_decode_dims(random, c);
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

inline void draw_decode_form(Random& random, DecodeCase& c) {
  c.form = random.pick<index_t>(kContiguous, kContiguous, kContiguous, kLeftPadded, kPaged, kPaged, kPaged, kList);
  c.lens = c.form == kPaged ? random.between(kLengthsOne, kLengthsEach) : random.below(3);
  if (c.batch == 0) c.lens = c.form == kPaged ? kLengthsOne : kLengthsNone;
  if (c.form == kLeftPadded) c.padding = random.chance(20) ? -random.below(9) : random.between(0, c.kv_len / 2 + 2);
  if (c.form == kLeftPadded && random.chance(5)) c.padding = 2 * c.kv_len + 1;
  c.block_size = random.pick<index_t>(1, 2, 3, 5, 7, 16, 17, 32, 64, 128);
  c.spare_columns = random.below(4), c.spare_blocks = random.below(5);
  c.shared = random.pick<index_t>(0, 0, 20, 60);
  c.head_major = random.below(2);
  if (c.form == kContiguous && random.chance(30)) {
    c.prefix = random.pick<index_t>(1, 5, 16, 63, 64, 65, 130);
    c.prefix_length = random.chance(50) ? -1 : random.between(0, c.prefix);
  }
}

inline void draw_decode_options(Random& random, DecodeCase& c) {
  if (random.chance(45)) c.mask = random.between(kMask11, kMaskBS1);
  c.mask_fill = random.below(6);
  if (c.q_len > 1) c.draft = random.below(3);
  if (random.chance(4)) c.draft = random.between(kDraftCausal, kDraftTree);
  if (c.draft != kDraftNone && random.chance(60)) c.mask = kUnmasked;
  c.tree_batch = random.below(2), c.tree_any = random.chance(30) ? 1 : 0;
  c.pse = random.chance(30) ? 1 : 0;
  c.pse_batch = random.below(2), c.pse_head = random.chance(70) ? 1 : 0, c.pse_row = random.below(2);
  if (random.chance(20)) c.post = random.between(kPostTensor, kPostChannel);
  c.post_offset = random.below(2), c.post_bf16 = c.query == kBf16 ? random.below(2) : 0;
  c.sink = random.chance(20) ? random.between(kSinkAmong, kSinkFarAbove) : index_t{kSinkNone};
  c.lse = random.below(2);
  c.inner_precise = random.below(2);
  c.poison = random.chance(15) ? index_t{kPoisonPartlySeen} : index_t{kPoisonUnread};
}

inline void draw_antiquant(Random& random, DecodeCase& c) {
  if (!c.integer_cache()) return;
  c.k_mode = c.v_mode = random.chance(40) ? 0 : random.pick<index_t>(0, 1, 2, 3);
  if (c.form == kPaged && c.k_mode % 2 == 1) c.k_mode = c.v_mode = c.k_mode == 1 ? 4 : 5;
  if (c.form != kPaged && c.k_mode == 0 && random.chance(20)) c.v_mode = 1;
  c.k_single = c.k_mode == 0 && random.chance(30) ? 1 : 0;
  c.v_single = c.v_mode == 0 && random.chance(30) ? 1 : 0;
  c.k_offset = random.below(2), c.v_offset = random.chance(50) ? c.k_offset : random.below(2);
  c.factors = random.between(kF32, kBf16);
  c.joint = random.below(2);
  if (!legal(c)) c.joint = 0;
}

inline DecodeCase draw_decode(Random& random, index_t query, index_t cache) {
  DecodeCase c;
  c.query = query, c.cache = cache;
  c.seed = random.word() >> 20;
  c.layout = random.pick<index_t>(kBsh, kBnsd, kBsnd);
  draw_decode_shape(random, c);
  draw_decode_form(random, c);
  draw_decode_options(random, c);
  c.scale = random.chance(70) ? 1000 : random.between(-1500, 3000);
  c.sd_q = random.below(4), c.sd_k = random.below(4), c.sd_v = random.below(4), c.sd_pse = random.below(3);
  c.v_mean = random.below(2), c.strided = random.below(2), c.skew = random.below(4);
  draw_antiquant(random, c);
  return c;
}

}  // namespace detail

// Case `number` of a run for these types of query and cache.
inline DecodeCase generate_decode(std::uint64_t run_seed, std::uint64_t number, index_t query, index_t cache) {
  Random random(run_seed, number * 25 + static_cast<std::uint64_t>(query * 5 + cache));
  for (;;) {
    DecodeCase c = detail::draw_decode(random, query, cache);
    if (c.draft == kDraftTree && c.kv_len < c.q_len) c.kv_len = c.q_len + c.kv_len;
    if (legal(c)) return c;
  }
}

}  // namespace glint_test

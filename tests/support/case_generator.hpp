// Draws legal cases of the training operator: mostly small, all options mixed, tile edges often, a few long rows.
#pragma once

#include "support/case_rules.hpp"

namespace glint_test {

namespace detail {

inline index_t draw_length(Random& random) {
  if (random.chance(1)) return random.between(100, 300);
  if (random.chance(14)) return random.pick<index_t>(15, 16, 17, 63, 64, 65, 127, 128, 129, 130);
  return random.between(0, 48);
}

inline index_t draw_dim(Random& random) {
  if (random.chance(1)) return random.between(131, 576);
  if (random.chance(15)) return random.pick<index_t>(1, 8, 15, 16, 17, 32, 64, 80, 128);
  return random.between(1, 130);
}

inline void draw_heads(Random& random, Case& c) {
  c.heads = random.between(1, 8);
  do c.kv_heads = random.between(1, c.heads);
  while (c.heads % c.kv_heads != 0);
}

// The oracle takes about a hundred nanoseconds for a score; no single case may take a second.
inline void limit_work(Case& c) {
  const auto work = [&] { return c.batch * c.heads * (c.q_len + 1) * (c.kv_len + 1) * (60 + c.dim + c.value_dim); };
  while (work() > 40'000'000 && c.batch > 1) --c.batch;
  while (work() > 40'000'000 && c.heads > c.kv_heads) c.heads -= c.kv_heads;
  while (work() > 40'000'000 && c.heads > 1) c.heads = c.kv_heads = 1;
}

inline void draw_tokens(Random& random, Case& c) {
  const auto draw = [&](index_t span) -> index_t {
    if (random.chance(20)) return 2147483647;
    if (random.chance(3)) return std::numeric_limits<index_t>::max();
    return random.between(-span / 2, span + 2);
  };
  const index_t span = std::max(c.q_len, c.kv_len);
  c.pre = draw(span);
  c.next = draw(span);
}

inline void draw_mask(Random& random, Case& c) {
  c.mask_fill = random.below(6);
  c.mask_bool = random.below(2);
  c.compressed = random.pick<index_t>(kMaskTag, kMaskTag, kMaskTensor, kMaskTensor, kNoMask);
  c.mask = random.chance(80) ? random.between(kMaskSS, kMaskBNSS) : index_t{kMaskNone};
  if (c.mode != 0 && c.mode != 1 && c.mode != 5) c.mask = kMaskNone;
}

// pse_type 2 and 3 cut a causal attention into pieces under mode 8: the starts must make the first piece square.
inline void square_up_mode8(Case& c) {
  c.square = 2;
  c.starts = kStartQ | kStartKv;
  const Lists lists = lists_of(c);
  const index_t gap = lists.kv_of[0] - lists.q_of[0];
  c.q_start = std::max<index_t>(gap, 0) + c.kv_start;
  c.kv_start += std::max<index_t>(-gap, 0);
}

inline void draw_pse(Random& random, Case& c) {
  if (!random.chance(45)) return;
  c.pse = 1;
  c.pse_type = random.below(4);
  c.pse_per_batch = random.below(2);
  c.pse_per_head = random.below(2);
  c.pse_per_row = random.below(3) > 0 ? 1 : 0;
  if (c.pse_type >= 2) {
    c.starts = random.below(4);
    c.q_start = random.below(200);
    c.kv_start = random.below(200);
    if (c.mode == 8) return square_up_mode8(c);
    if (c.layout != kTnd) c.kv_len = c.q_len;
  } else if (c.layout == kTnd) {
    c.pse_store = random.pick<index_t>(kPsePerScore, kPsePerColumn);
  }
}

// Rare and large: the last 1024 rows of an ALiBi matrix.
inline void make_compressed_pse(Random& random, Case& c) {
  c.mode = random.between(2, 3);
  c.square = 1;
  c.batch = c.layout == kTnd ? random.between(1, 2) : 1;
  c.heads = random.between(1, 2);
  c.kv_heads = 1;
  c.q_len = c.kv_len = random.pick<index_t>(1025, 1026, 1100);
  c.dim = random.between(1, 8);
  c.value_dim = random.between(1, 8);
  c.mask = kMaskNone;
  c.prefix = kPrefixNone;
  c.compressed = kMaskTag;
  c.pse = 1;
  c.pse_type = random.below(2);
  c.pse_store = kPseCompressed;
  c.zero_tail = 0;
  c.drop = c.starts = 0;
}

// Rare and long: more keys than one block of sums holds.
inline void make_long(Random& random, Case& c) {
  c.batch = 1;
  c.heads = random.between(1, 2);
  c.kv_heads = 1;
  c.q_len = random.between(1, 3);
  c.kv_len = random.pick<index_t>(16383, 16384, 16385, 20000, 32769);
  c.dim = random.between(1, 16);
  c.value_dim = random.between(1, 16);
  c.surplus_q = c.zero_tail = c.square = 0;
}

inline void draw_drop(Random& random, Case& c) {
  c.drop = random.chance(40) ? random.between(kDropBits, kDropPhilox) : index_t{kDropNone};
  if (c.drop == kDropNone) return;
  c.keep = random.between(100, 999);
  c.drop_rank4 = random.below(2);
  c.offset = random.chance(20) ? -random.between(1, 4000) : random.below(1000);  // negative: just below 2^64
}

inline void draw_numbers(Random& random, Case& c) {
  c.sd_q = random.below(4);
  c.sd_k = random.below(4);
  c.sd_v = random.below(4);
  c.sd_pse = random.below(3);
  c.v_mean = random.below(2);
  c.scale = random.chance(70) ? 1000 : random.between(-1500, 3000);
  c.q_scale = random.chance(60) ? 1000 : random.between(-1500, 2500);
  c.inner_precise = random.below(3);
}

inline Case draw_once(Random& random) {
  Case c;
  c.seed = random.word() >> 20;
  c.layout = random.below(5);
  c.batch = c.layout == kTnd ? random.between(1, 4) : random.chance(3) ? 0 : random.between(1, 3);
  draw_heads(random, c);
  c.q_len = random.chance(8) ? 1 : draw_length(random);
  c.kv_len = random.chance(25) ? c.q_len : draw_length(random);
  c.dim = draw_dim(random);
  c.value_dim = random.chance(60) ? c.dim : draw_dim(random);
  limit_work(c);
  if (random.chance(0.15)) make_long(random, c);
  const index_t modes = c.layout == kTnd ? 9 : 7;
  c.mode = random.below(modes);
  if (c.layout == kTnd) {
    c.surplus_q = random.chance(25) ? random.between(1, 70) : 0;
    c.surplus_kv = random.chance(25) ? random.between(1, 9) : 0;
    c.zero_tail = random.chance(15) ? random.between(1, 3) : 0;
    c.square = random.chance(10) ? 1 : 0;
  }
  draw_numbers(random, c);
  draw_mask(random, c);
  if (c.mode == 0 || c.mode == 4 || c.mode >= 7) draw_tokens(random, c);
  if (c.mode == 5 || c.mode == 6) c.prefix = random.between(kPrefixNone, kPrefixShort);
  if (c.mode == 6 && c.compressed != kNoMask) c.prefix = kPrefixValid;
  draw_pse(random, c);
  draw_drop(random, c);
  c.stats = random.below(8);
  c.repeat = random.chance(50) ? 8 : 1;
  c.by_token = c.layout == kTnd ? random.below(2) : 0;
  c.strided = random.below(2);
  c.skew = random.below(4);
  c.sink = random.chance(20) ? 1 : 0;
  if (random.chance(0.06)) make_compressed_pse(random, c);
  if (c.kv_len % 8 != 0 || c.layout == kTnd) c.drop_rank4 = 0;
  return c;
}

}  // namespace detail

// Case `number` of a run.  Draws until the case is legal; what makes most draws fail is the tokens.
inline Case generate(std::uint64_t run_seed, std::uint64_t number) {
  Random random(run_seed, number);
  for (;;) {
    Case c = detail::draw_once(random);
    if (legal(c)) return c;
    for (int i = 0; i < 20; ++i) {
      if (c.mode == 0 || c.mode == 4 || c.mode >= 7) detail::draw_tokens(random, c);
      if (legal(c)) return c;
    }
  }
}

}  // namespace glint_test

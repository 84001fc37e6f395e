// Draws what cases of IncreFlashAttention and of PromptFlashAttention have in common: head sizes, where the cache lies,
// options, factors, spreads of numbers.
#pragma once

#include "support/inference_lists.hpp"

namespace glint_test::detail {

inline index_t draw_head_size(Random& random) {
  if (random.chance(1)) return random.between(131, 300);
  if (random.chance(35)) return random.pick<index_t>(1, 2, 8, 15, 16, 17, 32, 33, 64, 72, 80, 96, 100, 128);
  return random.between(1, 130);
}

inline void draw_head_sizes(Random& random, InferenceCase& c) {
  c.dim = draw_head_size(random);
  c.value_dim = random.chance(70) ? c.dim : draw_head_size(random);
  if (random.chance(1)) c.dim = 192, c.value_dim = 128;
  if (c.cache < kInt8 && random.chance(10)) c.rope = random.pick<index_t>(1, 8, 17, 32, 64);
}

inline void draw_cache_form(Random& random, InferenceCase& c) {
  c.form = random.pick<index_t>(kContiguous, kContiguous, kContiguous, kLeftPadded, kPaged, kPaged, kPaged, kList);
  if (c.ragged() && c.form != kPaged) c.form = kContiguous;
  c.lens = c.form == kPaged ? random.between(kLengthsOne, kLengthsEach) : random.below(3);
  if (c.batch == 0) c.lens = c.form == kPaged ? kLengthsOne : kLengthsNone;
  if (c.ragged()) c.lens = kLengthsEach;
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

inline void draw_options(Random& random, InferenceCase& c) {
  c.mask_fill = random.below(6);
  c.pse = random.chance(30) ? 1 : 0;
  c.pse_batch = random.below(2), c.pse_head = random.chance(70) ? 1 : 0, c.pse_row = random.below(2);
  if (random.chance(20)) c.post = random.between(kPostTensor, kPostChannel);
  c.post_offset = random.below(2), c.post_bf16 = c.query == kBf16 ? random.below(2) : 0;
  c.sink = c.query != kInt8 && random.chance(20) ? random.between(kSinkAmong, kSinkFarAbove) : index_t{kSinkNone};
  c.lse = random.below(2);
  c.poison = random.chance(15) ? index_t{kPoisonPartlySeen} : index_t{kPoisonUnread};
}

inline void draw_antiquant(Random& random, InferenceCase& c) {
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

inline void draw_spreads(Random& random, InferenceCase& c) {
  c.scale = random.chance(70) ? 1000 : random.between(-1500, 3000);
  c.sd_q = random.below(4), c.sd_k = random.below(4), c.sd_v = random.below(4), c.sd_pse = random.below(3);
  c.v_mean = random.below(2), c.strided = random.below(2), c.skew = random.below(4);
}

}  // namespace glint_test::detail

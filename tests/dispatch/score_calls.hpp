// Legal calls of flash_attention_score, to be spoiled.
#pragma once

#include "glint/dispatch/flash_attention_score.hpp"
#include "support/bad_input.hpp"

namespace bad_input {
namespace {

using glint::PseForm;

struct Size {
  index_t batch = 2, heads = 4, kv_heads = 2, q_len = 6, kv_len = 8, dim = 16;
};

struct Score {
  explicit Score(index_t bytes = 1 << 17) : memory(bytes), workspace(400000) {}

  Memory memory;
  std::vector<std::byte> workspace;
  std::vector<index_t> prefix, q_ends, kv_ends, start;
  Size size{};
  glint::FlashAttentionScoreCall call{};

  void lists() { call.prefix = prefix, call.actual_seq_qlen = q_ends, call.actual_seq_kvlen = kv_ends; }
  Status check() {
    lists();
    return glint::check(call);
  }
  Status run() {
    lists();
    return glint::flash_attention_score(call, glint::Serial{}, workspace);
  }
  Status run_alone() {
    lists();
    return glint::flash_attention_score(call);
  }
  void no_lists_for_stats() { call.softmax_max = call.softmax_sum = {}; }
};

Score dense(Size s, DType dtype = DType::f16) {
  const index_t one = glint::size_of(dtype);
  const index_t q = s.batch * s.heads * s.q_len * s.dim * one, k = s.batch * s.kv_heads * s.kv_len * s.dim * one;
  const index_t rows = s.batch * s.heads * s.q_len;
  Score f(4 * (q + k) + rows * 64 + (1 << 17));  // room for gradients, too
  f.size = s;
  f.call.query = {f.memory.take(q), dtype, {s.batch, s.heads, s.q_len, s.dim}};
  f.call.key = {f.memory.take(k), dtype, {s.batch, s.kv_heads, s.kv_len, s.dim}};
  f.call.value = {f.memory.take(k), dtype, {s.batch, s.kv_heads, s.kv_len, s.dim}};
  f.call.attention_out = {f.memory.take(q), dtype, {s.batch, s.heads, s.q_len, s.dim}};
  f.call.softmax_max = {f.memory.take(rows * 32), DType::f32, {s.batch, s.heads, s.q_len, 8}};
  f.call.softmax_sum = {f.memory.take(rows * 32), DType::f32, {s.batch, s.heads, s.q_len, 8}};
  f.call.seed_out = static_cast<index_t*>(f.memory.take(8));
  f.call.offset_out = static_cast<index_t*>(f.memory.take(8));
  f.call.numels_out = static_cast<index_t*>(f.memory.take(8));
  f.call.head_num = s.heads;
  f.call.input_layout = "BNSD";
  f.call.scale_value = 0.25;
  return f;
}
Score plain() { return dense({}); }
Score in_floats() { return dense({}, DType::f32); }
Score square() { return dense({.q_len = 8}); }

Score bsh() {
  Score f = plain();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, 6, 64};
  f.call.key.shape = f.call.value.shape = {2, 8, 32};
  return f;
}
Score sbh() {
  Score f = bsh();
  f.call.input_layout = "SBH";
  f.call.query.shape = f.call.attention_out.shape = {6, 2, 64};
  f.call.key.shape = f.call.value.shape = {8, 2, 32};
  return f;
}
Score with_mask(Score f, int mode) {
  f.call.attn_mask = {f.memory.take(1024), DType::boolean, {2, 1, f.size.q_len, f.size.kv_len}};
  f.call.sparse_mode = mode;
  return f;
}
Score masked() { return with_mask(plain(), 0); }
Score all_mask() { return with_mask(plain(), 1); }
Score mode(int sparse_mode) {
  Score f = plain();
  f.call.attn_mask_compressed = true;
  f.call.sparse_mode = sparse_mode;
  return f;
}
Score band() { return mode(4); }
Score causal() { return mode(3); }
Score square_band() {
  Score f = square();
  f.call.attn_mask_compressed = true;
  f.call.sparse_mode = 4;
  return f;
}
Score with_triangle(int sparse_mode) {
  Score f = plain();
  const index_t rows = sparse_mode == 6 ? 3072 : 2048;
  f.call.attn_mask = {f.memory.take(64), DType::boolean, {rows, 2048}};  // its contents are never read
  f.call.sparse_mode = sparse_mode;
  if (sparse_mode == 6) f.prefix = {2, 8};
  return f;
}
Score triangle() { return with_triangle(2); }
Score prefix_triangle() { return with_triangle(6); }
Score prefix_compressed() {
  Score f = mode(6);
  f.prefix = {2, 8};
  return f;
}
Score tall_prefix() {  // S1 > S2
  Score f = dense({.q_len = 9});
  f.call.attn_mask_compressed = true;
  f.call.sparse_mode = 6;
  f.prefix = {0, 8};
  return f;
}
Score prefix_dense() {
  Score f = with_mask(plain(), 5);
  f.prefix = {2, 8};
  return f;
}
Score strict(Score f) {
  f.call.limits = glint::Limits::ascend;
  return f;
}
Score strict_prefix() { return strict(prefix_dense()); }
Score biased() {
  Score f = plain();
  f.call.real_shift = {f.memory.take(2 * 4 * 6 * 8 * 2), DType::f16, {2, 4, 6, 8}};
  return f;
}
Score sunk() {
  Score f = plain();
  f.call.sink = {f.memory.take(4 * 4), DType::f32, {4}};
  return f;
}
Score sloped() {
  Score f = square();
  f.call.real_shift = {f.memory.take(64), DType::f32, {2, 4}};
  f.call.pse_type = 2;
  return f;
}
Score compressed_bias() {
  Score f = dense({1, 1, 1, 1025, 1025, 1});
  f.memory = Memory(4 << 20);
  f.call.query.data = f.memory.take(4096), f.call.key.data = f.memory.take(4096);
  f.call.value.data = f.memory.take(4096), f.call.attention_out.data = f.memory.take(4096);
  f.no_lists_for_stats();
  f.call.seed_out = f.call.offset_out = f.call.numels_out = nullptr;
  f.call.real_shift = {f.memory.take(1024 * 1025 * 2), DType::f16, {1, 1, 1024, 1025}};
  f.call.attn_mask_compressed = true;
  f.call.sparse_mode = 3;
  return f;
}
Score dropped() {
  Score f = plain();
  f.call.keep_prob = 0.5;
  f.call.drop_mask = {f.memory.take(2 * 4 * 6), DType::u8, {2, 4, 6, 1}};
  return f;
}
Score dropped_odd() {  // S2 = 7: only a flat stream can hold it
  Score f = dense({.kv_len = 7});
  f.call.keep_prob = 0.5;
  f.call.drop_mask = {f.memory.take(42), DType::u8, {42}};
  return f;
}
Score generated() {
  Score f = plain();
  f.call.keep_prob = 0.5;
  f.call.generate_dropout = true;
  return f;
}
Score packed(std::vector<index_t> q_ends, std::vector<index_t> kv_ends, int sparse_mode) {
  const index_t q = q_ends.back(), kv = kv_ends.back();
  Score f = dense({1, 4, 2, q, kv, 16});
  f.call.input_layout = "TND";
  f.call.query.shape = f.call.attention_out.shape = {q, 4, 16};
  f.call.key.shape = f.call.value.shape = {kv, 2, 16};
  f.call.softmax_max.shape = f.call.softmax_sum.shape = {q, 4, 8};
  f.q_ends = q_ends, f.kv_ends = kv_ends;
  f.call.sparse_mode = sparse_mode;
  f.call.attn_mask_compressed = sparse_mode >= 2;
  return f;
}
Score tnd() { return packed({3, 6, 12}, {4, 8, 14}, 3); }
Score tnd_plain() {
  Score f = tnd();
  f.call.sparse_mode = 0, f.call.attn_mask_compressed = false;
  return f;
}
Score tnd_mode_0() {
  Score f = tnd_plain();
  f.call.attn_mask = {f.memory.take(64), DType::u8, {6, 6}};  // longest sequences
  return f;
}
Score tnd_band() { return packed({3, 6, 12}, {4, 8, 14}, 4); }
Score tnd_mode_7() {
  Score f = packed({3, 5}, {3, 9}, 7);
  f.call.pre_tokens = 6, f.call.next_tokens = -2;
  return f;
}
Score tnd_mode_8() {
  Score f = packed({3, 8, 12}, {4, 9, 13}, 8);
  f.call.pre_tokens = 4, f.call.next_tokens = 1;
  return f;
}
Score tnd_mode_8_sloped() {
  Score f = packed({3, 8, 12}, {4, 9, 13}, 8);
  f.call.pre_tokens = 4, f.call.next_tokens = 1;
  f.call.real_shift = {f.memory.take(64), DType::f32, {4}};
  f.call.pse_type = 2;
  static const index_t one = 1;
  f.call.q_start_idx = {&one, 1};
  return f;
}
Score tnd_flat_bias() {
  Score f = tnd();
  f.call.real_shift = {f.memory.take(240 * 2), DType::f16, {240}};  // 4 * (3*4 + 3*4 + 6*6)
  f.call.real_shift_form = glint::PseForm::tnd_per_score;
  return f;
}
Score tnd_column_bias() {
  Score f = tnd_flat_bias();
  f.call.real_shift.shape = {56};
  f.call.real_shift_form = glint::PseForm::tnd_per_column;
  return f;
}
Score tnd_strict_prefix() {
  Score f = strict(packed({3, 6}, {3, 6}, 6));
  f.prefix = {3, 3};
  return f;
}
Score tnd_strict() { return strict(tnd()); }
Score tnd_strict_band() { return strict(tnd_band()); }
Score tnd_dropped() {
  Score f = tnd();
  f.call.keep_prob = 0.5;
  f.call.drop_mask = {f.memory.take(30), DType::u8, {30}};
  return f;
}

}  // namespace
}  // namespace bad_input

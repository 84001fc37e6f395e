// Legal calls of prompt_flash_attention and incre_flash_attention, to be spoiled.
#pragma once

#include <array>

#include "glint/dispatch/incre_flash_attention.hpp"
#include "glint/dispatch/prompt_flash_attention.hpp"
#include "support/bad_input.hpp"

namespace bad_input {
namespace {

struct Size {
  index_t batch = 2, heads = 4, kv_heads = 2, q_len = 6, kv_len = 8, dim = 16;
};

inline Status call_with_workspace(const glint::PromptFlashAttentionCall& call, std::span<std::byte> workspace) {
  return glint::prompt_flash_attention(call, glint::Serial{}, workspace);
}
inline Status call_with_workspace(const glint::IncreFlashAttentionCall& call, std::span<std::byte> workspace) {
  return glint::incre_flash_attention(call, glint::Serial{}, workspace);
}
inline Status call_alone(const glint::PromptFlashAttentionCall& call) { return glint::prompt_flash_attention(call); }
inline Status call_alone(const glint::IncreFlashAttentionCall& call) { return glint::incre_flash_attention(call); }

template <class Fixture, std::size_t count>
void expect_rows(const std::array<Row<Fixture>, count>& table) {
  for (const Row<Fixture>& row : table) {
    SCOPED_TRACE(row.name);
    expect_row(row);
  }
}

template <class Table>
void expect_legal_rows(const Table& table) {
  for (const auto& row : table) {
    SCOPED_TRACE(row.name);
    expect_legal(row);
  }
}

template <class Call>
struct Inference {
  explicit Inference(index_t bytes = 1 << 17) : memory(bytes), workspace(400000) {}

  Memory memory;
  std::vector<std::byte> workspace;
  std::vector<index_t> q_lens, kv_lens;
  std::vector<glint::TensorRef> keys, values;  // a list of caches
  Size size{};
  Call call{};

  void lists() {
    call.key_list = keys, call.value_list = values;
    if constexpr (std::is_same_v<Call, glint::PromptFlashAttentionCall>) {
      call.actual_seq_lengths = q_lens, call.actual_seq_lengths_kv = kv_lens;
    } else {
      call.actual_seq_lengths = kv_lens;
    }
  }
  Status check() {
    lists();
    return glint::check(call);
  }
  Status run() {
    lists();
    return call_with_workspace(call, workspace);
  }
  Status run_alone() {
    lists();
    return call_alone(call);
  }
};
using Prompt = Inference<glint::PromptFlashAttentionCall>;
using Incre = Inference<glint::IncreFlashAttentionCall>;

template <class Fixture>
Fixture dense(Size s, DType dtype = DType::f16) {
  const index_t one = glint::size_of(dtype);
  const index_t q = s.batch * s.heads * s.q_len * s.dim * one, k = s.batch * s.kv_heads * s.kv_len * s.dim * one;
  Fixture f(2 * (q + k) + (1 << 17));
  f.size = s;
  f.call.query = {f.memory.take(q), dtype, {s.batch, s.heads, s.q_len, s.dim}};
  f.call.key = {f.memory.take(k), dtype, {s.batch, s.kv_heads, s.kv_len, s.dim}};
  f.call.value = {f.memory.take(k), dtype, {s.batch, s.kv_heads, s.kv_len, s.dim}};
  f.call.attention_out = {f.memory.take(q), dtype, {s.batch, s.heads, s.q_len, s.dim}};
  f.call.num_heads = s.heads;
  f.call.num_key_value_heads = s.kv_heads == s.heads ? 0 : s.kv_heads;
  f.call.input_layout = "BNSD";
  f.call.scale_value = 0.25;
  return f;
}
template <class Fixture>
Fixture plain() {
  Size s;
  if constexpr (std::is_same_v<Fixture, Incre>) s.q_len = 1;
  return dense<Fixture>(s);
}
template <class Fixture>
Fixture bsh() {
  Fixture f = plain<Fixture>();
  f.call.input_layout = "BSH";
  f.call.query.shape = f.call.attention_out.shape = {2, f.size.q_len, 64};
  f.call.key.shape = f.call.value.shape = {2, 8, 32};
  return f;
}
template <class Fixture>
Fixture masked() {
  Fixture f = plain<Fixture>();
  f.call.attn_mask = {f.memory.take(512), DType::boolean, {2, 1, f.size.q_len, 8}};
  return f;
}
template <class Fixture>
Fixture biased() {
  Fixture f = plain<Fixture>();
  f.call.pse_shift = {f.memory.take(2 * 4 * 6 * 8 * 2), DType::f16, {2, 4, f.size.q_len, 8}};
  return f;
}
template <class Fixture>
Fixture with_lse() {
  Fixture f = plain<Fixture>();
  f.call.softmax_lse = {f.memory.take(2 * 4 * 6 * 4), DType::f32, {2, 4, f.size.q_len, 1}};
  return f;
}
}  // namespace
}  // namespace bad_input

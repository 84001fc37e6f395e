// A case line of op=prompt or op=incre as a whole: what its keys must have in common.
#pragma once

#include "support/inference_keys.hpp"
#include "support/init.hpp"

namespace glint_test {

namespace detail {

// n= is heard as the group.
inline std::string settle_heads(std::span<const Word> words, InferenceCase& c) {
  const index_t heads = c.group;
  if (find_word(words, "nkv").empty()) c.kv_heads = heads;
  c.group = heads / c.kv_heads;
  if (heads % c.kv_heads == 0) return {};
  return "n: got " + std::to_string(heads) + ", allowed: a multiple of nkv=" + std::to_string(c.kv_heads);
}

inline std::string settle_batch(std::span<const Word> words, InferenceCase& c) {
  if (find_word(words, "skv").empty()) {
    if (c.op == kIncre) return "skv: missing; op=incre needs it";
    c.kv_len = c.q_len;
    if (c.ragged()) c.rooms = c.q_list;
  }
  if (find_word(words, "sq").empty() && c.op == kPrompt) return "sq: missing; op=prompt needs it";
  if (find_word(words, "b").empty()) {
    const std::size_t longest = std::max({c.q_list.size(), c.kv_list.size(), c.rooms.size()});
    c.batch = std::max<index_t>(1, static_cast<index_t>(longest));
  }
  std::string wrong = wrong_size("skv", c.rooms, c.batch);
  if (wrong.empty() && (c.ragged() || c.q_lens == kLengthsEach))
    wrong = wrong_size(c.ragged() ? "sq" : "qlens", c.q_list, c.batch);
  if (wrong.empty() && c.lens == kLengthsEach) wrong = wrong_size("lens", c.kv_list, c.batch);
  return wrong;
}

// A list of sq or skv where there is none of qlens or lens.
inline std::string settle_ragged(InferenceCase& c) {
  const auto batch = static_cast<std::size_t>(c.batch);
  c.q_lens = c.lens = kLengthsEach;
  if (c.q_list.empty()) c.q_list.assign(batch, c.q_len);
  c.kv_list = c.rooms;
  if (c.kv_list.empty()) c.kv_list.assign(batch, c.kv_len);
  c.rooms.clear();
  return {};
}

inline std::string longer_than(const char* key, index_t got, index_t most) {
  return std::string(key) + ": got " + std::to_string(got) + ", allowed: up to " + std::to_string(most);
}

inline std::string settle_dense(std::span<const Word> words, InferenceCase& c) {
  if (find_word(words, "sq").find(',') != std::string_view::npos) return "sq: a list belongs to layout=TND";
  if (!c.rooms.empty() && c.form != kList) return "skv: a list belongs to layout=TND and form=list";
  if (c.form == kList && c.rooms.empty()) c.rooms.assign(static_cast<std::size_t>(c.batch), c.kv_len);
  if (c.form == kPaged && find_word(words, "lens").empty()) c.lens = kLengthsOne, c.kv_list = {c.kv_len};
  for (const index_t rows : c.q_list)
    if (rows > c.q_len) return longer_than("qlens", rows, c.q_len);
  const index_t shortest = c.rooms.empty() ? c.kv_len : *std::min_element(c.rooms.begin(), c.rooms.end());
  for (std::size_t b = 0; b < c.kv_list.size() && c.form != kPaged; ++b) {
    const index_t room = c.lens == kLengthsOne || c.rooms.empty() ? shortest : c.rooms[b];
    if (c.kv_list[b] > room) return longer_than("lens", c.kv_list[b], room);
  }
  return {};
}

inline std::string too_large(const InferenceCase& c) {
  const auto total = [](const std::vector<index_t>& list, index_t otherwise) {
    return list.empty() ? otherwise : std::accumulate(list.begin(), list.end(), index_t{0});
  };
  const index_t longest = c.kv_list.empty() ? c.kv_len : *std::max_element(c.kv_list.begin(), c.kv_list.end());
  const index_t blocks = longest / c.block_size + 1 + c.spare_columns, columns = blocks * c.block_size;
  if (c.form == kPaged && std::max<index_t>(c.batch, 1) * blocks > index_t{1} << 24)
    return "block: block_table would have " + std::to_string(c.batch * blocks) +
           " entries (skv b block), allowed: up to 16777216";
  const index_t room = c.form == kPaged ? columns : std::max(c.kv_len, longest), scores = c.prefix + room;
  const index_t q = c.ragged() ? total(c.q_list, 0) + c.surplus_q : c.batch * c.q_len;
  index_t kv = c.ragged() ? total(c.kv_list, 0) + c.surplus_kv : total(c.rooms, c.batch * c.kv_len);
  if (c.form == kPaged) kv = c.batch * room + c.spare_blocks * c.block_size;
  const index_t rows = c.ragged() ? c.q_len : std::max<index_t>(c.q_len, 1), pse = c.pse != 0 ? c.batch : 0;
  return too_large({
      {"query", "sq b n d rope", {q, c.heads(), c.dim + c.rope}},
      {"key", "skv b nkv d rope", {kv, c.kv_heads, c.dim + c.rope}},
      {"value", "skv b nkv dv", {kv, c.kv_heads, c.value_dim}},
      {"attention_out", "sq b n dv", {q, c.heads(), c.value_dim}},
      {"key_shared_prefix", "prefix nkv d rope", {c.prefix, c.kv_heads, c.dim + c.rope}},
      {"value_shared_prefix", "prefix nkv dv", {c.prefix, c.kv_heads, c.value_dim}},
      {"the scores of a head", "skv sq b", {c.batch, rows, scores}},
      {"pse_shift", "skv sq b n pse", {pse, c.heads(), rows, scores}},
      {"quant_scale2", "n dv", {c.heads(), c.value_dim}},
      {"the factors", "nkv d rope", {c.kv_heads, c.dim + c.rope}},
      {"the factors", "nkv dv", {c.kv_heads, c.value_dim}},
      {"the factors", "skv b nkv", {c.integer_cache() ? c.batch : 0, c.kv_heads, scores + 2}},
  });
}

inline std::string settle_init(const InferenceCase& c) {
  const std::string got = "init: got " + std::string(kInitWords[c.init]) + ", which ";
  if (c.init == kEmpty && !c.ragged() && c.lens != kLengthsEach) return got + "belongs to layout=TND or a list of lens";
  const bool chosen = c.init == kHuge || c.init == kTies || c.init == kOneHot;
  if (chosen && (c.query >= kInt8 || c.cache >= kInt8)) return got + "belongs to floating-point dtype= and cache=";
  if (c.init != kOneHot) return {};
  if (c.sink != kSinkNone || c.shared != 0) return got + "belongs to lines without sink= and shared=";
  const index_t longest = c.kv_list.empty() ? c.kv_len : *std::max_element(c.kv_list.begin(), c.kv_list.end());
  const index_t slots = std::max(c.kv_len, longest) + (c.form == kPaged ? c.block_size : 0);
  const index_t rows = c.prefix + std::max<index_t>(c.batch, 1) * slots + c.surplus_kv + c.spare_blocks * c.block_size;
  return one_hot_error(one_hot_step(static_cast<double>(scale_of(c, c.dim + c.rope))), c.dim, c.query, rows);
}

}  // namespace detail

inline std::string settle(std::span<const Word> words, InferenceCase& c) {
  if (std::string wrong = detail::settle_heads(words, c); !wrong.empty()) return wrong;
  if (std::string wrong = detail::settle_batch(words, c); !wrong.empty()) return wrong;
  std::string wrong = c.ragged() ? detail::settle_ragged(c) : detail::settle_dense(words, c);
  if (wrong.empty()) wrong = detail::too_large(c);
  return wrong.empty() ? detail::settle_init(c) : wrong;
}

}  // namespace glint_test

// A case line of op=fwd or op=bwd as a whole: what its keys must have in common.
#pragma once

#include "support/init.hpp"
#include "support/score_keys.hpp"

namespace glint_test {

namespace detail {

// Lists of lengths: as said, drawn, or the one length for all.
inline std::string settle_lengths(std::span<const Word> words, Case& c) {
  const auto said = [&](const char* key) { return !find_word(words, key).empty(); };
  if (!said("skv")) c.kv_len = c.q_len, c.kv_list = c.q_list;
  if (!ragged(c)) {
    if (!c.q_list.empty()) return "sq: a list belongs to layout=TND";
    return c.kv_list.empty() ? "" : "skv: a list belongs to layout=TND";
  }
  if (!said("b")) c.batch = std::max<index_t>(1, static_cast<index_t>(std::max(c.q_list.size(), c.kv_list.size())));
  if (const std::string wrong = wrong_size("sq", c.q_list, c.batch); !wrong.empty()) return wrong;
  if (const std::string wrong = wrong_size("skv", c.kv_list, c.batch); !wrong.empty()) return wrong;
  const bool listed = !c.q_list.empty() || !c.kv_list.empty();
  if (said("lengths")) return listed ? "lengths: belongs to sq and skv that are one number each" : "";
  const auto batch = static_cast<std::size_t>(c.batch);
  if (c.q_list.empty()) c.q_list.assign(batch, c.q_len);
  if (c.kv_list.empty()) c.kv_list.assign(batch, c.kv_len);
  return {};
}

// Which of the words a list of prefixes is an example of.
inline void settle_prefix(Case& c) {
  if (c.prefix_list.empty()) return;
  const Lists lists = lists_of(c);
  c.prefix = static_cast<index_t>(c.prefix_list.size()) == c.batch ? kPrefixValid : kPrefixShort;
  for (std::size_t b = 0; c.prefix == kPrefixValid && b < c.prefix_list.size(); ++b) {
    const index_t least = std::max<index_t>(0, lists.kv_of[b] - lists.q_of[b]);
    if (c.prefix_list[b] < least || c.prefix_list[b] > lists.kv_of[b]) c.prefix = kPrefixOutOfRange;
  }
}

// Of one head; at most 2^40.
inline index_t count_scores(const Case& c) {
  constexpr index_t kEnough = index_t{1} << 40;
  const bool drawn = !ragged(c) || !has_lists(c);
  index_t scores = 0;
  for (std::size_t b = 0; b < static_cast<std::size_t>(c.batch) && scores < kEnough; ++b) {
    const double q = static_cast<double>(drawn ? c.q_len : c.q_list[b]);
    scores += static_cast<index_t>(std::min(0x1p40, q * static_cast<double>(drawn ? c.kv_len : c.kv_list[b])));
  }
  return scores;
}

inline std::string too_large(const Case& c) {
  const bool packed = ragged(c);
  const auto rows = [&](const std::vector<index_t>& list, index_t one, index_t surplus) {
    const index_t each = packed && list.empty() ? one * c.batch : one;
    return std::accumulate(list.begin(), list.end(), list.empty() ? each : index_t{0}) + surplus;
  };
  const index_t batch = packed ? 1 : c.batch;
  const index_t q = rows(c.q_list, c.q_len, c.surplus_q), kv = rows(c.kv_list, c.kv_len, c.surplus_kv);
  const bool tensor = c.mask != kMaskNone, dense = dense_pse(c), bits = c.drop == kDropBits;
  const index_t mask_batch = c.mask >= kMaskB1SS ? c.batch : 1, mask_heads = c.mask == kMaskBNSS ? c.heads : 1;
  const index_t compressed = c.pse != 0 && c.pse_store == kPseCompressed ? 1 : 0;
  const index_t flat = c.pse != 0 && c.pse_store == kPsePerScore ? 1 : 0, scores = count_scores(c);
  return too_large({
      {"query", "sq b n d", {batch, q, c.heads, c.dim}},
      {"key", "skv b nkv d", {batch, kv, c.kv_heads, c.dim}},
      {"value", "skv b nkv dv", {batch, kv, c.kv_heads, c.value_dim}},
      {"attention_out", "sq b n dv", {batch, q, c.heads, c.value_dim}},
      {"attn_mask", "sq skv b n mask", {tensor ? mask_batch : 0, mask_heads, c.q_len, c.kv_len}},
      {"real_shift", "sq skv b n pse", {dense ? c.batch : 0, c.heads, c.q_len, c.kv_len}},
      {"real_shift", "skv b n pse", {compressed * c.batch, c.heads, 1024, c.kv_len}},
      {"real_shift", "sq skv b n pse", {flat * scores, c.heads}},
      {"drop_mask", "sq skv b n drop", {bits ? scores : 0, c.heads}},
  });
}

inline std::string settle_init(const Case& c) {
  if (c.init == kEmpty && !ragged(c)) return "init: got empty, which belongs to layout=TND";
  if (c.init != kOneHot) return {};
  const bool flattened = c.softcap != 0 || c.sink != 0;
  if (flattened) return "init: got onehot, which belongs to lines without softcap= and sink=";
  const double step = one_hot_step(scale_of(c, c.dim) * static_cast<double>(c.q_scale) / 1000);
  return one_hot_error(step, c.dim, c.dtype, std::max(c.batch, index_t{1}) * c.kv_len);
}

}  // namespace detail

inline std::string settle(std::span<const Word> words, Case& c) {
  if (std::string wrong = detail::settle_lengths(words, c); !wrong.empty()) return wrong;
  if (std::string wrong = detail::too_large(c); !wrong.empty()) return wrong;
  detail::settle_prefix(c);
  return detail::settle_init(c);
}

}  // namespace glint_test

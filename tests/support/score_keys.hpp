// The keys of a case line for op=fwd and op=bwd.
#pragma once

#include "support/case_key.hpp"
#include "support/case_rules.hpp"
#include "support/common_keys.hpp"

namespace glint_test {

inline std::string_view op_name(const Case& c) { return c.gradient != 0 ? "bwd" : "fwd"; }

namespace detail {

inline constexpr const char* kScoreOps[] = {"fwd", "bwd"};
inline constexpr const char* kScoreTypes[] = {"f32", "f16", "bf16"};
inline constexpr const char* kLengthWords[] = {"drawn", "drawn_square", "drawn_square_but_first"};
inline constexpr const char* kScoreMasks[] = {"none", "ss", "11ss", "b1ss", "bnss"};
inline constexpr const char* kCompressedWords[] = {"none", "tag", "tensor"};
inline constexpr const char* kPrefixWords[] = {"none", "valid", "out_of_range", "short"};
inline constexpr const char* kPseWords[] = {"none",       "dense", "compressed", "per_score",
                                            "per_column", "alibi", "alibi_sqrt"};
inline constexpr const char* kPseOrders[] = {"mul_add", "add_mul"};
inline constexpr const char* kDropWords[] = {"none", "bits", "philox"};
inline constexpr const char* kCapOrders[] = {"before_bias", "after_bias"};
inline constexpr const char* kStatWords[] = {"max", "sum", "lse"};

inline bool ragged(const Case& c) { return c.layout == kTnd; }
inline bool takes_mask(const Case& c) { return c.mode == 0 || c.mode == 1 || c.mode == 5; }
inline bool takes_prefix(const Case& c) { return c.mode == 5 || c.mode == 6; }
inline bool slopes(const Case& c) { return c.pse != 0 && c.pse_type >= 2; }
inline bool dense_pse(const Case& c) { return c.pse != 0 && !slopes(c) && c.pse_store == kPseDense; }
inline bool planes_pse(const Case& c) { return dense_pse(c) || (c.pse != 0 && c.pse_store == kPseCompressed); }

inline std::string say_rows(const Case& c, bool keys) {
  if (!ragged(c) || c.batch == 0) return std::to_string(keys ? c.kv_len : c.q_len);
  const Lists lists = lists_of(c);
  return lengths_text(keys ? lists.kv_of : lists.q_of);
}
// Unless a list says it.
inline std::string say_batch(const Case& c) {
  const bool listed =
      say_rows(c, false).find(',') != std::string::npos || say_rows(c, true).find(',') != std::string::npos;
  return listed || c.batch == 1 ? std::string() : std::to_string(c.batch);
}
inline std::string say_prefix(const Case& c) {
  if (!c.prefix_list.empty()) return list_text(c.prefix_list);
  return c.prefix == kPrefixValid ? "" : kPrefixWords[c.prefix];
}
inline std::string hear_prefix(Case& c, std::string_view text) {
  for (index_t i = 0; i < 4; ++i)
    if (text == kPrefixWords[i]) return c.prefix = i, "";
  if (read_list(text, -1, c.prefix_list)) return {};
  return alternatives(kPrefixWords) + ", or a whole number from -1 for each batch entry, with commas between them";
}
inline std::string say_pse(const Case& c) {
  if (c.pse == 0) return {};
  return kPseWords[slopes(c) ? 3 + c.pse_type : 1 + c.pse_store];
}
inline std::string hear_pse(Case& c, std::string_view text) {
  for (index_t i = 0; i < 7; ++i) {
    if (text != kPseWords[i]) continue;
    c.pse = i == 0 ? 0 : 1;
    if (i >= 5) c.pse_type = i - 3;
    if (i >= 1 && i < 5) c.pse_store = i - 1;
    return {};
  }
  return alternatives(kPseWords);
}
inline std::string hear_start(Case& c, std::string_view text, index_t bit, index_t& start) {
  c.starts |= bit;
  if (read_number(text, start) && start >= -kMostRows && start <= kMostRows) return {};
  return "a whole number from -2147483648 to 2147483648";
}
inline std::string say_stats(const Case& c) {
  std::string text;
  for (int i = 0; i < 3; ++i)
    if ((c.stats >> i & 1) != 0) text += (text.empty() ? "" : ",") + std::string(kStatWords[i]);
  return text;
}
inline std::string hear_stats(Case& c, std::string_view text) {
  for (std::size_t from = 0; from <= text.size();) {
    const std::string_view one = text.substr(from, text.find(',', from) - from);
    const auto* const word = std::find(std::begin(kStatWords), std::end(kStatWords), one);
    const index_t bit = index_t{1} << (word - kStatWords);
    if (word == std::end(kStatWords) || (c.stats & bit) != 0)
      return std::string(alternatives(kStatWords)) + ", each once, with commas between them";
    c.stats |= bit;
    from += one.size() + 1;
  }
  return {};
}

// keep= alone says bits.
inline std::string say_drop(const Case& c) {
  return c.drop == kDropNone || (c.drop == kDropBits && c.keep < 1000) ? "" : kDropWords[c.drop];
}
inline std::string hear_cap(Case& c, std::string_view text) {
  if (read_number(text, c.softcap) && c.softcap > 0 && c.softcap <= 1e6) return {};
  return "a decimal above 0 and up to 1000000; no cap is without the key";
}

}  // namespace detail

// Sizes first; a key may build on those before it.
inline constexpr KeyOf<Case> kScoreKeys[] = {
    {.name = "op", .field = &Case::gradient, .words = detail::kScoreOps, .required = true},
    {.name = "layout", .field = &Case::layout, .words = kLayoutNames},
    {.name = "dtype", .field = &Case::dtype, .words = detail::kScoreTypes},
    {.name = "b",
     .say = detail::say_batch,
     .hear = [](Case& c, std::string_view text) { return detail::hear_extent(text, 0, c.batch); }},
    {.name = "n", .field = &Case::heads, .least = 1, .most = 65536, .required = true},
    {.name = "nkv",
     .field = &Case::kv_heads,
     .least = 1,
     .most = 65536,
     .usual = [](const Case& c) { return c.heads; }},
    {.name = "sq",
     .required = true,
     .say = [](const Case& c) { return detail::say_rows(c, false); },
     .hear = [](Case& c, std::string_view text) { return detail::hear_lengths(text, c.q_list, c.q_len); }},
    {.name = "skv",
     .say =
         [](const Case& c) {
           const std::string keys = detail::say_rows(c, true);
           return keys == detail::say_rows(c, false) ? "" : keys;
         },
     .hear = [](Case& c, std::string_view text) { return detail::hear_lengths(text, c.kv_list, c.kv_len); }},
    {.name = "d", .field = &Case::dim, .least = 1, .most = 65536, .required = true},
    {.name = "dv", .field = &Case::value_dim, .least = 1, .most = 65536, .usual = [](const Case& c) { return c.dim; }},
    {.name = "lengths",
     .applies = detail::ragged,
     .belongs = "layout=TND",
     .say = [](const Case&) { return std::string(); },
     .hear = [](Case& c, std::string_view text) { return detail::hear_word(text, detail::kLengthWords, c.square); }},
    {.name = "surplus_q",
     .field = &Case::surplus_q,
     .most = detail::kMostRows,
     .applies = detail::ragged,
     .belongs = "layout=TND"},
    {.name = "surplus_kv",
     .field = &Case::surplus_kv,
     .most = detail::kMostRows,
     .applies = detail::ragged,
     .belongs = "layout=TND"},
    {.name = "zero_tail",
     .field = &Case::zero_tail,
     .words = detail::kTailWords,
     .applies = detail::ragged,
     .belongs = "layout=TND"},
    {.name = "mode", .field = &Case::mode, .most = 8},
    {.name = "pre", .field = &Case::pre, .least = detail::kLeast, .most = detail::kMost},
    {.name = "next", .field = &Case::next, .least = detail::kLeast, .most = detail::kMost},
    {.name = "prefix",
     .field = &Case::prefix,
     .usual = [](const Case&) { return index_t{kPrefixValid}; },
     .applies = detail::takes_prefix,
     .belongs = "modes 5 and 6",
     .say = detail::say_prefix,
     .hear = detail::hear_prefix},
    {.name = "mask",
     .field = &Case::mask,
     .words = detail::kScoreMasks,
     .usual = [](const Case& c) { return c.mode == 1 ? index_t{kMaskSS} : index_t{kMaskNone}; },
     .applies = detail::takes_mask,
     .belongs = "modes 0, 1 and 5"},
    {.name = "mask_fill",
     .field = &Case::mask_fill,
     .words = detail::kFillWords,
     .applies = [](const Case& c) { return c.mask != kMaskNone; },
     .belongs = "mask="},
    {.name = "mask_bool",
     .field = &Case::mask_bool,
     .most = 1,
     .applies = [](const Case& c) { return c.mask != kMaskNone; },
     .belongs = "mask="},
    {.name = "compressed",
     .field = &Case::compressed,
     .words = detail::kCompressedWords,
     .applies = [](const Case& c) { return !detail::takes_mask(c); },
     .belongs = "modes 2, 3, 4, 6, 7 and 8"},
    {.name = "scale", .say = detail::say_scale<Case>, .hear = detail::hear_scale<Case>},
    {.name = "scale_factor",
     .field = &Case::scale,
     .least = -1'000'000'000,
     .most = 1'000'000'000,
     .thousandths = true,
     .applies = [](const Case& c) { return !c.exact_scale.has_value(); },
     .belongs = "lines without scale="},
    {.name = "q_scale", .field = &Case::q_scale, .least = -1'000'000'000, .most = 1'000'000'000, .thousandths = true},
    {.name = "softcap",
     .say = [](const Case& c) { return c.softcap == 0 ? std::string() : detail::decimal_text(c.softcap); },
     .hear = detail::hear_cap},
    {.name = "softcap_order",
     .field = &Case::softcap_order,
     .words = detail::kCapOrders,
     .applies = [](const Case& c) { return c.softcap != 0; },
     .belongs = "softcap="},
    {.name = "pse", .say = detail::say_pse, .hear = detail::hear_pse},
    {.name = "pse_order",
     .applies = [](const Case& c) { return c.pse != 0 && !detail::slopes(c); },
     .belongs = "pse=dense|compressed|per_score|per_column",
     .say = [](const Case& c) { return c.pse_type == 1 ? std::string() : detail::kPseOrders[0]; },
     .hear =
         [](Case& c, std::string_view text) {
           index_t order = c.pse_type;
           const std::string want = detail::hear_word(text, detail::kPseOrders, order);
           if (!detail::slopes(c)) c.pse_type = order;
           return want;
         }},
    {.name = "pse_batch",
     .field = &Case::pse_per_batch,
     .most = 1,
     .applies = [](const Case& c) { return detail::planes_pse(c) || detail::slopes(c); },
     .belongs = "pse=dense|compressed|alibi|alibi_sqrt"},
    {.name = "pse_head",
     .field = &Case::pse_per_head,
     .most = 1,
     .usual = [](const Case&) { return index_t{1}; },
     .applies = detail::planes_pse,
     .belongs = "pse=dense|compressed"},
    {.name = "pse_row",
     .field = &Case::pse_per_row,
     .most = 1,
     .usual = [](const Case&) { return index_t{1}; },
     .applies = detail::dense_pse,
     .belongs = "pse=dense"},
    {.name = "q_start",
     .applies = detail::slopes,
     .belongs = "pse=alibi|alibi_sqrt",
     .say = [](const Case& c) { return (c.starts & kStartQ) != 0 ? std::to_string(c.q_start) : std::string(); },
     .hear = [](Case& c, std::string_view text) { return detail::hear_start(c, text, kStartQ, c.q_start); }},
    {.name = "kv_start",
     .applies = detail::slopes,
     .belongs = "pse=alibi|alibi_sqrt",
     .say = [](const Case& c) { return (c.starts & kStartKv) != 0 ? std::to_string(c.kv_start) : std::string(); },
     .hear = [](Case& c, std::string_view text) { return detail::hear_start(c, text, kStartKv, c.kv_start); }},
    {.name = "sink", .field = &Case::sink, .most = 1},
    {.name = "keep",
     .field = &Case::keep,
     .least = 1,
     .most = 1000,
     .thousandths = true,
     .applies = [](const Case& c) { return c.drop != kDropNone; },
     .belongs = "drop=bits|philox"},
    {.name = "drop",
     .field = &Case::drop,
     .words = detail::kDropWords,
     .usual = [](const Case& c) { return c.keep < 1000 ? index_t{kDropBits} : index_t{kDropNone}; },
     .say = detail::say_drop,
     .hear = [](Case& c, std::string_view text) { return detail::hear_word(text, detail::kDropWords, c.drop); }},
    {.name = "drop_rank4",
     .field = &Case::drop_rank4,
     .most = 1,
     .applies = [](const Case& c) { return c.drop == kDropBits; },
     .belongs = "drop=bits"},
    {.name = "offset",
     .field = &Case::offset,
     .least = detail::kLeast,
     .most = detail::kMost,
     .applies = [](const Case& c) { return c.drop != kDropNone; },
     .belongs = "drop=bits|philox"},
    {.name = "init", .field = &Case::init, .words = detail::kInitWords},
    {.name = "sd_q", .field = &Case::sd_q, .words = detail::kSpreadWords},
    {.name = "sd_k", .field = &Case::sd_k, .words = detail::kSpreadWords},
    {.name = "sd_v", .field = &Case::sd_v, .words = detail::kSpreadWords},
    {.name = "sd_pse", .field = &Case::sd_pse, .words = detail::kSpreadWords},
    {.name = "v_mean", .field = &Case::v_mean, .most = 1},
    {.name = "inner_precise", .field = &Case::inner_precise, .most = 2},
    {.name = "stats", .say = detail::say_stats, .hear = detail::hear_stats},
    {.name = "repeat",
     .say = [](const Case& c) { return c.repeat == 8 ? std::string("8") : std::string(); },
     .hear =
         [](Case& c, std::string_view text) {
           const bool known = detail::read_number(text, c.repeat) && (c.repeat == 1 || c.repeat == 8);
           return known ? std::string() : std::string("1|8");
         }},
    {.name = "by_token", .field = &Case::by_token, .most = 1, .applies = detail::ragged, .belongs = "layout=TND"},
    {.name = "strided", .field = &Case::strided, .most = 1},
    {.name = "skew", .field = &Case::skew, .most = 64},
    {.name = "seed", .say = detail::say_seed<Case>, .hear = detail::hear_seed<Case>},
};

constexpr std::span<const KeyOf<Case>> keys_of(const Case&) { return kScoreKeys; }

}  // namespace glint_test

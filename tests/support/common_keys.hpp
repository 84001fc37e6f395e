// What the keys of all operators have in common: words, lists of lengths, scales, seeds, and the limit of sizes.
#pragma once

#include <initializer_list>
#include <limits>

#include "support/case_text.hpp"

namespace glint_test::detail {

inline constexpr const char* kTailWords[] = {"none", "q", "kv", "both"};
inline constexpr const char* kFillWords[] = {"tenth", "half", "rows", "all", "none", "most"};
inline constexpr const char* kSpreadWords[] = {"0.1", "1", "5", "20"};
inline constexpr const char* kInitWords[] = {"normal", "uniform", "poison", "huge", "ties", "onehot", "empty"};
inline constexpr index_t kLeast = std::numeric_limits<index_t>::min(), kMost = std::numeric_limits<index_t>::max();

inline std::string hear_word(std::string_view text, std::span<const char* const> words, index_t& field) {
  const auto word = std::find(words.begin(), words.end(), text);
  std::string all;
  for (const char* const each : words) all += (all.empty() ? "" : "|") + std::string(each);
  if (word == words.end()) return all;
  field = word - words.begin();
  return {};
}

inline std::string hear_extent(std::string_view text, index_t least, index_t& extent) {
  if (read_number(text, extent) && extent >= least && extent <= 65536) return {};
  return "a whole number from " + std::to_string(least) + " to 65536";
}

// One length, or a list of them, of which the longest counts where one is asked for.
inline std::string hear_lengths(std::string_view text, std::vector<index_t>& list, index_t& longest) {
  if (!read_list(text, 0, list))
    return "a whole number from 0 to 2147483648, or one for each batch entry with commas between them";
  longest = *std::max_element(list.begin(), list.end());
  if (text.find(',') == text.npos) list.clear();
  return {};
}

template <class C>
std::string say_scale(const C& c) {
  return c.exact_scale ? decimal_text(*c.exact_scale) : std::string();
}
template <class C>
std::string hear_scale(C& c, std::string_view text) {
  double scale = 0;
  if (!read_number(text, scale) || scale < -1e6 || scale > 1e6) return "a plain decimal from -1000000 to 1000000";
  c.exact_scale = scale;
  return {};
}

template <class C>
std::string say_seed(const C& c) {
  return c.seed == 0 ? std::string() : std::to_string(c.seed);
}
template <class C>
std::string hear_seed(C& c, std::string_view text) {
  return read_number(text, c.seed) ? "" : "a whole number from 0 to 18446744073709551615";
}

// Tensors are limited to what the oracle holds of them: 4 GB of float64.
struct Extents {
  const char* tensor;
  const char* keys;  // that make it so large
  std::initializer_list<index_t> extents;
};
inline std::string too_large(std::initializer_list<Extents> tensors) {
  for (const Extents& each : tensors) {
    double elements = 1;
    for (const index_t extent : each.extents) elements *= static_cast<double>(extent);
    if (elements <= 0x1p29) continue;
    const std::string_view keys = each.keys;
    return std::string(keys.substr(0, keys.find(' '))) + ": " + each.tensor + " would have " + decimal_text(elements) +
           " elements (" + each.keys + "), allowed: up to 536870912, 4 GB of float64";
  }
  return {};
}

// A list that is given for each of the batch.
inline std::string wrong_size(const char* key, const std::vector<index_t>& list, index_t batch) {
  if (list.empty() || static_cast<index_t>(list.size()) == batch) return {};
  return std::string(key) + ": got " + std::to_string(list.size()) +
         " lengths, allowed: one for each of the batch of " + std::to_string(batch);
}

}  // namespace glint_test::detail

// The language of case lines as a table of keys: print(c) and parse(line, c) of any struct that has one (keys_of, whose
// first key is op).
#pragma once

#include <cstdint>

#include "support/case_text.hpp"

namespace glint_test {

// How one field is said.  Plain keys are a word of a list or a number in a range; the others say and hear themselves.
template <class C>
struct KeyOf {
  std::string_view name;
  index_t C::*field = nullptr;
  std::span<const char* const> words{};  // value i is words[i]; none: a number
  index_t least = 0, most = 0;
  bool thousandths = false;  // the number is a decimal with up to three places
  bool required = false;
  index_t (*usual)(const C&) = nullptr;                 // what is meant where nothing is said; null: the struct's own
  bool (*applies)(const C&) = nullptr;                  // null: always
  const char* belongs = "";                             // to what, where it does not always apply
  const char* ops = "";                                 // of which operators, where not of all that the struct has
  std::string (*say)(const C&) = nullptr;               // empty: nothing needs to be said
  std::string (*hear)(C&, std::string_view) = nullptr;  // returns what is allowed if that is not
};

namespace detail {

template <class C>
bool applies(const KeyOf<C>& key, const C& c) {
  return key.applies == nullptr || key.applies(c);
}

template <class C>
index_t usual_value(const KeyOf<C>& key, const C& c) {
  static const C fresh;
  return key.usual != nullptr && applies(key, c) ? key.usual(c) : fresh.*key.field;
}

template <class C>
std::string say(const KeyOf<C>& key, const C& c) {
  if (key.say != nullptr) return applies(key, c) ? key.say(c) : std::string();
  const index_t value = c.*key.field;
  if (!applies(key, c) || (!key.required && value == usual_value(key, c))) return {};
  if (key.thousandths) return thousandths_text(value);
  const bool word = value >= 0 && value < static_cast<index_t>(key.words.size());
  return word ? key.words[static_cast<std::size_t>(value)] : std::to_string(value);
}

inline std::string alternatives(std::span<const char* const> words) {
  std::string all;
  for (const char* const word : words) all += (all.empty() ? "" : "|") + std::string(word);
  return all;
}

template <class C>
std::string allowed(const KeyOf<C>& key) {
  if (!key.words.empty()) return alternatives(key.words);
  if (key.thousandths)
    return "a decimal with up to three places from " + thousandths_text(key.least) + " to " +
           thousandths_text(key.most);
  return "a whole number from " + std::to_string(key.least) + " to " + std::to_string(key.most);
}

template <class C>
std::string hear(const KeyOf<C>& key, std::string_view text, C& c) {
  if (key.hear != nullptr) return key.hear(c, text);
  for (std::size_t i = 0; i < key.words.size(); ++i)
    if (text == key.words[i]) return c.*key.field = static_cast<index_t>(i), std::string();
  index_t value = 0;
  const bool number = key.thousandths ? read_thousandths(text, value) : read_number(text, value);
  if (!key.words.empty() || !number || value < key.least || value > key.most) return allowed(key);
  c.*key.field = value;
  return {};
}

template <class C>
bool of_operator(const KeyOf<C>& key, const C& c) {
  return key.ops[0] == '\0' || std::string_view(key.ops) == op_name(c);
}

// The nearest key, if there is a near one.
template <class C>
std::string unknown(std::string_view name, const C& c) {
  std::string_view nearest;
  std::size_t least = 3;
  for (const KeyOf<C>& key : keys_of(c)) {
    const std::size_t far = name.size() > 40 ? least : distance(name, key.name);
    if (far < least && 2 * far <= name.size()) least = far, nearest = key.name;
  }
  const std::string text = shown(name) + ": not a key of op=" + std::string(op_name(c));
  return nearest.empty() ? text : text + "; did you mean " + std::string(nearest) + "?";
}

template <class C>
std::string hear_all(std::span<const Word> words, C& c) {
  for (const Word& word : words) {
    const auto keys = keys_of(c);
    const auto known = [&](const KeyOf<C>& key) { return key.name == word.key && of_operator(key, c); };
    if (std::none_of(keys.begin(), keys.end(), known)) return unknown(word.key, c);
  }
  for (const KeyOf<C>& key : keys_of(c)) {  // in the table's order, in which each may build on those before it
    const std::string_view value = find_word(words, key.name);
    if (value.empty() && key.required)
      return std::string(key.name) + ": missing; op=" + std::string(op_name(c)) + " needs it";
    if (!value.empty()) {
      if (const std::string want = hear(key, value, c); !want.empty()) return wrong(key.name, value, want);
    } else if (key.usual != nullptr) {
      c.*key.field = usual_value(key, c);
    }
  }
  for (const KeyOf<C>& key : keys_of(c)) {
    static const C fresh;
    const bool said = !find_word(words, key.name).empty(), plain = key.field != nullptr;
    const bool idle = plain && c.*key.field == fresh.*key.field;  // as if it were not there
    if (said && !idle && !applies(key, c))
      return std::string(key.name) + ": has no meaning here: it belongs to " + key.belongs;
  }
  return settle(words, c);
}

}  // namespace detail

// A case as a line; what goes without saying is left out.
template <class C>
std::string print(const C& c) {
  std::string line;
  for (const KeyOf<C>& key : keys_of(c))
    if (const std::string value = detail::say(key, c); !value.empty() && detail::of_operator(key, c))
      line += (line.empty() ? "" : " ") + std::string(key.name) + "=" + value;
  return line;
}

// Is this a case of these operators?  Also true of a line that has no operator: parse says so.
template <class C>
bool speaks_of(std::string_view line) {
  std::vector<Word> words;
  const bool whole = detail::split(line, words).empty();
  const std::string_view op = detail::find_word(words, "op");
  C c;
  return !whole || op.empty() || detail::hear(keys_of(c)[0], op, c).empty();
}

// The inverse.  Returns what is wrong with the line, or nothing.
template <class C>
std::string parse(std::string_view line, C& c) {
  std::vector<Word> words;
  if (const std::string error = detail::split(line, words); !error.empty()) return error;
  C heard;
  // The operator first: it says which keys there are.
  const std::string_view op = detail::find_word(words, "op");
  if (op.empty()) return "op: missing; allowed: fwd|bwd|prompt|incre";
  if (!detail::hear(keys_of(c)[0], op, heard).empty()) return detail::wrong("op", op, "fwd|bwd|prompt|incre");
  if (const std::string error = detail::hear_all<C>(words, heard); !error.empty()) return error;
  c = std::move(heard);
  return {};
}

}  // namespace glint_test

// The pieces of a case line, "op=fwd n=8 ...": words split, numbers read strictly, and what is wrong said in full.
#pragma once

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "glint/core/config.hpp"

namespace glint_test {

using glint::index_t;

struct Word {
  std::string_view key, value;
};

inline constexpr std::size_t kLongestLine = std::size_t{1} << 22, kMostWords = 200;

namespace detail {

// As a message shows what somebody wrote: short, and printable.
inline std::string shown(std::string_view text) {
  std::string result;
  for (const char letter : text.substr(0, 40)) result += letter >= ' ' && letter <= '~' ? letter : '?';
  return text.size() > 40 ? result + "..." : result;
}

inline std::string wrong(std::string_view key, std::string_view got, std::string_view allowed) {
  return std::string(key) + ": got " + shown(got) + ", allowed: " + std::string(allowed);
}

// Words with blanks between them.
inline std::string split(std::string_view line, std::vector<Word>& words) {
  if (line.size() > kLongestLine) return "a case line has at most 4194304 characters";
  for (std::size_t from = line.find_first_not_of(' '); from < line.size();) {
    const std::string_view rest = line.substr(from), word = rest.substr(0, rest.find(' '));
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == word.npos || equals + 1 == word.size())
      return "\"" + shown(word) + "\" is not of the form key=value";
    const Word next{word.substr(0, equals), word.substr(equals + 1)};
    for (const Word& before : words)
      if (before.key == next.key) return shown(next.key) + ": given twice";
    if (words.size() == kMostWords) return "a case line has at most 200 keys";
    words.push_back(next);
    from = line.find_first_not_of(' ', from + word.size());
  }
  return {};
}

inline std::string_view find_word(std::span<const Word> words, std::string_view key) {
  for (const Word& word : words)
    if (word.key == key) return word.value;
  return {};
}

// Whole numbers and plain decimals without a plus, without "-0", without anything behind them.
template <class Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  std::from_chars_result result{};
  if constexpr (std::is_floating_point_v<Number>)
    result = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  else
    result = std::from_chars(text.data(), end, number);
  const bool finite = number - number == 0;
  return result.ec == std::errc() && result.ptr == end && finite && !(number == 0 && text.front() == '-');
}

// A decimal with up to three places as thousandths.
inline bool read_thousandths(std::string_view text, index_t& thousandths) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view places = text.substr(std::min(point + 1, text.size()));
  if (places.size() > 3 || (point < text.size() && places.empty()) || point > 12) return false;
  std::string digits(text.substr(0, point));
  digits.append(places).append(3 - places.size(), '0');
  const bool whole = point > 0 && text.substr(0, point) != "-";
  if (!places.empty() && (places[0] == '-' || places[0] == '+')) return false;
  return whole &&
         std::from_chars(digits.data(), digits.data() + digits.size(), thousandths).ptr ==
             digits.data() + digits.size() &&
         !(thousandths == 0 && text[0] == '-');
}

inline std::string thousandths_text(index_t value) {
  std::string text = std::to_string(value < 0 ? -value : value);
  text.insert(0, text.size() < 4 ? 4 - text.size() : 0, '0');
  text.insert(text.size() - 3, 1, '.');
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return (value < 0 ? "-" : "") + text;
}

// The shortest decimal that reads back as the same double.
inline std::string decimal_text(double value) {
  char text[400];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr};
}

inline std::string list_text(std::span<const index_t> numbers) {
  std::string text;
  for (const index_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

// One number where all are the same.
inline std::string lengths_text(std::span<const index_t> numbers) {
  const auto differs = [&](index_t number) { return number != numbers[0]; };
  const bool same = !numbers.empty() && std::none_of(numbers.begin(), numbers.end(), differs);
  return list_text(same ? numbers.first(1) : numbers);
}

inline constexpr index_t kMostRows = index_t{1} << 31;

// "4,2,6"
inline bool read_list(std::string_view text, index_t least, std::vector<index_t>& numbers) {
  numbers.clear();
  for (std::size_t from = 0; from <= text.size();) {
    const std::string_view rest = text.substr(from), one = rest.substr(0, rest.find(','));
    index_t number = 0;
    if (!read_number(one, number) || number < least || number > kMostRows) return false;
    numbers.push_back(number);
    from += one.size() + 1;
  }
  return true;
}

// Letters to put in, take out or change.
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace detail
}  // namespace glint_test

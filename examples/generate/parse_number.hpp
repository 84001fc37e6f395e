// Numbers on the command line.
#pragma once

#include <charconv>

#include "file_reader.hpp"

namespace generate::detail {

template <class Number>
Number parse_number(const std::string& option, const std::string& text, Number least, Number most) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that a NaN is refused too.
  if (failed != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
    throw Error(option + " takes a number between " + std::to_string(least) + " and " + std::to_string(most) +
                ", not '" + text + "'");
  }
  return value;
}

}  // namespace generate::detail

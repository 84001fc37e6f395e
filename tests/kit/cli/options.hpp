// The words of a command: options with values, switches, and everything else in order.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace kit::cli {

struct Words {
  std::vector<std::string> plain;
  std::map<std::string, std::string, std::less<>> options;  // "--tile" -> "64,128"; a switch -> ""
  std::string error;

  bool has(std::string_view name) const { return options.find(name) != options.end(); }
  std::string value(std::string_view name, std::string otherwise = {}) const;
};

// `with_value` and `switches` are the options that a command knows, with their dashes.
Words parse_words(const std::vector<std::string>& arguments, const std::vector<std::string>& with_value,
                  const std::vector<std::string>& switches);

// Whole numbers and finite decimals; false if the text is not one, or is out of range.
bool read_number(const std::string& text, std::uint64_t most, std::uint64_t& value);
bool read_decimal(const std::string& text, double& value);

}  // namespace kit::cli

#include "kit/cli/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kit::cli {

std::string Words::value(std::string_view name, std::string otherwise) const {
  const auto given = options.find(name);
  return given == options.end() ? std::move(otherwise) : given->second;
}

Words parse_words(const std::vector<std::string>& arguments, const std::vector<std::string>& with_value,
                  const std::vector<std::string>& switches) {
  const auto knows = [](const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  Words words;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    std::string name = arguments[at];
    if (name.size() < 2 || name[0] != '-') {
      words.plain.push_back(name);
      continue;
    }
    const std::size_t equals = name.find('=');
    const bool joined = name[1] == '-' && equals != std::string::npos;
    std::string value = joined ? name.substr(equals + 1) : std::string();
    if (joined) name.resize(equals);
    if (knows(switches, name) && !joined) {
    } else if (!knows(with_value, name)) {
      words.error = "unknown option " + name;
    } else if (!joined) {
      if (at + 1 == arguments.size()) words.error = name + " needs a value";
      if (at + 1 < arguments.size()) value = arguments[++at];
    }
    if (words.error.empty() && !words.options.emplace(name, value).second) words.error = name + " is given twice";
    if (!words.error.empty()) return words;
  }
  return words;
}

bool read_number(const std::string& text, std::uint64_t most, std::uint64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  return problem == std::errc{} && stop == end && value <= most;
}

bool read_decimal(const std::string& text, double& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  return problem == std::errc{} && stop == end && std::isfinite(value);
}

}  // namespace kit::cli

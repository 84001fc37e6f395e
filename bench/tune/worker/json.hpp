// Just enough JSON to answer in: an object on one line.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace bench::tune {

inline std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 32) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

// JSON knows neither infinity nor NaN.
inline std::string json_number(double number) {
  if (!std::isfinite(number)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", number);
  return text;
}

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) { return raw(key, json_text(value)); }
  JsonObject& number(std::string_view key, double value) { return raw(key, json_number(value)); }
  JsonObject& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& raw(std::string_view key, std::string_view json) {
    body_ += (body_.empty() ? "" : ",") + json_text(key) + ":";
    body_ += json;
    return *this;
  }
  std::string str() const { return "{" + body_ + "}"; }

 private:
  std::string body_{};
};

inline std::string json_list(const std::vector<std::string>& json) {
  std::string list;
  for (const std::string& item : json) list += (list.empty() ? "" : ",") + item;
  return "[" + list + "]";
}

inline std::string json_error(std::string_view code, std::string_view message) {
  return JsonObject().text("code", code).text("message", message).str();
}

}  // namespace bench::tune

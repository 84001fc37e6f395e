// The reference kit of glint.h.
#include <charconv>
#include <cmath>
#include <cstring>
#include <exception>
#include <sstream>

#include "kit/c/glint.h"
#include "kit/commands.hpp"
#include "kit/explain/explain.hpp"

namespace kit::c {
namespace {

constexpr std::int32_t kDone = 0, kError = 1;

void put(std::string_view from, char* text, std::size_t capacity) {
  if (text == nullptr || capacity == 0) return;
  const std::size_t length = from.size() < capacity ? from.size() : capacity - 1;
  std::memcpy(text, from.data(), length);
  text[length] = '\0';
}

std::string or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && stop == text.data() + text.size();
}

bool read_tile(std::string_view text, TileSize& tile) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return false;
  const auto right = [](index_t extent) { return extent > 0 && extent <= kMostTile; };
  return read(text.substr(0, cross), tile.rows) && read(text.substr(cross + 1), tile.columns) && right(tile.rows) &&
         right(tile.columns);
}

// One word, key=value.
std::string take_option(const std::string& word, CheckOptions& options) {
  const std::size_t equals = word.find('=');
  const std::string key = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
  double number = 0;
  if (key == "tile") return read_tile(value, options.tile) ? "" : "tile=" + value + ": want ROWSxCOLUMNS, as in 64x128";
  if (key == "layout") return options.layout = value, "";
  if (key == "hints") return options.hints = value != "0", value == "0" || value == "1" ? "" : word + ": want 0 or 1";
  if (key != "factor" && key != "poison") return key + ": is none of tile, hints, factor, layout, poison";
  if (!read(value, number)) return word + ": want a number";
  if (key == "poison") return options.poison = number, "";
  if (!(number >= 0) || std::isinf(number)) return word + ": want a number of at least 0";
  return options.factor = number, "";
}

std::string parse_options(const std::string& text, CheckOptions& options) {
  std::istringstream words(text);
  std::string word, error;
  while (error.empty() && words >> word) error = take_option(word, options);
  return error;
}

// body(text) -> the code; an exception's words become the text.
template <class Body>
std::int32_t guarded(char* text, std::size_t capacity, const Body& body) {
  try {
    std::string words;
    const std::int32_t code = body(words);
    put(words, text, capacity);
    return code;
  } catch (const std::exception& problem) {
    put(problem.what(), text, capacity);
  } catch (...) {
    put("something unexpected happened", text, capacity);
  }
  return kError;
}

Checked checked(const std::string& bundle, const std::string& result, const std::string& options_text) {
  CheckOptions options;
  Checked answer;
  answer.error = parse_options(options_text, options);
  return answer.error.empty() ? check_files(bundle, {result}, options) : answer;
}

}  // namespace
}  // namespace kit::c

extern "C" {

int32_t glint_ref_make(const char* line, const char* path, int32_t probabilities, char* text, size_t capacity) {
  return kit::c::guarded(text, capacity, [&](std::string& words) {
    words = kit::make(kit::c::or_empty(line), kit::c::or_empty(path), {probabilities != 0});
    return words.empty() ? kit::c::kDone : kit::c::kError;
  });
}

int32_t glint_ref_check(const char* bundle, const char* result, const char* options, char* text, size_t capacity,
                        char* json, size_t json_capacity, int32_t* pass) {
  if (pass != nullptr) *pass = 0;
  return kit::c::guarded(text, capacity, [&](std::string& words) {
    const kit::Checked answer =
        kit::c::checked(kit::c::or_empty(bundle), kit::c::or_empty(result), kit::c::or_empty(options));
    if (pass != nullptr) *pass = answer.pass ? 1 : 0;
    kit::c::put(answer.json, json, json_capacity);
    words = answer.error.empty() ? answer.text : answer.error;
    return answer.error.empty() ? kit::c::kDone : kit::c::kError;
  });
}

int32_t glint_ref_explain(const char* words, char* text, size_t capacity) {
  return kit::c::guarded(text, capacity, [&](std::string& answer) {
    const kit::Explained explained = kit::explain(kit::c::or_empty(words));
    answer = explained.error.empty() ? explained.text : explained.error;
    return explained.error.empty() ? kit::c::kDone : kit::c::kError;
  });
}

int32_t glint_ref_draw(const char* op, uint64_t seed, uint64_t number, char* text, size_t capacity) {
  return kit::c::guarded(text, capacity, [&](std::string& answer) {
    std::string error;
    answer = kit::draw_line(kit::c::or_empty(op), seed, number, error);
    if (!error.empty()) answer = error;
    return error.empty() ? kit::c::kDone : kit::c::kError;
  });
}

}  // extern "C"

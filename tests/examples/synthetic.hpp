// What tests of examples/generate and examples/fine_tune work on: small synthetic models and tokenizers, and the real
// one where it is at hand.
#pragma once

#include <cstdlib>

#include "../../examples/generate/generate.hpp"
#include "files.hpp"

namespace generate_test {

using namespace generate;
using namespace example_test;

// dim, hidden, layers, heads, kv_heads, vocab, context
using Header = std::vector<std::int32_t>;
inline const Header kHeader{8, 12, 2, 4, 2, 265, 24};
inline constexpr std::size_t kHeaderBytes = 28;

// Counts up, so that a reader which takes a tensor from the wrong place is seen; small, so that nothing saturates.
inline float weight_at(std::int64_t i) { return static_cast<float>(i * 37 % 101 - 50) / 50.0F; }

inline std::string model_bytes(const Header& header = kHeader, const Header& layout_of = kHeader) {
  std::string bytes;
  for (const std::int32_t field : header) put(bytes, field);
  const std::int64_t dim = layout_of[0], hidden = layout_of[1], layers = layout_of[2], vocab = std::abs(layout_of[5]);
  const std::int64_t head = dim / layout_of[3], kv = head * layout_of[4];
  std::int64_t floats =
      vocab * dim + layers * (2 * dim + 2 * dim * dim + 2 * kv * dim + 3 * dim * hidden) + dim + layout_of[6] * head;
  if (layout_of[5] < 0) floats += vocab * dim;
  for (std::int64_t i = 0; i < floats; ++i) put(bytes, weight_at(i));
  return bytes;
}

// Three special tokens, 256 bytes, and: " " 259, "a" 260, "b" 261, "ab" 262, " ab" 263, "aab" 264.
inline std::string tokenizer_bytes() {
  std::vector<std::pair<std::string, float>> tokens{{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}};
  for (unsigned byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    tokens.push_back({text, 0});
  }
  for (const auto& [text, score] : {std::pair{" ", 0}, {"a", 0}, {"b", 0}, {"ab", -1}, {" ab", -2}, {"aab", -3}})
    tokens.push_back({text, static_cast<float>(score)});
  std::string bytes;
  put(bytes, std::int32_t{8});
  for (const auto& [text, score] : tokens) {
    put(bytes, score);
    put(bytes, static_cast<std::int32_t>(text.size()));
    bytes += text;
  }
  return bytes;
}

// The folder with stories260K.bin: $GLINT_MODELS, or shared/models beside a folder that holds this source or the
// current directory.
inline fs::path models() {
  std::vector<fs::path> folders;
  if (const char* const given = std::getenv("GLINT_MODELS")) folders.emplace_back(given);
  for (fs::path start : {fs::path(__FILE__), fs::current_path() / "."})
    while (start.has_relative_path()) folders.push_back((start = start.parent_path()) / "shared" / "models");
  for (const fs::path& folder : folders)
    if (fs::exists(folder / "stories260K.bin")) return folder;
  return {};
}

}  // namespace generate_test

// Text to tokens and back, with the byte-pair vocabulary of llama2.c: int32 max_token_length, then for each token
// {float score, int32 length, bytes}.
#pragma once

#include <unordered_map>

#include "file_reader.hpp"

namespace generate {

class Tokenizer {
 public:
  static constexpr int kBegin = 1;      // BOS
  static constexpr int kFirstByte = 3;  // token 3 + b stands for byte b

  // The file does not say how many tokens it holds; the model does.
  Tokenizer(const std::filesystem::path& path, std::int64_t vocab) {
    FileReader file(path);
    const auto longest = file.number<std::int32_t>("its first number");
    if (longest < 1) file.fail("the longest token has " + std::to_string(longest) + " bytes; is this a tokenizer?");
    longest_ = static_cast<std::size_t>(longest);
    for (std::int64_t id = 0; id < vocab; ++id) {
      const auto score = file.number<float>("its tokens: it has fewer than the model");
      const auto length = file.number<std::int32_t>("its tokens: it has fewer than the model");
      if (length < 0 || length > longest) {
        file.fail("token " + std::to_string(id) + " has " + std::to_string(length) + " bytes, not 0.." +
                  std::to_string(longest));
      }
      tokens_.push_back({std::string(file.bytes(static_cast<std::size_t>(length), "a token")), score});
      ids_.emplace(tokens_.back().text, static_cast<int>(id));
    }
    if (file.remaining() != 0) file.fail("there are more tokens in it than the model's " + std::to_string(vocab));
  }

  // A token stands for at most so many bytes.
  std::size_t longest() const { return longest_; }

  // BOS, a leading space, the code points of the text; then the neighbours that make the best-scored token merge,
  // again and again.
  std::vector<int> encode(std::string_view text) const {
    std::vector<int> tokens{kBegin};
    const auto append = [&](std::string_view piece) {
      if (const int id = find(std::string(piece)); id >= 0) return tokens.push_back(id);
      for (const char byte : piece) tokens.push_back(byte_token(byte));
    };
    append(" ");
    while (!text.empty()) {
      std::size_t length = 1;
      while (length < text.size() && length < 4 && (text[length] & 0xc0) == 0x80) ++length;
      append(text.substr(0, length));
      text.remove_prefix(length);
    }
    while (merge_best(tokens)) {
    }
    return tokens;
  }

  // What `token` adds to the text when it follows `previous`.
  std::string decode(int previous, int token) const {
    const std::string& text = tokens_[static_cast<std::size_t>(token)].text;
    if (previous == kBegin && text.starts_with(' ')) return text.substr(1);
    unsigned byte = 0;
    char end = 0;
    if (text.size() == 6 && std::sscanf(text.c_str(), "<0x%2X%c", &byte, &end) == 2 && end == '>') {
      const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;  // not for a terminal
      return control ? std::string() : std::string(1, static_cast<char>(byte));
    }
    return text;
  }

 private:
  struct Token {
    std::string text;
    float score;
  };

  int find(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
  }

  int byte_token(char byte) const {
    const int id = kFirstByte + static_cast<unsigned char>(byte);
    if (id >= static_cast<int>(tokens_.size())) throw Error("the prompt has characters that this tokenizer lacks");
    return id;
  }

  bool merge_best(std::vector<int>& tokens) const {
    int best = -1;
    std::size_t at = 0;
    for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
      const Token &left = token(tokens[i]), &right = token(tokens[i + 1]);
      const int id = find(left.text + right.text);
      if (id >= 0 && (best < 0 || token(id).score > token(best).score)) best = id, at = i;
    }
    if (best < 0) return false;
    tokens[at] = best;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    return true;
  }

  const Token& token(int id) const { return tokens_[static_cast<std::size_t>(id)]; }

  std::vector<Token> tokens_;
  std::unordered_map<std::string, int> ids_;
  std::size_t longest_ = 0;
};

}  // namespace generate

// The characters of a text, numbered: the tokens of this model are bytes, those that the text has.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "../generate/file_reader.hpp"
#include "block.hpp"

namespace train {

using generate::Error;
using generate::FileReader;

class Alphabet {
 public:
  // Of the characters in their order; no character comes twice.
  explicit Alphabet(std::string_view characters) : characters_(characters) {
    numbers_.fill(-1);
    for (std::size_t i = 0; i < characters.size(); ++i) numbers_[byte(characters[i])] = static_cast<int>(i);
  }
  // Of the characters that occur in a text.
  static Alphabet of(std::string_view text) {
    std::array<bool, 256> occurs{};
    for (const char c : text) occurs[byte(c)] = true;
    std::string characters;
    for (std::size_t i = 0; i < occurs.size(); ++i)
      if (occurs[i]) characters += static_cast<char>(i);
    return Alphabet(characters);
  }

  Index size() const { return static_cast<Index>(characters_.size()); }
  const std::string& characters() const { return characters_; }

  char character(int token) const { return characters_[static_cast<std::size_t>(token)]; }
  int token(char c) const {
    const int number = numbers_[byte(c)];
    if (number < 0) throw Error(std::string("the model has never seen the character '") + c + "'");
    return number;
  }
  std::vector<int> tokens(std::string_view text) const {
    std::vector<int> tokens;
    for (const char c : text) tokens.push_back(token(c));
    return tokens;
  }

 private:
  static std::size_t byte(char c) { return static_cast<unsigned char>(c); }

  std::string characters_;
  std::array<int, 256> numbers_{};
};

}  // namespace train

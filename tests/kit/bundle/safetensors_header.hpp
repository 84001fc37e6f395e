// The JSON in front of a .safetensors file: which tensors it has, of what type and shape, and where their bytes lie.
#pragma once

#include <string>
#include <vector>

#include "kit/bundle/bundle.hpp"

namespace kit {

inline constexpr std::size_t kMostHeaderBytes = 100'000'000;  // as the format's own reader has it
inline constexpr std::size_t kMostTensors = 100'000;
inline constexpr std::size_t kMostAxes = 32;

struct HeaderEntry {
  std::string name;
  Type type = Type::f32;
  std::vector<index_t> shape;
  std::size_t begin = 0, end = 0;  // in the bytes after the header
};

struct Header {
  std::map<std::string, std::string, std::less<>> notes;
  std::vector<HeaderEntry> entries;  // by their place: together they cover the data without gap or overlap
};

// `data_bytes`: what follows the header.  Returns what is wrong, or nothing.
std::string parse_header(const char* json, std::size_t size, std::size_t data_bytes, Header& header);

}  // namespace kit

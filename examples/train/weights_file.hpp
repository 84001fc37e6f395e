// Weights on disk, as 16-bit floats:
//
//   "GLINTGPT"                                             8 bytes
//   layers, heads, width, context, symbols                 5 int32, little endian
//   the characters, in the order of their numbers          `symbols` bytes, all different
//   the tensors in the order of Weights                    binary16, little endian
#pragma once

#include <array>
#include <bit>
#include <fstream>

#include "../generate/file_reader.hpp"
#include "alphabet.hpp"
#include "glint/core/dtype.hpp"
#include "weights.hpp"

namespace train {

static_assert(std::endian::native == std::endian::little, "the file's numbers are copied as they are");

struct Model {
  Alphabet alphabet;
  Weights weights;
};

namespace detail {

inline constexpr std::string_view kMagic = "GLINTGPT";

inline Config read_config(FileReader& file) {
  if (file.remaining() < kMagic.size() || file.bytes(kMagic.size(), "its first word") != kMagic)
    file.fail("it does not begin with " + std::string(kMagic) + ": these are no weights of this program");
  const auto next = [&](const char* what, Index most) {
    const Index value = file.number<std::int32_t>("the header");
    if (value < 1 || value > most)
      file.fail(std::string("the header's ") + what + " is " + std::to_string(value) + ", not in 1.." +
                std::to_string(most));
    return value;
  };
  // Far above any model, and low enough that no product below overflows 64 bits.
  Config config;
  config.layers = next("number of layers", 1 << 10);
  config.heads = next("number of heads", 1 << 10);
  config.width = next("width", 1 << 14);
  config.context = next("context", 1 << 20);
  config.symbols = next("number of characters", 256);
  if (config.width % config.heads != 0) file.fail("the header's width is not a multiple of its number of heads");
  return config;
}

// How many numbers a model has, before any memory is asked for.
inline Index numbers_in(const Config& c) {
  const auto linear = [](Index in, Index out) { return in * out + out; };
  const Index layer = 4 * c.width + linear(c.width, 3 * c.width) + linear(c.width, c.width) +
                      linear(c.width, c.hidden()) + linear(c.hidden(), c.width);
  return (c.symbols + c.context) * c.width + c.layers * layer + 2 * c.width + linear(c.width, c.symbols);
}

inline Alphabet read_alphabet(FileReader& file, Index symbols) {
  const std::string_view characters = file.bytes(static_cast<std::size_t>(symbols), "the characters");
  for (std::size_t i = 0; i < characters.size(); ++i)
    if (characters.find(characters[i], i + 1) != std::string_view::npos) file.fail("a character is listed twice");
  return Alphabet(characters);
}

}  // namespace detail

inline Model read_weights(const std::filesystem::path& path) {
  FileReader file(path);
  const Config config = detail::read_config(file);
  Alphabet alphabet = detail::read_alphabet(file, config.symbols);
  const Index numbers = detail::numbers_in(config);
  if (static_cast<Index>(file.remaining()) != 2 * numbers)
    file.fail("the header announces " + std::to_string(2 * numbers) + " bytes of weights, the file holds " +
              std::to_string(file.remaining()) + ": it is damaged");
  Model model{std::move(alphabet), Weights(config)};
  for (const Out tensor : model.weights.tensors()) {
    for (Index i = 0; i < tensor.size(); ++i) {
      const auto stored = file.number<glint::half>("the weights");
      if ((stored.bits & 0x7c00) == 0x7c00) file.fail("a weight is not a finite number: it is damaged");
      tensor.data[i] = glint::to_float(stored);
    }
  }
  return model;
}

inline void write_weights(const std::filesystem::path& path, const Model& model) {
  std::ofstream file(path, std::ios::binary);
  const auto number = [&](auto value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
  const Config& c = model.weights.config;
  file << detail::kMagic;
  for (const Index field : {c.layers, c.heads, c.width, c.context, c.symbols}) number(static_cast<std::int32_t>(field));
  file << model.alphabet.characters();
  for (const Out tensor : model.weights.tensors())
    for (Index i = 0; i < tensor.size(); ++i) number(glint::from_float<glint::half>(tensor.data[i]));
  file.close();
  if (!file) throw Error(path.string() + ": the weights cannot be written");
}

}  // namespace train

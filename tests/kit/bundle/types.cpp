// Names of storage types, and shapes in words.
#include "kit/bundle/types.hpp"

#include <limits>

namespace kit {

namespace {

constexpr std::pair<Type, std::string_view> kTypes[] = {
    {Type::f64, "F64"}, {Type::f32, "F32"}, {Type::f16, "F16"}, {Type::bf16, "BF16"},
    {Type::i64, "I64"}, {Type::u64, "U64"}, {Type::i32, "I32"}, {Type::i16, "I16"},
    {Type::u16, "U16"}, {Type::i8, "I8"},   {Type::u8, "U8"},   {Type::boolean, "BOOL"},
};

constexpr std::pair<DType, std::string_view> kDTypes[] = {
    {DType::f32, "f32"}, {DType::f16, "f16"},      {DType::bf16, "bf16"}, {DType::i8, "i8"},   {DType::u8, "u8"},
    {DType::i4, "i4"},   {DType::boolean, "bool"}, {DType::i32, "i32"},   {DType::i64, "i64"}, {DType::u64, "u64"},
};

template <class Table, class Key>
std::string_view name_in(const Table& table, Key key) {
  for (const auto& [type, name] : table)
    if (type == key) return name;
  return "none";
}

template <class Key, std::size_t count>
std::optional<Key> named_in(const std::pair<Key, std::string_view> (&table)[count], std::string_view wanted) {
  for (const auto& [type, name] : table)
    if (name == wanted) return type;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Type type) { return name_in(kTypes, type); }
std::optional<Type> type_named(std::string_view name) { return named_in(kTypes, name); }
std::string_view name_of(DType type) { return name_in(kDTypes, type); }
std::optional<DType> dtype_named(std::string_view name) { return named_in(kDTypes, name); }

Type storage_of(DType type) {
  switch (type) {
    case DType::f16: return Type::f16;
    case DType::bf16: return Type::bf16;
    case DType::i8:
    case DType::i4: return Type::i8;
    case DType::u8:
    case DType::boolean: return Type::u8;
    case DType::i32: return Type::i32;
    case DType::i64: return Type::i64;
    case DType::u64: return Type::u64;
    default: return Type::f32;
  }
}

// Zeros count as ones on the way: the oracle multiplies extents in any order.
std::optional<index_t> elements_of(const std::vector<index_t>& shape) {
  constexpr index_t most = std::numeric_limits<index_t>::max() / 8;
  index_t product = 1;
  bool empty = false;
  for (const index_t extent : shape) {
    if (extent < 0) return std::nullopt;
    empty = empty || extent == 0;
    if (extent > 0 && product > most / extent) return std::nullopt;
    if (extent > 0) product *= extent;
  }
  return empty ? 0 : product;
}

std::string text_of(const std::vector<index_t>& shape) {
  std::string text = "(";
  for (const index_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ")";
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t most = 80;
  const bool cut = name.size() > most;
  return "'" + std::string(name.substr(0, most)) + (cut ? "...'" : "'");
}

std::string printable(std::string text) {
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = '?';
  return text;
}

}  // namespace kit

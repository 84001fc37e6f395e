// The storage types of tensors: their names, their sizes, and the C++ type that holds one element.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "glint/core/dtype.hpp"
#include "kit/bundle/bundle.hpp"

namespace kit {

struct Boolean {
  std::uint8_t byte;
};

// f(Element{}) for the C++ type of an element.
template <class Function>
auto with_element(Type type, const Function& f) {
  switch (type) {
    case Type::f64: return f(double{});
    case Type::f32: return f(float{});
    case Type::f16: return f(glint::half{});
    case Type::bf16: return f(glint::bfloat16{});
    case Type::i64: return f(std::int64_t{});
    case Type::u64: return f(std::uint64_t{});
    case Type::i32: return f(std::int32_t{});
    case Type::i16: return f(std::int16_t{});
    case Type::u16: return f(std::uint16_t{});
    case Type::i8: return f(std::int8_t{});
    case Type::u8: return f(std::uint8_t{});
    case Type::boolean: break;
  }
  return f(Boolean{});
}

// An element's number; 64-bit integers beyond 2^53 are rounded.
inline double as_double(Boolean value) { return value.byte != 0 ? 1 : 0; }
inline double as_double(glint::half value) { return static_cast<double>(glint::to_float(value)); }
inline double as_double(glint::bfloat16 value) { return static_cast<double>(glint::to_float(value)); }
template <class Element>
double as_double(Element value) {
  return static_cast<double>(value);
}

inline std::size_t bytes_of(Type type) {
  return with_element(type, [](auto element) { return sizeof element; });
}

// Names of the safetensors format: "F64", "BF16", "BOOL", ...
std::string_view name_of(Type type);
std::optional<Type> type_named(std::string_view name);

// Names of the library's types in a bundle's parameters: "f32", "i4", ...
std::string_view name_of(DType type);
std::optional<DType> dtype_named(std::string_view name);

// What stores numbers of this type; int4 takes a byte a number.
Type storage_of(DType type);

// Elements of a shape, if their bytes and those of its doubles can be counted.  {} is a scalar: 1.
std::optional<index_t> elements_of(const std::vector<index_t>& shape);

// "(2, 3)"
std::string text_of(const std::vector<index_t>& shape);

// 'name', cut where it is very long.
std::string in_quotes(std::string_view name);

// A stranger's text for a terminal: '?' for control characters.
std::string printable(std::string text);

}  // namespace kit

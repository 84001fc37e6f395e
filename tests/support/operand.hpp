// Numbers of a type that is known at run time, in memory of exactly their size, and the same numbers as the oracle
// reads them.
#pragma once

#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "glint/core/dtype.hpp"
#include "glint/reference/attention.hpp"
#include "support/inference_lists.hpp"
#include "support/init.hpp"

namespace glint_test {

using glint::reference::Array;
using glint::reference::Extent;

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Bytes of `count` numbers.
constexpr index_t bytes_of(DType dtype, index_t count) {
  return dtype == DType::i4 ? (count + 1) / 2 : count * glint::size_of(dtype);
}

// Writes number `at`, rounded to the type; returns what is there now.  int4 shares its byte with a neighbour.
inline double store_number(std::byte* memory, DType dtype, index_t at, double value) {
  const auto put = [&](auto element) {
    std::memcpy(memory + at * static_cast<index_t>(sizeof element), &element, sizeof element);
    return static_cast<double>(glint::to_float(element));
  };
  switch (dtype) {
    case DType::f32: return put(static_cast<float>(value));
    case DType::f16: return put(glint::from_float<glint::half>(static_cast<float>(value)));
    case DType::bf16: return put(glint::from_float<glint::bfloat16>(static_cast<float>(value)));
    case DType::i8: memory[at] = static_cast<std::byte>(static_cast<std::int8_t>(value)); return value;
    default: break;
  }
  const auto nibble = static_cast<std::byte>(static_cast<int>(value) & 0xf);
  std::byte& both = memory[at / 2];
  both = at % 2 == 0 ? (both & std::byte{0xf0}) | nibble : (both & std::byte{0x0f}) | nibble << 4;
  return value;
}

// The first element; of none, a place that is not null all the same.
template <class Element>
const Element* first_of(const std::vector<Element>& list) {
  static const Element none{};
  return list.empty() ? &none : list.data();
}

// In the place of a skew: an operand that has a shape and no numbers, for checks of shapes alone.
inline constexpr index_t kOutline = -1;

struct Operand {
  DType dtype = DType::none;
  Extent extent{};          // of tensors with rows
  const char* layout = "";  // the same
  Array numbers;            // absent: no operand
  std::vector<std::byte> memory;
  index_t skew = 0;  // elements by which the data miss the start of their allocation

  Operand() = default;
  Operand(DType type, std::vector<index_t> shape, index_t skewed) : dtype(type) {
    if (skewed == kOutline) {
      numbers.shape = std::move(shape);
      return;
    }
    numbers = Array(std::move(shape));
    skew = skewed;
    memory.resize(static_cast<std::size_t>(bytes_of(type, numbers.size()) + skew * glint::size_of(type)));
  }
  // Rows of `e` in a layout.
  Operand(DType type, const Extent& e, const char* in, index_t skewed)
      : Operand(type, glint::reference::shape_of(e, in), skewed) {
    extent = e, layout = in;
  }

  bool present() const { return numbers.present(); }
  index_t size() const { return numbers.size(); }
  const std::byte* data() const {
    if (!present()) return nullptr;
    return first_of(memory) + skew * glint::size_of(dtype);
  }
  template <class Element>
  const Element* as() const {
    return reinterpret_cast<const Element*>(data());
  }
  void set(index_t at, double value) {
    numbers.flat(at) = store_number(memory.data() + skew * glint::size_of(dtype), dtype, at, value);
  }
  index_t row(index_t batch, index_t head, index_t i) const {
    return glint::reference::row_position(extent, layout, batch, head, i);
  }
  // NaN; where the type has none, the integer farthest from the others.
  void spoil(index_t at) { set(at, dtype == DType::i8 ? -128 : dtype == DType::i4 ? -8 : kNaN); }
  void spoil_row(index_t batch, index_t i) {
    for (index_t head = 0; head < extent.heads; ++head)
      for (index_t d = 0; d < extent.width; ++d) spoil(row(batch, head, i) + d);
  }
};

// Random numbers of a spread around a mean, or as init= says; integers over their whole range.
inline void draw_numbers(Operand& operand, Random random, double spread, double mean = 0, index_t init = kNormal,
                         Role role = Role::other) {
  for (index_t i = 0; i < operand.size(); ++i) {
    if (operand.dtype == DType::i8)
      operand.set(i, static_cast<double>(random.between(-128, 127)));
    else if (operand.dtype == DType::i4)
      operand.set(i, static_cast<double>(random.between(-8, 7)));
    else
      operand.set(i, draw_number(init, role, operand.dtype, random, spread, mean));
  }
}

}  // namespace glint_test

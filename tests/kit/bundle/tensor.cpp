// Numbers to bytes and back, correctly rounded.
#include "kit/bundle/bundle.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kit/bundle/types.hpp"

namespace kit {

namespace {

// Rounding a double to float and that to 16 bits rounds twice, which differs from rounding once where the first step
// makes a tie.  Rounded to odd, the float is never a tie that the double was not.
float rounded_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (std::isnan(value) || static_cast<double>(nearest) == value) return nearest;
  const bool away_from_zero = std::abs(static_cast<double>(nearest)) > std::abs(value);
  const std::uint32_t towards_zero = std::bit_cast<std::uint32_t>(nearest) - (away_from_zero ? 1 : 0);
  return std::bit_cast<float>(towards_zero | 1u);
}

// Nearest, ties to even, saturating; NaN, which no integer is, becomes 0.
template <class Integer>
Integer rounded_integer(double value) {
  using Limits = std::numeric_limits<Integer>;
  const double rounded = std::nearbyint(value);
  if (std::isnan(rounded)) return 0;
  if (rounded >= static_cast<double>(Limits::max())) return Limits::max();
  if (rounded <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<Integer>(rounded);
}

template <class Element>
Element rounded(double value) {
  if constexpr (std::is_same_v<Element, Boolean>)
    return {static_cast<std::uint8_t>(value != 0)};
  else if constexpr (std::is_same_v<Element, glint::half> || std::is_same_v<Element, glint::bfloat16>)
    return glint::from_float<Element>(rounded_to_odd(value));
  else if constexpr (std::is_integral_v<Element>)
    return rounded_integer<Element>(value);
  else
    return static_cast<Element>(value);
}

}  // namespace

index_t Tensor::size() const { return elements_of(shape).value_or(0); }

Array Tensor::numbers() const {
  const auto count = static_cast<std::size_t>(size());
  if (bytes.size() != count * bytes_of(type)) return {};
  std::vector<double> data(count);
  with_element(type, [&](auto element) {
    const std::byte* from = bytes.data();
    for (double& number : data) {
      std::memcpy(&element, from, sizeof element);
      from += sizeof element;
      number = as_double(element);
    }
  });
  return {shape.empty() ? std::vector<index_t>{1} : shape, std::move(data)};
}

Tensor tensor_of(const Array& numbers, Type type) {
  Tensor tensor{type, numbers.shape, std::vector<std::byte>(numbers.data.size() * bytes_of(type))};
  with_element(type, [&](auto element) {
    std::byte* to = tensor.bytes.data();
    for (const double number : numbers.data) {
      element = rounded<decltype(element)>(number);
      std::memcpy(to, &element, sizeof element);
      to += sizeof element;
    }
  });
  return tensor;
}

std::string view_as(Tensor& tensor, Type type) {
  if (bytes_of(tensor.type) != bytes_of(type))
    return std::string(name_of(tensor.type)) + " cannot be read as " + std::string(name_of(type)) +
           ": its elements have " + std::to_string(bytes_of(tensor.type)) + " bytes, want " +
           std::to_string(bytes_of(type));
  tensor.type = type;
  return {};
}

const Tensor* Bundle::find(std::string_view name) const {
  const auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

}  // namespace kit

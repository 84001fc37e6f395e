// Single fields of a question to JSON and back.  take(value, field) says whether `value` was of the right kind, and
// wanted(field) what that is.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "kit/bundle/types.hpp"

namespace kit::field {

using glint::reference::InvalidRow;
using glint::reference::Operator;
using glint::reference::PseForm;
using glint::reference::SoftcapOrder;
using nlohmann::json;
using Types = std::map<std::string, DType, std::less<>>;

constexpr index_t kMostTensorsInList = 100'000;

template <class Enum>
inline constexpr std::pair<Enum, std::string_view> kNames[] = {};
template <>
inline constexpr std::pair<Operator, std::string_view> kNames<Operator>[] = {
    {Operator::score, "score"}, {Operator::prompt, "prompt"}, {Operator::incre, "incre"}};
template <>
inline constexpr std::pair<PseForm, std::string_view> kNames<PseForm>[] = {{PseForm::dense, "dense"},
                                                                           {PseForm::compressed, "compressed"},
                                                                           {PseForm::flat_score, "flat_score"},
                                                                           {PseForm::flat_column, "flat_column"}};
template <>
inline constexpr std::pair<InvalidRow, std::string_view> kNames<InvalidRow>[] = {{InvalidRow::zero, "zero"},
                                                                                 {InvalidRow::uniform, "uniform"}};
template <>
inline constexpr std::pair<SoftcapOrder, std::string_view> kNames<SoftcapOrder>[] = {
    {SoftcapOrder::before_bias, "before_bias"}, {SoftcapOrder::after_bias, "after_bias"}};

// To JSON.

inline json to_json(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}
inline json to_json(const std::optional<index_t>& number) { return number ? json(*number) : json(); }
inline json to_json(const std::vector<Array>& list) { return list.size(); }
inline json to_json(DType type) { return name_of(type); }
inline json to_json(const Types& types) {
  json names = json::object();
  for (const auto& [name, type] : types) names[name] = name_of(type);
  return names;
}
template <class Field>
json to_json(const Field& field) {
  if constexpr (std::is_enum_v<Field>) {
    for (const auto& [value, name] : kNames<Field>)
      if (value == field) return name;
    return nullptr;
  } else {
    return field;
  }
}

// From JSON.

template <class Integer>
bool take_integer(const json& value, Integer& field) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    field = static_cast<Integer>(number);
    return number <= static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
  }
  const auto number = value.get<std::int64_t>();
  field = static_cast<Integer>(number);
  return std::is_signed_v<Integer> && number >= static_cast<std::int64_t>(std::numeric_limits<Integer>::min()) &&
         static_cast<std::int64_t>(field) == number;
}

inline const char* wanted(index_t) { return "a 64-bit integer"; }
inline bool take(const json& value, index_t& field) { return take_integer(value, field); }

inline const char* wanted(int) { return "a 32-bit integer"; }
inline bool take(const json& value, int& field) { return take_integer(value, field); }

inline const char* wanted(std::uint64_t) { return "an integer from 0 to 2^64 - 1"; }
inline bool take(const json& value, std::uint64_t& field) { return take_integer(value, field); }

inline const char* wanted(bool) { return "true or false"; }
inline bool take(const json& value, bool& field) {
  if (value.is_boolean()) field = value.get<bool>();
  return value.is_boolean();
}

inline const char* wanted(double) { return "a number, \"NaN\", \"Infinity\" or \"-Infinity\""; }
inline bool take(const json& value, double& field) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (value.is_number()) field = value.get<double>();
  if (value == "NaN") field = std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") field = infinity;
  if (value == "-Infinity") field = -infinity;
  return value.is_number() || value == "NaN" || value == "Infinity" || value == "-Infinity";
}

inline const char* wanted(const std::string&) { return "a string"; }
inline bool take(const json& value, std::string& field) {
  if (value.is_string()) field = value.get_ref<const std::string&>();
  return value.is_string();
}

inline const char* wanted(const std::vector<index_t>&) { return "an array of 64-bit integers"; }
inline bool take(const json& value, std::vector<index_t>& field) {
  if (!value.is_array()) return false;
  field.clear();
  for (const json& element : value) {
    if (!take(element, field.emplace_back())) return false;
  }
  return true;
}

inline const char* wanted(const std::optional<index_t>&) { return "a 64-bit integer or null"; }
inline bool take(const json& value, std::optional<index_t>& field) {
  field.reset();
  return value.is_null() || take(value, field.emplace());
}

inline const char* wanted(const std::vector<Array>&) { return "a number of tensors, at most 100000"; }
inline bool take(const json& value, std::vector<Array>& field) {
  index_t count = 0;
  if (!take(value, count) || count < 0 || count > kMostTensorsInList) return false;
  field.assign(static_cast<std::size_t>(count), {});
  return true;
}

inline const char* wanted(DType) { return "a type: f32, f16, bf16, i8, i4, u8, bool, i32, i64 or u64"; }
inline bool take(const json& value, DType& field) {
  const auto type = value.is_string() ? dtype_named(value.get_ref<const std::string&>()) : std::nullopt;
  field = type.value_or(DType::none);
  return type.has_value();
}

inline const char* wanted(const Types&) {
  return "an object of types: f32, f16, bf16, i8, i4, u8, bool, i32, i64 or u64";
}
inline bool take(const json& value, Types& field) {
  if (!value.is_object()) return false;
  field.clear();
  for (const auto& [name, type] : value.items()) {
    if (!take(type, field[name])) return false;
  }
  return true;
}

template <class Enum, std::enable_if_t<std::is_enum_v<Enum>, int> = 0>
std::string wanted(Enum) {
  std::string names;
  for (const auto& [value, name] : kNames<Enum>) names += (names.empty() ? "" : ", ") + std::string(name);
  return "one of " + names;
}
template <class Enum, std::enable_if_t<std::is_enum_v<Enum>, int> = 0>
bool take(const json& value, Enum& field) {
  for (const auto& [known, name] : kNames<Enum>) {
    field = known;
    if (value == name) return true;
  }
  return false;
}

}  // namespace kit::field

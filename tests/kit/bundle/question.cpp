// Questions and answers to bundles and back.
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "glint/core/config.hpp"
#include "kit/bundle/parameters.hpp"
#include "kit/bundle/sound.hpp"
#include "kit/bundle/types.hpp"

namespace kit {

namespace {

using nlohmann::json;

bool equal(const std::vector<double>& left, const std::vector<double>& right) {
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i] != right[i] && !(std::isnan(left[i]) && std::isnan(right[i]))) return false;
  return true;
}

// In the type that it claims to have, unless that would change a number.
Tensor input_tensor(const Array& numbers, DType type) {
  Tensor tensor = tensor_of(numbers, storage_of(type));
  return equal(tensor.numbers().data, numbers.data) ? tensor : tensor_of(numbers, Type::f64);
}

Tensor input_tensor(const ByteArray& bytes, DType) {
  Tensor tensor{Type::u8, bytes.shape, std::vector<std::byte>(bytes.data.size())};
  for (std::size_t i = 0; i < bytes.data.size(); ++i) tensor.bytes[i] = static_cast<std::byte>(bytes.data[i]);
  return tensor;
}

// -1 and whatever else the table's unread places hold survive too.
Tensor table_tensor(const glint::reference::NdArray<index_t>& table) {
  bool narrow = true;
  for (const index_t block : table.data) narrow = narrow && std::in_range<std::int32_t>(block);
  const std::size_t width = narrow ? 4 : 8;
  Tensor tensor{narrow ? Type::i32 : Type::i64, table.shape, std::vector<std::byte>(table.data.size() * width)};
  for (std::size_t i = 0; i < table.data.size(); ++i) std::memcpy(&tensor.bytes[i * width], &table.data[i], width);
  return tensor;
}

// The smallest floats that are not below.
Tensor tolerance_tensor(Array tolerances) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (double& number : tolerances.data) {
    const auto nearest = static_cast<float>(number);
    if (static_cast<double>(nearest) < number) number = static_cast<double>(std::nextafterf(nearest, infinity));
  }
  return tensor_of(tolerances, Type::f32);
}

void put_inputs(const Question& question, Bundle& bundle) {
  visit_inputs(question.spec, [&](const std::string& name, const auto& tensor) {
    if (tensor.present()) bundle.tensors[name] = input_tensor(tensor, question.type_of(name));
  });
  if (question.d_out.present()) bundle.tensors["d_out"] = input_tensor(question.d_out, question.type_of("d_out"));
  const auto& table = question.spec.paging.block_table;
  if (table.present()) bundle.tensors["block_table"] = table_tensor(table);
}

void put_probabilities(const Question& question, const Answer& answer, Bundle& bundle) {
  const auto& probabilities = answer.forward.probabilities;
  const auto heads = static_cast<std::size_t>(question.spec.head_num);
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const auto& matrix = probabilities[i];
    const Array numbers({matrix.rows(), matrix.cols()}, {matrix.data(), matrix.data() + matrix.size()});
    const std::string name = "probabilities." + std::to_string(i / heads) + "." + std::to_string(i % heads);
    bundle.tensors[name] = tensor_of(numbers, Type::f64);
  }
}

std::string version() {
  return std::to_string(GLINT_VERSION / 10000) + "." + std::to_string(GLINT_VERSION / 100 % 100) + "." +
         std::to_string(GLINT_VERSION % 100);
}

std::string contract_text(const Question& question) {
  json storage = json::object();
  for (const auto& [name, type] : question.types) storage[name] = name_of(type);
  storage["out"] = name_of(question.out_type);
  const json contract = {
      {"rule", "|got - NAME| <= NAME.tolerance for every element of every output NAME, and NaN where NAME is NaN"},
      {"accumulation", question.spec.int8.dequant_scale1.present() ? "int32, float16 between the steps" : "float32"},
      {"probabilities", question.rounds_p ? "bfloat16" : "float32"},
      {"storage", storage}};
  return contract.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Of from_bundle.

std::string wrong(std::string_view name, const std::string& text) { return "tensor " + in_quotes(name) + ": " + text; }

std::string take(const Tensor& tensor, Array& array) {
  array = tensor.numbers();
  return tensor.size() == 0 || !array.data.empty() ? "" : "its bytes do not fit its shape";
}

std::string take(const Tensor& tensor, ByteArray& array) {
  if (bytes_of(tensor.type) != 1) return "type " + std::string(name_of(tensor.type)) + ", want U8 or BOOL";
  array = ByteArray(tensor.shape);
  if (array.data.size() != tensor.bytes.size()) return "its bytes do not fit its shape";
  for (std::size_t i = 0; i < tensor.bytes.size(); ++i) array.data[i] = std::to_integer<std::uint8_t>(tensor.bytes[i]);
  return {};
}

std::string take(const Tensor& tensor, glint::reference::NdArray<index_t>& table) {
  if (tensor.type != Type::i32 && tensor.type != Type::i64)
    return "type " + std::string(name_of(tensor.type)) + ", want I32 or I64";
  table = glint::reference::NdArray<index_t>(tensor.shape);
  if (table.data.size() * bytes_of(tensor.type) != tensor.bytes.size()) return "its bytes do not fit its shape";
  for (std::size_t i = 0; i < table.data.size(); ++i) {
    std::int32_t narrow = 0;
    if (tensor.type == Type::i64) std::memcpy(&table.data[i], &tensor.bytes[i * 8], 8);
    if (tensor.type == Type::i32) std::memcpy(&narrow, &tensor.bytes[i * 4], 4), table.data[i] = narrow;
  }
  return {};
}

// Takes tensors out of a bundle and keeps the first error.
struct Taker {
  const Bundle& bundle;
  std::string error;

  template <class Target>
  void operator()(std::string_view name, Target& target) {
    const Tensor* tensor = error.empty() ? bundle.find(name) : nullptr;
    if (tensor == nullptr) return;
    if (tensor->shape.empty()) {
      error = wrong(name, "is a scalar, want at least one axis");
    } else if (std::string text = take(*tensor, target); !text.empty()) {
      error = wrong(name, text);
    }
  }
};

}  // namespace

Bundle to_bundle(const Question& question, const Answer& answer, const Tolerances& tolerances) {
  Bundle bundle;
  put_inputs(question, bundle);
  visit_outputs(answer, [&](const std::string& name, const Array& output) {
    if (output.present()) bundle.tensors[name] = tensor_of(output, Type::f64);
  });
  for (const auto& [name, tolerance] : tolerances) bundle.tensors[name + ".tolerance"] = tolerance_tensor(tolerance);
  put_probabilities(question, answer, bundle);
  bundle.notes["format"] = kFormat;
  bundle.notes["case"] = question.line;
  bundle.notes["parameters"] = parameters_text(question);
  bundle.notes["contract"] = contract_text(question);
  bundle.notes["generator"] = kGenerator;
  bundle.notes["glint"] = version();
  bundle.notes["sha256"] = sha256_of(bundle);
  return bundle;
}

std::string parameters_from_bundle(const Bundle& bundle, Question& question) {
  const auto note = [&](const char* name) {
    const auto found = bundle.notes.find(name);
    return found == bundle.notes.end() ? nullptr : &found->second;
  };
  const std::string *format = note("format"), *parameters = note("parameters"), *line = note("case");
  if (format == nullptr) return "no note 'format': this is no bundle of glint";
  if (*format != kFormat) return "note 'format': got " + in_quotes(*format) + ", want " + in_quotes(kFormat);
  if (parameters == nullptr) return "no note 'parameters'";
  std::string error = parse_parameters(*parameters, question);
  if (line != nullptr) question.line = *line;
  return error;
}

std::string from_bundle(const Bundle& bundle, Question& question) {
  if (std::string error = parameters_from_bundle(bundle, question); !error.empty()) return error;
  Taker take_tensor{bundle, find_stranger(question, bundle)};
  visit_inputs(question.spec, [&](const std::string& name, auto& tensor) { take_tensor(name, tensor); });
  take_tensor("d_out", question.d_out);
  take_tensor("block_table", question.spec.paging.block_table);
  return take_tensor.error.empty() ? find_unsound(question) : take_tensor.error;
}

}  // namespace kit

// A bundle: named tensors and text about them, as one .safetensors file holds them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "kit/question.hpp"

namespace kit {

// Storage types of a file; names as in the safetensors format ("F64", "BF16", ...).
enum class Type { f64, f32, f16, bf16, i64, u64, i32, i16, i8, u8, boolean };

struct Tensor {
  Type type = Type::f32;
  std::vector<index_t> shape;  // {} is a scalar: one element
  std::vector<std::byte> bytes;

  index_t size() const;   // elements
  Array numbers() const;  // as doubles; boolean: 0 and 1
};

// Values that the type does not hold are rounded to nearest.
Tensor tensor_of(const Array& numbers, Type type);

struct Bundle {
  std::map<std::string, std::string, std::less<>> notes;  // __metadata__
  std::map<std::string, Tensor, std::less<>> tensors;

  const Tensor* find(std::string_view name) const;  // null if there is none
};

// For each output of visit_outputs that is present: how far a result may be from it, element by element (f32, rounded
// up).  Named like the output.
using Tolerances = std::map<std::string, Array, std::less<>>;

// The notes: "format", "case", "parameters" (JSON: the scalars and lists of AttentionCase under its own names, and
// "types"), "contract", "generator", "glint" (version), "sha256" (of all tensors' bytes in order).
// The tensors: inputs (visit_inputs), "d_out", outputs in F64 (visit_outputs), "NAME.tolerance" beside each output, and
// "probabilities.B.N" if the answer keeps them.
Bundle to_bundle(const Question& question, const Answer& answer, const Tolerances& tolerances);

// The question, and the answer as far as the bundle holds it.  Returns what is wrong, or nothing.
std::string from_bundle(const Bundle& bundle, Question& question);

// Files.  All return what is wrong, or nothing.  Readers trust nothing that a file says.
std::string read_safetensors(const std::string& path, Bundle& bundle);
std::string parse_safetensors(const std::byte* data, std::size_t size, Bundle& bundle);  // the same of memory: fuzzed
std::string write_safetensors(const std::string& path, const Bundle& bundle);
std::string read_npy(const std::string& path, Tensor& tensor);
std::string write_npy(const std::string& path, const Tensor& tensor);
std::string read_npz(const std::string& path, Bundle& bundle);  // tensors only
std::string write_npz(const std::string& path, const Bundle& bundle);

}  // namespace kit

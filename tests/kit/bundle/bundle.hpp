// A bundle: named tensors and text about them, as one .safetensors file holds them.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kit/question.hpp"

namespace kit {

// Storage types of a file; names as in the safetensors format ("F64", "BF16", ...).
enum class Type { f64, f32, f16, bf16, i64, u64, i32, i16, i8, u8, boolean, u16 };

struct Tensor {
  Type type = Type::f32;
  std::vector<index_t> shape;    // {} is a scalar: one element
  std::vector<std::byte> bytes;  // row-major, little-endian

  index_t size() const;  // elements
  // As doubles, of which 64-bit integers beyond 2^53 are the nearest; boolean: 0 and 1.  A scalar has shape (1).
  // Absent if `bytes` are not as many as the shape says, which no reader lets happen.
  Array numbers() const;
};

// Values that the type does not hold are rounded to nearest, ties to even; integers saturate, and NaN becomes 0.
Tensor tensor_of(const Array& numbers, Type type);

// The same bytes as another type of the same size: what numpy calls a view.  bfloat16 comes out of .npy as u16.
std::string view_as(Tensor& tensor, Type type);

struct Bundle {
  std::map<std::string, std::string, std::less<>> notes;  // __metadata__
  std::map<std::string, Tensor, std::less<>> tensors;

  const Tensor* find(std::string_view name) const;  // null if there is none
};

// For each output of visit_outputs that is present: how far a result may be from it, element by element (f32, rounded
// up).  Named like the output.
using Tolerances = std::map<std::string, Array, std::less<>>;

inline constexpr const char* kFormat = "glint-bundle 1";
inline constexpr const char* kGenerator = "philox4x32-10, version 1";

// The notes: "format", "case", "parameters" (JSON, see parameters.hpp), "contract" (JSON: the rule in a sentence,
// storage types, accumulation), "generator", "glint" (version), "sha256" (see sha256_of).
// The tensors: inputs (visit_inputs) in their storage types, "block_table", "d_out", outputs in F64 (visit_outputs),
// "NAME.tolerance" beside each output, and "probabilities.B.N" if the answer keeps them.
// An input with numbers that its storage type does not hold is stored as F64.
Bundle to_bundle(const Question& question, const Answer& answer, const Tolerances& tolerances);

// The question that a bundle holds.  Returns what is wrong, or nothing: then answer(question) is defined.
std::string from_bundle(const Bundle& bundle, Question& question);

// The same without any tensor: what a program needs that looks at the tensors where they are.
std::string parameters_from_bundle(const Bundle& bundle, Question& question);

// SHA-256 in hexadecimal of, for each tensor in the order of names, the line "NAME TYPE 2,3" (type as in the file,
// extents, line feed) and its bytes.
std::string sha256_of(const Bundle& bundle);

// Says if the tensors are not those that the note "sha256" was made of.
std::string verify(const Bundle& bundle);

// Files.  All return what is wrong, or nothing.  Readers trust nothing that a file says; after an error their result
// holds nothing of use.
std::string read_safetensors(const std::string& path, Bundle& bundle);
std::string parse_safetensors(const std::byte* data, std::size_t size, Bundle& bundle);  // the same of memory: fuzzed
std::string write_safetensors(const std::string& path, const Bundle& bundle);
std::string read_npy(const std::string& path, Tensor& tensor);
std::string parse_npy(const std::byte* data, std::size_t size, Tensor& tensor);  // of memory
std::string write_npy(const std::string& path, const Tensor& tensor);  // bfloat16 as u16, which numpy has no name for
std::string read_npz(const std::string& path, Bundle& bundle);         // tensors only
std::string write_npz(const std::string& path, const Bundle& bundle);  // tensors, and the notes as "notes.json"

}  // namespace kit

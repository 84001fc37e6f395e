// What the program glint-ref, the C interface and the Python package can all do, one function each.  Errors come back
// as text; an empty text is success.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/check/check.hpp"

namespace kit {

struct MakeOptions {
  bool probabilities = false;  // also the softmax before dropout, S1 x S2 numbers for each head
};

// The bundle of a case line, with the oracle's answer and what may differ from it.
std::string bundle_of(const std::string& line, const MakeOptions& options, Bundle& bundle);

// The same as a file: .npz by its name, else .safetensors.
std::string make(const std::string& line, const std::string& path, const MakeOptions& options = {});

// A random legal case line with all parameters; op: fwd, bwd, prompt, incre.  The same for the same arguments.
std::string draw_line(const std::string& op, std::uint64_t seed, std::uint64_t number, std::string& error);

struct Checked {
  bool pass = false;
  std::string text, json;
  std::string error;  // why nothing could be compared
};

// A bundle against the files of a result: one .safetensors or .npz, or name=file.npy for single outputs.
Checked check_files(const std::string& bundle, const std::vector<std::string>& results, const CheckOptions& options);

// A bundle against a kernel in a shared library (bench/tune/provider/provider.h).
Checked check_library(const std::string& bundle, const std::string& library, const CheckOptions& options);

// Every tensor as .npy in a folder, or as one .npz by its name; the notes as notes.json.
std::string export_bundle(const std::string& bundle, const std::string& target);

// What a bundle holds, for people.
std::string show(const std::string& bundle, std::string& error);

}  // namespace kit

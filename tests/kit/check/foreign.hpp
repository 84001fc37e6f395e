// Results of a foreign kernel from files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/hint/hint.hpp"

namespace kit {

// Of visit_outputs, in its order.
std::vector<std::string> output_names();

// The output that a name means: its own, or one that other libraries use for it ("o", "dq", "softmax_lse", ...), in any
// case.  Empty if it means none.
std::string output_named(std::string_view name);

// Adds the tensors of files to `results`.  A file is given as "NAME=PATH", whose only tensor, or the one so called, is
// that output; or as "PATH": of .safetensors and .npz every tensor by its name, of .npy the one that the file is called
// after ("lse.npy").  (A path with "=" in it has a "/" before: "./a=b.npy".)  Tensors of a container that are no
// outputs must be inputs or tolerances of a bundle, which are passed over.  Returns what is wrong, or nothing: a file
// that cannot be read, a name that means no output, an output that comes twice, a container without any.
std::string load_results(const std::vector<std::string>& files, Results& results);

}  // namespace kit

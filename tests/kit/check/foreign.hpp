// Results of a foreign kernel from files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/hint/hint.hpp"

namespace kit {

// A file as it was named on a command line: `--lse mine.npy` is {"lse", "mine.npy"}.  Without a name the file tells:
// .safetensors and .npz by the names of their tensors, .npy by its own ("lse.npy").
struct ForeignFile {
  std::string name, path;
};

// The output that a name means: its own, or one that other libraries use for it ("o", "dq", "softmax_lse", ...), in any
// case.  Empty if it means none.
std::string output_named(std::string_view name);

// Adds the tensors of all files to `results`.  A container's tensors that are no outputs must be inputs or tolerances
// of a bundle, which are passed over.  Returns what is wrong, or nothing: a file that cannot be read, a name that means
// no output, an output that comes twice, a container without any.
std::string load_results(const std::vector<ForeignFile>& files, Results& results);

}  // namespace kit

// Many bundles by one command, with a progress line.
#pragma once

#include <string>
#include <vector>

#include "kit/commands.hpp"

namespace kit::cli {

struct Entry {
  std::string name, line;  // of the file, without its ending
};

// A text file of case lines, one each, `name: line` or the line alone (named by its number); # begins a comment.
std::string read_lines(const std::string& path, std::vector<Entry>& entries);

// `count` random cases of an operator, or of all of them in turn (op "all").
std::string draw_lines(const std::string& op, std::uint64_t seed, std::uint64_t count, std::vector<Entry>& entries);

// One .safetensors for each entry.  Returns the first error, with its entry.
std::string make_all(const std::vector<Entry>& entries, const std::string& folder, const MakeOptions& options);

}  // namespace kit::cli

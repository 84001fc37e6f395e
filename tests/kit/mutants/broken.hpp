// A second, independent kernel: plain tiled attention in float, written from the operators' text alone.  It runs every
// question, and with a bug it runs it wrong.
#pragma once

#include "kit/hint/hint.hpp"
#include "kit/mutants/bugs.hpp"

namespace kit {

// Every output of the question by its name in a bundle, as a foreign kernel would hand it in: `out` and gradients in
// the question's output type, statistics, d_sink in f32.  tile: rows of queries and keys that are handled together; 32
// where nothing is said.  An int8 query uses the block of keys that its question defines.
Results run_broken(const Question& question, Bug bug, TileSize tile);

}  // namespace kit

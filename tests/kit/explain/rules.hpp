// The rule of a mask in words and as a formula with the case's numbers.
#pragma once

#include <string>

#include "kit/explain/seen.hpp"

namespace kit::about {

// "sparse_mode 4 (band), pre_tokens=3, next_tokens=-1".
std::string mode_name(const Question& question);

// "row i sees keys i+1 to i+3".
std::string formula_of(const Part& part);

// What the mask tensor is or adds: a line, or nothing.
std::string tensor_words(const Question& question, const Part& part);

// Why: the anchor, the band, the prefix, or why the mode does not act.  Lines, each with a line break.
std::string reason_of(const Question& question, const Part& part);

// Decimal numbers as short as they are exact.
std::string number(double value);

}  // namespace kit::about

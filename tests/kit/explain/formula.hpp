// The operator's arithmetic in its order, only the steps that a case has.
#pragma once

#include <string>

#include "kit/question.hpp"

namespace kit::about {

// Numbered lines.
std::string formula_steps(const Question& question);

// What rows that see nothing hold, in every output.
std::string blind_row_values(const Question& question);

}  // namespace kit::about

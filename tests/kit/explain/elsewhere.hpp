// How other libraries say the same.
#pragma once

#include <string>

#include "kit/explain/seen.hpp"

namespace kit::about {

// One line for each library that has a word for it.
std::string elsewhere(const Question& question, const std::vector<Part>& parts);

}  // namespace kit::about

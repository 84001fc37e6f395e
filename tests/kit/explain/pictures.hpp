// The masks as text and as SVG.
#pragma once

#include <string>

#include "kit/explain/seen.hpp"

namespace kit::about {

// '#' seen, '.' not; rows and columns numbered from 0.  A large mask shows its corners only.
std::string text_picture(const Question& question, const Part& part);

// All parts, one panel each; larger masks are sampled.
std::string svg_picture(const Question& question, const std::vector<Part>& parts);

// "entry 2", "entries 0 to 7"; for layout TND "sequence 2".
std::string name_of(const Question& question, const Part& part);

}  // namespace kit::about

// Whether what a bundle says can be asked at all.
#pragma once

#include <string>

#include "kit/bundle/bundle.hpp"

namespace kit {

// A tensor whose name is no part of such a case: a misspelt one would otherwise count as absent.
std::string find_stranger(const Question& question, const Bundle& bundle);

// What would make the oracle read outside of a tensor, divide by nothing, or compute without end.  Returns what is
// wrong, or nothing.
std::string find_unsound(const Question& question);

}  // namespace kit

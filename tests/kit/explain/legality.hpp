// Whether the library accepts a call, by its own rules.
#pragma once

#include <string>

#include "kit/explain/setting.hpp"

namespace kit::about {

// Lines: "legal", or the documented rule with what was given and what is wanted; and the other door's answer where it
// is another.  Nothing is computed: checks read shapes, lists and factors, but no tensor.
std::string legality(const Setting& setting);

}  // namespace kit::about

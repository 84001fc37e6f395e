// The scalars and lists of a question as JSON, which a bundle keeps in its note "parameters":
//
//   {"op": "score", "layout": "TND", "scale": 0.125, "paging": {"block_size": 0}, "types": {"query": "bf16"}, ...}
//
// Names are those of AttentionCase, members of members in objects of their own.  "key_list" and "value_list" count
// tensors.  Numbers that JSON has not are strings: "NaN", "Infinity", "-Infinity".  Optional lengths may be null.
#pragma once

#include <string>
#include <string_view>

#include "kit/question.hpp"

namespace kit {

std::string parameters_text(const Question& question);

// Fields that the text lacks have the defaults of AttentionCase and Question; lists of tensors have their length and
// absent elements.  Returns what is wrong, or nothing.
std::string parse_parameters(std::string_view text, Question& question);

}  // namespace kit

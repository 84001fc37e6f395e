// Case lines: one line of text that says a question of any operator in full, and which every failing differential test
// prints.  README.md has all keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "support/inference_case.hpp"
#include "support/random_case.hpp"

namespace kit {

// op=fwd and op=bwd; op=prompt and op=incre.
using CaseLine = std::variant<glint_test::Case, glint_test::InferenceCase>;

struct ParsedLine {
  CaseLine value;     // as the line says, legal or not; without meaning if there is an error
  std::string error;  // which key is wrong, what it got and what is allowed; empty if the line has a meaning
};

// "op=fwd layout=TND dtype=bf16 sq=4,2,6 skv=10,3,9 n=8 nkv=2 d=128 mode=3 seed=7".  Keys in any order, each at most
// once.  What it accepts describes tensors of at most 4 GB each (as float64), but need
// not be legal.
ParsedLine parse_case(std::string_view line);

// The same case in the shortest words, keys in the order of the table; parse_case reads it back.
std::string canonical_line(const CaseLine& c);

// The documented rule that the operator's own check would name, with got and want; empty if the case is legal.
std::string why_illegal(const CaseLine& c);

// Case `number` of the random cases with a seed: legal, any shape, type and parameter of the operator (fwd, bwd, prompt
// or incre).  The same on every machine.
CaseLine draw_case(std::string_view op, std::uint64_t seed, std::uint64_t number);

}  // namespace kit

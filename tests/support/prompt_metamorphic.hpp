// What the metamorphic tests of prompt share.
#pragma once

#include "support/inference_metamorphic.hpp"
#include "support/prompt_doors.hpp"
#include "support/prompt_generator.hpp"

namespace glint_test::prompt {

using F32 = Types<PromptDoors, float, float>;
using F16 = Types<PromptDoors, glint::half, glint::half>;
using Bf16 = Types<PromptDoors, glint::bfloat16, glint::bfloat16>;
using Int8 = Types<PromptDoors, float, std::int8_t>;
using Int4 = Types<PromptDoors, glint::bfloat16, glint::int4x2>;
using Bytes = Types<PromptDoors, std::int8_t, std::int8_t>;

// f.template operator()<T>() for all pairs of types.
template <class F>
void for_types(const F& f) {
  f.template operator()<F32>();
  f.template operator()<F16>();
  f.template operator()<Bf16>();
  f.template operator()<Int8>();
  f.template operator()<Int4>();
  f.template operator()<Bytes>();
}

template <class T, class Prepare, class Each>
void for_cases(std::uint64_t count, const Prepare& prepare, const Each& each) {
  for_drawn<T>(count, generate_prompt, prepare, each);
}

inline void contiguous(InferenceCase& d) {
  d.form = kContiguous;
  if (d.ragged()) d.layout = kBnsd;
}

}  // namespace glint_test::prompt

// Random cases of IncreFlashAttention.
#pragma once

#include "support/decode_doors.hpp"
#include "support/decode_generator.hpp"
#include "support/inference_differential.hpp"

namespace glint_test {

template <class Query, class Stored>
void run_decode_cases(std::uint64_t usual_count) {
  run_inference_cases<DecodeDoors, Query, Stored>(usual_count, kIncre, generate_decode);
}

}  // namespace glint_test

// Random cases of PromptFlashAttention.
#pragma once

#include "support/inference_differential.hpp"
#include "support/prompt_doors.hpp"
#include "support/prompt_generator.hpp"

namespace glint_test {

template <class Query, class Stored>
void run_prompt_cases(std::uint64_t usual_count) {
  run_inference_cases<PromptDoors, Query, Stored>(usual_count, kPrompt, generate_prompt);
}

}  // namespace glint_test

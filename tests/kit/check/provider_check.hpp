// A foreign kernel as a shared library (bench/tune/provider/provider.h), run on a question.
#pragma once

#include "kit/hint/hint.hpp"

namespace kit {

// Fills `results` with what the kernel wrote: out (or d_query, d_key and d_value of a gradient) and, where it does
// them, softmax_max, softmax_sum and lse.  Rows that belong to no sequence, which the interface keeps from a kernel,
// are as the operators define them; elements that the kernel owed and did not write are NaN.
//
// Returns what is wrong with the library: it cannot be loaded, crashes, does not return within `seconds`, or writes
// where it must not.  `refusal` says why the question was not put to it: the interface has no words for it, or the
// kernel does not do it.  Both empty: it ran.  The kernel runs in a child process first.
std::string run_provider(const std::string& so_path, const Question& question, Results& results, std::string& refusal,
                         unsigned seconds = 60);

}  // namespace kit

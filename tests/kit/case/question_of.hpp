// A case line's question: the tensors in full, as the differential tests draw them.
#pragma once

#include "kit/case/case_line.hpp"
#include "kit/question.hpp"

namespace kit {

// `c` must be legal (why_illegal).  Sets the question's line to the canonical one.
Question question_of(const CaseLine& c);

}  // namespace kit

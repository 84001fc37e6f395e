// A case line's question, by the two overloads for the structs.
#include "kit/case/question_of.hpp"

#include "kit/case/drawn.hpp"

namespace kit {

namespace {

Question ask(const glint_test::Case& c) { return question_of(c, glint_test::kDTypes[c.dtype], c.gradient != 0); }
Question ask(const glint_test::InferenceCase& c) { return question_of(c); }

}  // namespace

Question question_of(const CaseLine& c) {
  return std::visit([](const auto& each) { return ask(each); }, c);
}

}  // namespace kit

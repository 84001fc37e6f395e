// What glint does by itself: the candidate that is always kept, and that every other is held against.
#include "tune/worker/ways.hpp"

namespace bench::tune {
namespace {

using glint::recipe::BuiltIn;

template <class Element>
void add_training(const std::string& name) {
  add_candidate<ScoreTask<Element>, ScoreWay<BuiltIn, Element>>(name, glint::dtype_of<Element>);
  add_gradient<BuiltIn, Element>(name);
}

template <class Stored>
void add_prompt(const std::string& name) {
  add_candidate<PromptTask, PromptWay<BuiltIn, Stored>>(name, glint::dtype_of<Stored>);
}

const bool kRegistered = [] {
  const std::string name = "builtin";
  add_training<float>(name);
  add_training<glint::half>(name);
  add_training<glint::bfloat16>(name);
  add_prompt<float>(name);
  add_prompt<glint::half>(name);
  add_prompt<glint::bfloat16>(name);
  add_prompt<std::int8_t>(name);
  add_decode_of_all_caches<BuiltIn>(name);
  return true;
}();

}  // namespace
}  // namespace bench::tune

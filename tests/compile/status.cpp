// The pattern for the files of this folder: without GLINT_SHOULD_FAIL it compiles; each case is one mistake, and its
// EXPECT line pins the message that the user reads.
#include "glint/core/status.hpp"

glint::Status check(int heads) {
  if (heads > 0) return glint::Status::ok();
  return {.code = glint::Code::head_num_not_positive, .rule = "head_num > 0", .got = heads, .want = 1};
}

int main() {
#ifndef GLINT_SHOULD_FAIL
  return check(1) ? 0 : 1;

#elif GLINT_SHOULD_FAIL == 1
  // EXPECT 1: nodiscard|unused-result
  check(1);

#elif GLINT_SHOULD_FAIL == 2
  // A status is not a number: only `if (status)` converts.
  // EXPECT 2: cannot convert|no viable conversion
  return check(1);
#endif
}

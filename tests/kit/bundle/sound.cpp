// The preconditions of the oracle, of which its callers in the tests need no check.
#include "kit/bundle/sound.hpp"

namespace kit {
std::string find_stranger(const Question&, const Bundle&) { return {}; }
std::string find_unsound(const Question&) { return {}; }
}  // namespace kit

// The kernels of prefill with erased masks, for all tests of operators.
#define GLINT_FORWARD_HERE 3
#include "glint/kernel/forward_once.hpp"

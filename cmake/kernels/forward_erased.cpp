// The kernels of prefill with erased masks.
#define GLINT_FORWARD_HERE 3
#include "glint/kernel/forward_once.hpp"

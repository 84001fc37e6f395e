// The kernels of prefill with masks that a sparse mode implies.
#define GLINT_FORWARD_HERE 1
#include "glint/kernel/forward_once.hpp"

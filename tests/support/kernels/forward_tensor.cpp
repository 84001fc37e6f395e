// The kernels of prefill with mask tensors, for all tests of operators.
#define GLINT_FORWARD_HERE 2
#include "glint/kernel/forward_once.hpp"

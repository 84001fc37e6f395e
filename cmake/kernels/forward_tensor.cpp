// The kernels of prefill with mask tensors.
#define GLINT_FORWARD_HERE 2
#include "glint/kernel/forward_once.hpp"

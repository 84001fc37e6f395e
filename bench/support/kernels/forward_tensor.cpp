// The kernels of prefill with mask tensors, for all programs.
#define GLINT_FORWARD_HERE 2
#include "glint/kernel/forward_once.hpp"

// The kernels of the gradient.
#define GLINT_BACKWARD_HERE
#include "glint/kernel/backward_once.hpp"

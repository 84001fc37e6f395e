// The kernels of decode, for all tests of operators.
#define GLINT_DECODE_HERE
#include "glint/kernel/decode_once.hpp"

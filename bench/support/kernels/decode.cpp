// The kernels of decode, for all benchmarks.
#define GLINT_DECODE_HERE
#include "glint/kernel/decode_once.hpp"

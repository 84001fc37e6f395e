// The kernels of decode.
#define GLINT_DECODE_HERE
#include "glint/kernel/decode_once.hpp"

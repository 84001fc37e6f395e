// No guard: included once for each ISA by simd.hpp.
#include "glint/simd/vec-inl.hpp"
//
#include "glint/simd/exp-inl.hpp"
#include "glint/simd/microkernel-inl.hpp"
#include "glint/simd/numbers-inl.hpp"
#include "glint/simd/pack-inl.hpp"
#include "glint/simd/pairs-inl.hpp"
#include "glint/simd/bytes-inl.hpp"

// No guard: included once for each ISA by backward.hpp.
#include "glint/kernel/backward_rows-inl.hpp"
//
#include "glint/kernel/backward_softmax-inl.hpp"
//
#include "glint/kernel/backward_ahead-inl.hpp"
//
#include "glint/kernel/backward_products-inl.hpp"
//
#include "glint/kernel/backward_pairs-inl.hpp"
//
#include "glint/kernel/backward_tile-inl.hpp"
//
#include "glint/kernel/backward_finish-inl.hpp"

// No guard: included once for each ISA by forward.hpp.
#include "glint/kernel/score_tile-inl.hpp"
//
#include "glint/kernel/softmax_tile-inl.hpp"
//
#include "glint/kernel/pair_tile-inl.hpp"
//
#include "glint/kernel/byte_tile-inl.hpp"
//
#include "glint/kernel/query_tile-inl.hpp"
//
#include "glint/kernel/stage-inl.hpp"
//
#include "glint/kernel/products-inl.hpp"
//
#include "glint/kernel/pair_products-inl.hpp"
//
#include "glint/kernel/byte_products-inl.hpp"
//
#include "glint/kernel/forward_tile-inl.hpp"

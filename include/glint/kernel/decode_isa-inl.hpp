// No guard: included once for each ISA by decode.hpp.
#include "glint/kernel/decode_rows-inl.hpp"
//
#include "glint/kernel/decode_products-inl.hpp"
//
#include "glint/kernel/decode_softmax-inl.hpp"
//
#include "glint/kernel/decode_stage-inl.hpp"
//
#include "glint/kernel/decode_tile-inl.hpp"
//
#include "glint/kernel/decode_split-inl.hpp"

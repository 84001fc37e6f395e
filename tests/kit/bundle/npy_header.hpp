// What stands in front of the numbers of a .npy file.
#pragma once

#include <string>
#include <vector>

#include "kit/bundle/bundle.hpp"

namespace kit {

struct NpyHeader {
  Type type = Type::f32;
  std::vector<index_t> shape;
  bool big_endian = false, fortran_order = false;
  std::size_t bytes = 0;  // of the header, the magic string included: where the numbers begin
};

// Returns what is wrong, or nothing.  Types: f2 f4 f8 i1 i2 i4 i8 u1 u2 u8 b1, and V2, which becomes u16: libraries
// that know bfloat16 write it so.
std::string parse_npy_header(const std::byte* data, std::size_t size, NpyHeader& header);

// Version 1, C order; its length is a multiple of 64 as numpy has it.  bfloat16 becomes <u2.
std::string npy_header(const Tensor& tensor);

}  // namespace kit

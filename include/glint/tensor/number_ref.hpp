// Numbers whose type is known at run time: for what is read once for each row or tile, not for each score.
#pragma once

#include "glint/core/dtype.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct NumberRef {
  const void* data = nullptr;
  DType dtype = DType::f32;  // f32, f16 or bf16

  explicit operator bool() const { return data != nullptr; }
  float operator[](index_t i) const {
    if (dtype == DType::f32) return static_cast<const float*>(data)[i];
    if (dtype == DType::f16) return to_float(static_cast<const half*>(data)[i]);
    return to_float(static_cast<const bfloat16*>(data)[i]);
  }
  NumberRef from(index_t i) const {
    return {data == nullptr ? nullptr : static_cast<const char*>(data) + i * size_of(dtype), dtype};
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

// One output against its golden.
#pragma once

#include "kit/check/foreign_tensor.hpp"

namespace kit::detail {

// The golden tensor of a bundle with its tolerance.
struct Golden {
  std::string name;
  const Tensor* want = nullptr;       // F64
  const Tensor* tolerance = nullptr;  // F32
  Grid grid;
};

// Returns what is wrong with the bundle, or nothing.
std::string golden_of(const Frame& frame, const Bundle& bundle, const std::string& name, Golden& golden);

// The maximum that belongs to a sum, both the kernel's own and the golden one.
struct Maximum {
  const Golden* golden = nullptr;
  const ForeignTensor* foreign = nullptr;
};

OutputReport compare(const Frame& frame, const Golden& golden, const ForeignTensor& foreign, const Maximum& maximum,
                     const CheckOptions& options);

}  // namespace kit::detail

// libFuzzer: whatever a .npy file says, reading it ends in a tensor whose bytes fit its shape, or in an error.  See
// README.md.
#include <cstdlib>

#include "kit/bundle/bundle.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kit::Tensor tensor;
  if (!kit::parse_npy(reinterpret_cast<const std::byte*>(data), size, tensor).empty()) return 0;
  const kit::Array numbers = tensor.numbers();
  require(numbers.size() == tensor.size());
  require(tensor.bytes.size() <= size);
  require(kit::tensor_of(numbers, tensor.type).bytes.size() == tensor.bytes.size());
  return 0;
}

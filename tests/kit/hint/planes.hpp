// Tensors of (B, N, S1, S2): masks and biases.
#pragma once

#include <utility>

#include "glint/reference/array.hpp"

namespace kit::hinting {

// One plane of the tensor for all entries, all heads, or both.
template <class Element>
void keep_first(glint::reference::NdArray<Element>& tensor, bool entry, bool head) {
  const glint::index_t batches = tensor.shape[0], heads = tensor.shape[1], plane = tensor.shape[2] * tensor.shape[3];
  glint::reference::NdArray<Element> kept({entry ? 1 : batches, head ? 1 : heads, tensor.shape[2], tensor.shape[3]});
  for (glint::index_t b = 0; b < kept.shape[0]; ++b)
    for (glint::index_t n = 0; n < kept.shape[1]; ++n)
      for (glint::index_t at = 0; at < plane; ++at)
        kept.flat((b * kept.shape[1] + n) * plane + at) = tensor.flat((b * heads + n) * plane + at);
  tensor = std::move(kept);
}

}  // namespace kit::hinting

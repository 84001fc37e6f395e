// What the gradient of FlashAttentionScore is asked.
#pragma once

#include "glint/ops/flash_attention_score.hpp"

namespace glint {
inline namespace GLINT_ABI {

// The forward problem as it was run, whose out and statistics are now read: softmax_max and softmax_sum, or lse. Shapes
// of gradients are those of what they belong to.
template <class Element>
struct ScoreGradProblem {
  ScoreProblem<Element> forward{};

  const Element* d_out = nullptr;  // like forward.out
  Element* d_q = nullptr;          // written, like all below
  Element* d_k = nullptr;          // summed over the heads of a group
  Element* d_v = nullptr;
  Element* d_pse = nullptr;  // pse_type 0 and 1, any form but the compressed; summed over broadcast axes.  Null: no
  float* d_sink = nullptr;   // (N).  Null: not wanted

  // For tensors that are slices of larger ones; empty means what the layout says.
  Strides d_out_strides{}, d_q_strides{}, d_k_strides{}, d_v_strides{};
};

}  // namespace GLINT_ABI
}  // namespace glint

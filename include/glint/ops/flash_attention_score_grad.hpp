// FlashAttentionScoreGrad, the gradient of FlashAttentionScore.
//
//   P = exp(x - max) / sum, x as in the forward     Dm = keep / keep_prob
//   dV = (P o Dm)^T dO    dP = (dO V^T) o Dm    rowD = sum_d dO o O    dS = P o (dP - rowD)
//   dQ = q_scale*scale * dS K    dK = q_scale*scale * dS^T Q    dpse = dS, for pse_type 1 scale * dS
//   dsink = -sum over rows of exp(sink - max) / sum * rowD
//
// Source: the gradient operator of the documents; operator contract, section 7.
#pragma once

#include "glint/ops/gradient_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Is the problem legal?  Pure and public; operator() asks by itself.
template <class Element>
Status check_score_grad(const ScoreGradProblem<Element>& p, Layout layout, SparseMode mode) {
  GLINT_PASS_ON(gradient_rules::attention_out(p.forward.out != nullptr || !gradient_rules::has_rows(p, layout)));
  GLINT_PASS_ON(check_score(p.forward, layout, mode));
  return gradient_rules::beyond_forward(p, layout);
}

// The functor; template arguments as FlashAttentionScore has them, and the same recipe.  Same bits for any executor.
template <class LayoutTag, class Element, SparseMode mode = SparseMode::default_mask, class Recipe = recipe::Default>
struct FlashAttentionScoreGrad {
  using Problem = ScoreGradProblem<Element>;

  [[no_unique_address]] typename Recipe::masks masks{};
  [[no_unique_address]] typename Recipe::modifiers modifiers{};

  static Status check(const Problem& p) { return check_score_grad(p, LayoutTag::kind, mode); }

  // Bytes of scratch for `workers` workers of an executor.
  static index_t workspace_bytes(const Problem&, index_t workers = 1) { return workers; }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&&, std::span<std::byte>) const {
    GLINT_PASS_ON(check(p));
    return Status::ok();
  }

  // The same with one allocation for the workspace.
  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }
};

}  // namespace GLINT_ABI
}  // namespace glint

// FlashAttentionScoreGrad, the gradient of FlashAttentionScore.
//
//   P = exp(x - max) / sum, x as in the forward     Dm = keep / keep_prob
//   dV = (P o Dm)^T dO    dP = (dO V^T) o Dm    rowD = sum_d dO o O    dS = P o (dP - rowD)
//   dQ = q_scale*scale * dS K    dK = q_scale*scale * dS^T Q    dpse = dS, for pse_type 1 scale * dS
//   dsink = -sum over rows of exp(sink - max) / sum * rowD
//
// Source: the gradient operator of the documents; operator contract, section 7.
#pragma once

#include "glint/ops/gradient_plan.hpp"
#include "glint/ops/gradient_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace detail {

template <class Element>
GradientOptions gradient_options(const ScoreGradProblem<Element>& p, Layout layout) {
  constexpr DType kType = dtype_of<storage_t<Element>>;
  const Shape& s = p.forward.shape;
  const index_t dv = s.value_size(), kv_heads = s.kv_head_count();
  const auto operand = [&](const Element* data, Strides strides, index_t heads, index_t rows, index_t dim) {
    return OperandRef{data, kType, strides_or(strides, layout, {s.batch, heads, rows, dim}), dim};
  };
  return {.d_out = operand(p.d_out, p.d_out_strides, s.heads, s.q_len, dv),
          .d_q = operand(p.d_q, p.d_q_strides, s.heads, s.q_len, s.head_dim),
          .d_k = operand(p.d_k, p.d_k_strides, kv_heads, s.kv_len, s.head_dim),
          .d_v = operand(p.d_v, p.d_v_strides, kv_heads, s.kv_len, dv),
          .d_pse = p.d_pse,
          .d_sink = p.d_sink};
}

template <class Recipe, class Element, class MaskOf, class Modifiers>
auto gradient_plan(const ScoreGradProblem<Element>& p, Layout layout, const MaskOf& masks, const Modifiers& modifiers) {
  return GradientPlan(options(p.forward, layout), gradient_options(p, layout), keys(p.forward, layout), masks,
                      modifiers);
}

template <class Recipe, class Element>
index_t gradient_workspace(const ScoreGradProblem<Element>& p, Layout layout, index_t workers) {
  using Choice = typename Recipe::template gradient_tile<Element>;
  const auto plan = gradient_plan<Recipe>(p, layout, StaircaseOf{}, SameModifier<score::None>{});
  return Choice::choose(p.forward.shape.head_dim,
                        [&](auto tile) -> index_t { return backward::workspace_bytes<decltype(tile)>(plan, workers); });
}

template <class Recipe, class Element, class MaskOf, class Modifiers, class Pool>
Status run_gradient(const ScoreGradProblem<Element>& p, Layout layout, const MaskOf& masks, const Modifiers& modifiers,
                    Pool& executor, std::span<std::byte> workspace) {
  using Choice = typename Recipe::template gradient_tile<Element>;
  const auto plan = gradient_plan<Recipe>(p, layout, masks, modifiers);
  return Choice::choose(p.forward.shape.head_dim,
                        [&](auto tile) -> Status { return backward::run<decltype(tile)>(plan, executor, workspace); });
}

}  // namespace detail

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
  static_assert(is_tensor_element<Element>,
                "glint::FlashAttentionScoreGrad: the element type must be float, half or bfloat16");
  static_assert((mode == SparseMode::custom) != std::is_same_v<typename Recipe::masks, MaskFromMode>,
                "glint::FlashAttentionScoreGrad: SparseMode::custom and Recipe::masks belong together");
  using Problem = ScoreGradProblem<Element>;

  [[no_unique_address]] typename Recipe::masks masks{};
  [[no_unique_address]] typename Recipe::modifiers modifiers{};

  static Status check(const Problem& p) { return check_score_grad(p, LayoutTag::kind, mode); }

  // Bytes of scratch for `workers` workers of an executor.
  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    return detail::gradient_workspace<Recipe>(p, LayoutTag::kind, workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    GLINT_PASS_ON(check(p));
    constexpr Layout kLayout = LayoutTag::kind;
    const StaircaseAndDenseOf from_mode = detail::masks(p.forward, kLayout, mode);
    return detail::in_mode<mode>(from_mode, masks, [&](const auto& mask_of) {
      return detail::run_gradient<Recipe>(p, kLayout, mask_of, modifiers, executor, workspace);
    });
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

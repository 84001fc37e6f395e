// A row of the gradient program: the typed functor on a workload, and what it is compared with.
#pragma once

#include "support/calls.hpp"
#include "support/gradient_answer.hpp"

namespace bench {

// Measures what `work` runs, unless there is no forward to take the gradient of, and checks what it wrote.
template <class Element>
void measure_gradient(benchmark::State& state, const GradientInputs<Element>& in, const Work& work) {
  if (const glint::Status ran = in.ran(); !ran) return state.SkipWithError(ran.rule);
  measure(state, work);
  finish(state, right(in));
}

template <class Functor, class Element>
void run_gradient(benchmark::State& state, const Workload& w, const Variant& how) {
  const GradientInputs<Element> in(w, std::max(how.inner_precise, 0));
  Calls<Functor> calls(in.problem(), how);
  Work work = work_of(in, how);
  take(work, calls, how, [&] {
    return [call = in.call(), workspace = calls.workspace()] {
      return glint::flash_attention_score_grad(call, glint::Serial{}, workspace);
    };
  });
  measure_gradient(state, in, work);
}

// `type` and `variant` are parts of the row's name.
template <class LayoutTag, class Element>
void add_gradient(Workload w, const std::string& type, const std::string& variant, const Variant& how) {
  w.layout = LayoutTag::kind;
  const std::string row = std::string("gradient/score/") + name(w.layout) + "/" + type + "/" + w.name;
  add_row(variant.empty() ? row : row + "/" + variant, gradient_flops(w), [w, how](benchmark::State& state) {
    constexpr SparseMode kFull = SparseMode::default_mask, kCausal = SparseMode::right_down_causal;
    if (w.mode == kCausal) {
      run_gradient<glint::FlashAttentionScoreGrad<LayoutTag, Element, kCausal>, Element>(state, w, how);
    } else {
      run_gradient<glint::FlashAttentionScoreGrad<LayoutTag, Element, kFull>, Element>(state, w, how);
    }
  });
}

template <class Element>
void add_all_workloads(const std::string& type, const Variant& how) {
  for (const Workload& w : kTraining) add_gradient<glint::layout::BNSD, Element>(w, type, "", how);
}

}  // namespace bench

// A row of the prefill program: a typed functor on a workload, and what it is compared with.
#pragma once

#include "support/answer.hpp"
#include "support/calls.hpp"

namespace bench {

// The same problem through the run-time call of either operator.
template <class Problem, class Element, class Out>
auto door_of(const Inputs<Element, Out>& in, std::span<std::byte> workspace) {
  if constexpr (requires(Problem p) { p.pse_shift; }) {
    return
        [call = prompt_call(in), workspace] { return glint::prompt_flash_attention(call, glint::Serial{}, workspace); };
  } else {
    return
        [call = score_call(in), workspace] { return glint::flash_attention_score(call, glint::Serial{}, workspace); };
  }
}

template <class Operator, class Element, class Out>
void run_typed(benchmark::State& state, const Workload& w, const Variant& how) {
  using Problem = typename Operator::Problem;
  const Inputs<Element, Out> in(w);
  Calls<Operator> calls(problem_of<Problem>(in), how);
  Work work = work_of(in, how);
  take(work, calls, how, [&] { return door_of<Problem>(in, calls.workspace()); });
  measure(state, work);
  finish(state, right(in));
}

// What the functors have in common, so that a row can name an operator before its sparse mode is known.
struct Score {
  static constexpr const char* name = "score";
  template <class LayoutTag, class Element, SparseMode mode>
  using Functor = glint::FlashAttentionScore<LayoutTag, Element, mode>;
};
struct Prompt {
  static constexpr const char* name = "prompt";
  template <class LayoutTag, class Element, SparseMode mode>
  using Functor = glint::PromptFlashAttention<LayoutTag, Element, mode>;
};

// With queries, keys and values of int8.
struct Int8 : Prompt {
  static constexpr const char* name = "int8";
};

// `type` and `variant` are parts of the row's name.
inline std::string prefill_row(const char* group, Layout layout, const std::string& type, const std::string& workload,
                               const std::string& variant) {
  return std::string("prefill/") + group + "/" + name(layout) + "/" + type + "/" + workload +
         (variant.empty() ? "" : "/" + variant);
}

template <class Operator, class LayoutTag, class Element, class Out = number_t<Element>>
void add_typed(Workload w, const std::string& type, const std::string& variant, const Variant& how) {
  w.layout = LayoutTag::kind;
  add_row(prefill_row(Operator::name, w.layout, type, w.name, variant), useful_flops(w),
          [w, how](benchmark::State& state) {
            constexpr SparseMode kFull = SparseMode::default_mask, kCausal = SparseMode::right_down_causal;
            if (w.mode == kCausal) {
              run_typed<typename Operator::template Functor<LayoutTag, Element, kCausal>, Element, Out>(state, w, how);
            } else {
              run_typed<typename Operator::template Functor<LayoutTag, Element, kFull>, Element, Out>(state, w, how);
            }
          });
}

template <class Element>
void add_both_operators(const std::string& type, const Variant& score, const Variant& prompt) {
  for (const Workload& w : kPrefill) {
    add_typed<Score, glint::layout::BNSD, Element>(w, type, "", score);
    add_typed<Prompt, glint::layout::BNSD, Element>(w, type, "", prompt);
  }
}

}  // namespace bench

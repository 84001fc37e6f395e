// A row of the prefill program: a typed functor on a workload, and what it is compared with.
#pragma once

#include <span>
#include <type_traits>

#include "support/answer.hpp"
#include "support/inputs.hpp"
#include "support/lasting_pool.hpp"
#include "support/runner.hpp"

namespace bench {

struct Variant {
  int inner_precise = -1;  // -1: the operator's default
  Peak peak = Peak::multiply_add;
  int threads = 1;
  bool with_door = false;  // beside the typed functor, the run-time call on the same tensors
};

template <class Element>
Work work_of(const Inputs<Element>& in, const Variant& how) {
  Work work;
  work.useful_flops = in.workload.flops_of_a_pair() * in.useful_pairs();
  // Where scores are dropped one by one, no tile is empty: all have to be calculated.
  if (in.workload.dense_mask)
    work.scored_flops = in.workload.flops_of_a_pair() * in.workload.heads() * in.workload.all_pairs();
  work.bytes = in.bytes();
  work.peak = how.peak;
  work.threads = how.threads;
  return work;
}

inline void finish(benchmark::State& state, bool right) {
  if (!right && !state.error_occurred()) state.SkipWithError("the output is wrong");
}

// The same problem through the run-time call of either operator.
template <class Problem, class Element>
auto door_of(const Inputs<Element>& in, std::span<std::byte> workspace) {
  if constexpr (requires(Problem p) { p.pse_shift; }) {
    return
        [call = prompt_call(in), workspace] { return glint::prompt_flash_attention(call, glint::Serial{}, workspace); };
  } else {
    return
        [call = score_call(in), workspace] { return glint::flash_attention_score(call, glint::Serial{}, workspace); };
  }
}

template <class Operator, class Element>
void run_typed(benchmark::State& state, const Workload& w, const Variant& how) {
  const Inputs<Element> in(w);
  auto problem = problem_of<typename Operator::Problem>(in);
  if (how.inner_precise >= 0) problem.inner_precise = how.inner_precise;
  const index_t bytes = Operator::workspace_bytes(problem, how.threads);
  std::vector<std::byte> memory(static_cast<std::size_t>(bytes));
  const std::span<std::byte> workspace = memory;

  Work work = work_of(in, how);
  work.workspace = static_cast<double>(bytes);
  const auto alone = [&] { return Operator{}(problem, glint::Serial{}, workspace); };
  work.run = alone;
  if (how.threads > 1) {
    work.run = [&, pool = lasting_pool(how.threads)] { return Operator{}(problem, pool, workspace); };
    work.rival_counter = "times_one_thread";
    work.rival = alone;
  }
  if constexpr (std::is_same_v<Element, float>) {
    if (how.with_door) {
      work.rival_counter = "run_time_over_typed";
      work.rival = door_of<typename Operator::Problem>(in, workspace);
    }
  }
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

// `type` and `variant` are parts of the row's name.
template <class Operator, class LayoutTag, class Element>
void add_typed(Workload w, const std::string& type, const std::string& variant, const Variant& how) {
  w.layout = LayoutTag::kind;
  const std::string name = std::string("prefill/") + Operator::name + "/" + bench::name(w.layout) + "/" + type + "/" +
                           w.name + (variant.empty() ? "" : "/" + variant);
  add_row(name, useful_flops(w), [w, how](benchmark::State& state) {
    constexpr SparseMode kFull = SparseMode::default_mask, kCausal = SparseMode::right_down_causal;
    if (w.mode == kCausal) {
      run_typed<typename Operator::template Functor<LayoutTag, Element, kCausal>, Element>(state, w, how);
    } else {
      run_typed<typename Operator::template Functor<LayoutTag, Element, kFull>, Element>(state, w, how);
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

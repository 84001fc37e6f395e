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

template <class Element, class Out>
Work work_of(const Inputs<Element, Out>& in, const Variant& how) {
  Work work;
  work.useful_flops = in.useful_flops();
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

// A functor, its problem and its scratch.
template <class Operator>
class Calls {
 public:
  using Problem = typename Operator::Problem;

  Calls(const Problem& problem, const Variant& how) : problem_(problem) {
    if (how.inner_precise >= 0) problem_.inner_precise = how.inner_precise;
    memory_.resize(static_cast<std::size_t>(Operator::workspace_bytes(problem_, how.threads)));
  }

  std::span<std::byte> workspace() { return memory_; }
  glint::Status operator()() { return run(glint::Serial{}); }
  template <class Pool>
  glint::Status run(const Pool& pool) {
    return Operator{}(problem_, pool, workspace());
  }

 private:
  Problem problem_;
  std::vector<std::byte> memory_{};
};

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
  work.workspace = static_cast<double>(calls.workspace().size());
  work.run = std::ref(calls);
  if (how.threads > 1) {
    work.run = [&, pool = lasting_pool(how.threads)] { return calls.run(pool); };
    work.rival_counter = "times_one_thread";
    work.rival = std::ref(calls);
  } else if (how.with_door) {
    work.rival_counter = "run_time_over_typed";
    work.rival = door_of<Problem>(in, calls.workspace());
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

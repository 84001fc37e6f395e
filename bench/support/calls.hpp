// A functor on a problem, as rows run it: alone, beside the run-time door, or by several threads beside one.
#pragma once

#include <span>
#include <vector>

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

// Operands: Inputs or GradientInputs.
template <class Operands>
Work work_of(const Operands& in, const Variant& how) {
  return {.useful_flops = in.useful_flops(),
          .scored_flops = in.scored_flops(),
          .bytes = in.bytes(),
          .peak = how.peak,
          .threads = how.threads};
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
    if (how.inner_precise >= 0) inner_precise() = how.inner_precise;
    memory_.resize(static_cast<std::size_t>(Operator::workspace_bytes(problem_, how.threads)));
  }

  std::span<std::byte> workspace() { return memory_; }
  glint::Status operator()() { return run(glint::Serial{}); }
  template <class Pool>
  glint::Status run(const Pool& pool) {
    return Operator{}(problem_, pool, workspace());
  }

 private:
  // A gradient's is that of its forward problem.
  int& inner_precise() {
    if constexpr (requires { problem_.forward; }) {
      return problem_.forward.inner_precise;
    } else {
      return problem_.inner_precise;
    }
  }

  Problem problem_;
  std::vector<std::byte> memory_{};
};

// What `work` runs, and beside what.  make_door() is the run-time call; it is asked for where how.with_door.
template <class Operator, class MakeDoor>
void take(Work& work, Calls<Operator>& calls, const Variant& how, const MakeDoor& make_door) {
  work.workspace = static_cast<double>(calls.workspace().size());
  work.run = std::ref(calls);
  if (how.threads > 1) {
    work.run = [&calls, pool = lasting_pool(how.threads)] { return calls.run(pool); };
    work.rival_counter = "times_one_thread";
    work.rival = std::ref(calls);
  } else if (how.with_door) {
    work.rival_counter = "run_time_over_typed";
    work.rival = make_door();
  }
}

}  // namespace bench

// What may be timed: functions that calculate a task, by name.  Generated units and builtin.cpp register theirs before
// main begins; layouts, masks and doors are resolved at run time, so that a tile costs one kernel for each type.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "glint/ops/incre_flash_attention.hpp"
#include "glint/ops/prompt_flash_attention.hpp"
#include "glint/ops/score_grad_problem.hpp"
#include "support/lasting_pool.hpp"
#include "tune/worker/case_line.hpp"
#include "tune/worker/complaint.hpp"

namespace bench::tune {

// One thread, or several that last.
class Threads {
 public:
  explicit Threads(int count) : count_(count) {}
  index_t workers() const { return count_; }
  template <class Work>
  void for_each(index_t n, const Work& work) const {
    if (count_ == 1) return glint::Serial{}.for_each(n, work);
    lasting_pool(count_).for_each(n, work);
  }

 private:
  int count_;
};

// What a candidate is given.  Element: of q, k, v and the output.
template <class Element_>
struct ScoreTask {
  using Element = Element_;
  static constexpr Op op = Op::fwd;
  glint::ScoreProblem<Element> problem;
  Layout layout;
  glint::SparseMode mode;
};
template <class Element_>
struct GradientTask {
  using Element = Element_;
  static constexpr Op op = Op::bwd;
  glint::ScoreGradProblem<Element> problem;
  Layout layout;
  glint::SparseMode mode;
};
struct PromptTask {
  static constexpr Op op = Op::prompt;
  glint::detail::InferenceProblem problem;
};
// The same keys and rows as either operator takes them.
struct IncreTask {
  static constexpr Op op = Op::incre;
  glint::detail::InferenceProblem decode, prompt;
};

template <class Task>
struct Candidate {
  std::string name;
  DType type;  // of the keys
  std::function<glint::Status(const Task&, const Threads&, std::span<std::byte>)> run;
  std::function<index_t(const Task&, index_t)> workspace_bytes;  // for so many workers
  Complaint trouble{};                                           // why it cannot be run at all
};

template <class Task>
std::vector<Candidate<Task>>& registered() {
  static std::vector<Candidate<Task>> list;
  return list;
}

// Way: a struct with the two functions of a candidate.
template <class Task, class Way>
void add_candidate(const std::string& name, DType type) {
  registered<Task>().push_back({name, type, &Way::run, &Way::workspace_bytes, {}});
}

}  // namespace bench::tune

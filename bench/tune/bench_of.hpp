// A case whose operands and tasks are known by type.
#pragma once

#include "tune/case_bench.hpp"
#include "tune/provider_candidate.hpp"

namespace bench::tune {

// Known: the operands of a type.
template <class Known>
class BenchOf : public CaseBench {
 public:
  using Task = typename Known::Task;

  // stored: the type of the keys, for which candidates were compiled.
  BenchOf(const Case& c, DType stored) : CaseBench(c, Known::costs(c)) {
    for (const Candidate<Task>& candidate : registered<Task>())
      if (candidate.type == stored) add(candidate);
  }

  // Of two with one name the first.
  void add_provider(const std::string& path) override {
    operands(1);
    const auto candidate = provider_candidate(path, tasks_[0], case_.threads);
    if (candidate && find(candidate->name) == nullptr) add(*candidate);
  }

 private:
  void add(const Candidate<Task>& candidate) {
    runnables_.push_back(
        {candidate.name, candidate.trouble,
         [this, run = candidate.run](index_t copy, const Threads& threads, std::span<std::byte> memory) {
           return run(tasks_[static_cast<std::size_t>(copy)], threads, memory);
         },
         [this, bytes = candidate.workspace_bytes] { return bytes(tasks_[0], case_.threads); }});
  }

  std::unique_ptr<Operands> make_operands(index_t copies) override {
    auto made = std::make_unique<Known>(case_, copies);
    tasks_.clear();
    for (index_t i = 0; i < made->copies(); ++i) tasks_.push_back(made->task(i));
    return made;
  }

  std::vector<Task> tasks_{};  // of the operands that there are
};

}  // namespace bench::tune

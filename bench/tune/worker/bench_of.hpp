// A case whose operands and tasks are known by type.
#pragma once

#include "tune/worker/case_bench.hpp"
#include "tune/provider/provider_candidate.hpp"
#include "tune/provider/rehearsal.hpp"

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

  // Asked in a child process first: its code may crash.
  void add_provider(const std::string& path) override {
    constexpr unsigned kMostSeconds = 30;
    operands(1);
    const auto make = [&] { return provider_candidate(path, tasks_[0], case_.threads); };
    const Complaint trouble = rehearse([&] { make(); }, kMostSeconds);
    std::optional<Candidate<Task>> candidate = trouble ? troubled<Task>(path, trouble) : make();
    if (candidate && find(candidate->name) != nullptr)
      candidate = troubled<Task>(path, {"provider_name", "there already is a " + candidate->name});
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

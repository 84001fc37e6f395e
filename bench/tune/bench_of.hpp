// A case whose operands, tasks and candidates are known by type; see CaseBench.
#pragma once

#include <optional>

#include "tune/case_bench.hpp"
#include "tune/provider_candidate.hpp"
#include "tune/rehearsal.hpp"
#include "tune/timing.hpp"

namespace bench::tune {

template <class Operands>
class BenchOf : public CaseBench {
 public:
  using Task = typename Operands::Task;

  // stored: the type of the keys, for which candidates were compiled.
  BenchOf(const Case& c, DType stored) : case_(c), costs_(Operands::costs(c)) {
    for (const Candidate<Task>& candidate : registered<Task>())
      if (candidate.type == stored) candidates_.push_back(candidate);
  }

  Costs costs() const override { return costs_; }
  std::vector<std::string> candidates() const override {
    std::vector<std::string> names;
    for (const auto& candidate : candidates_) names.push_back(candidate.name);
    return names;
  }
  glint::Status ready() override { return operands(1).ready(); }
  void add_provider(const std::string& path) override {
    constexpr unsigned kMostSeconds = 30;
    const Task task = operands(1).task(0);
    const auto make = [&] { return provider_candidate(path, task, case_.threads); };
    const Complaint trouble = rehearse([&] { make(); }, kMostSeconds);
    std::optional<Candidate<Task>> candidate = trouble ? troubled<Task>(path, trouble) : make();
    if (candidate && find(candidate->name) != nullptr)
      candidate = troubled<Task>(path, {"provider_name", "there already is a " + candidate->name});
    if (candidate && find(candidate->name) == nullptr) candidates_.push_back(std::move(*candidate));
  }

  Checked check(const std::string& name) override {
    const Candidate<Task>* const candidate = find(name);
    if (candidate == nullptr) return {unknown(name), {}};
    if (candidate->trouble) return {candidate->trouble, {}};
    const Operands& in = operands(1);
    const std::vector<Output> outputs = in.outputs();
    for (const Output& o : outputs) poison(o);
    const std::uint64_t before = fingerprint(in.inputs());
    const Threads threads(case_.threads);
    const Task task = in.task(0);
    const auto workspace = guarded<std::byte>(candidate->workspace_bytes(task, case_.threads));
    std::fill(workspace.begin(), workspace.end(), std::byte{0xFF});  // as floats: not a number
    set_canaries(workspace.before(), workspace.behind());
    if (const glint::Status status = candidate->run(task, threads, {workspace.begin(), workspace.end()}); !status)
      return {{"refused", status.rule}, {}};
    if (Complaint complaint = canaries("the workspace", workspace.before(), workspace.behind())) return {complaint, {}};
    for (const Output& o : outputs)
      if (Complaint complaint = written_within(o)) return {complaint, {}};
    if (fingerprint(in.inputs()) != before) return {{"inputs_changed", "the candidate has written to its inputs"}, {}};
    const Finding finding = in.compare();
    return {finding.complaint(), finding};
  }

  Timed time(const std::string& name, CacheState state, double seconds) override {
    const Candidate<Task>* const candidate = find(name);
    if (candidate == nullptr) return {.complaint = unknown(name)};
    if (candidate->trouble) return {.complaint = candidate->trouble};
    const Operands& in = operands(state == CacheState::cold ? cold_copies(costs_.bytes) : 1);
    std::vector<Task> tasks;
    for (index_t i = 0; i < in.copies(); ++i) tasks.push_back(in.task(i));
    const Buffer<std::byte> workspace(candidate->workspace_bytes(tasks[0], case_.threads));
    std::size_t turn = 0;
    const auto call = [&, threads = Threads(case_.threads)] {
      turn = (turn + 1) % tasks.size();
      return candidate->run(tasks[turn], threads, {workspace.begin(), workspace.end()});
    };
    std::function<void()> before{};
    if (state == CacheState::evicted) before = [this] { evictor()(); };
    if (const glint::Status status = call(); !status) return {.complaint = {"refused", status.rule}};
    const double start = wall_seconds();
    if (before) before();
    const double walk = wall_seconds() - start;
    (void)static_cast<bool>(call());
    const double once = wall_seconds() - start - walk;
    Timed timed = measured(name, in, call, before, state, iteration_seconds(once, walk), seconds);
    timed.workspace = static_cast<double>(workspace.bytes());
    return timed;
  }

 private:
  // A batch of calls, what is read before each, and the probes beside it.
  static double iteration_seconds(double once, double walk) {
    const double calls = std::max(1.0, bench::detail::kBatchSeconds / once);
    return calls * (once + walk) +
           (Operands::kMemoryBound ? 2 * bench::detail::kProbesSeconds : bench::detail::kProbesSeconds);
  }

  template <class Call>
  Timed measured(const std::string& name, const Operands& in, const Call& call, const std::function<void()>& before,
                 CacheState state, double iteration, double seconds) const {
    if constexpr (Operands::kMemoryBound) {
      MemoryWork work{.run = call, .bytes = costs_.bytes, .flops = costs_.useful_flops, .peak = costs_.peak};
      work.threads = case_.threads;
      work.before = before;
      if (state == CacheState::warm) work.resident = in.resident();
      return timed(run_benchmark(name, iteration, seconds, [&](benchmark::State& s) { measure(s, work); }),
                   "share_of_roof", "best_share_of_roof");
    } else {
      Work work{.run = call, .useful_flops = costs_.useful_flops, .bytes = costs_.bytes, .peak = costs_.peak};
      work.threads = case_.threads;
      work.before = before;
      return timed(run_benchmark(name, iteration, seconds, [&](benchmark::State& s) { measure(s, work); }),
                   "share_of_peak", "best_share");
    }
  }

  Timed timed(const Collector& run, const char* share, const char* best) const {
    Timed t{.complaint = run.complaint()};
    if (t.complaint) return t;
    t.seconds = costs_.useful_flops / run.counter("useful_flops");
    t.calls = run.counter("calls");
    t.peak_flops = run.counter("peak_flops");
    t.share = run.counter(share);
    t.best_share = run.counter(best);
    if constexpr (Operands::kMemoryBound) t.read_share = run.counter("share_of_read");
    return t;
  }

  const Candidate<Task>* find(const std::string& name) const {
    for (const auto& candidate : candidates_)
      if (candidate.name == name) return &candidate;
    return nullptr;
  }
  static Complaint unknown(const std::string& name) {
    return {"unknown", "no candidate \"" + name + "\" can run this case"};
  }

  // One set at a time: the copies of another may be a gigabyte.
  const Operands& operands(index_t copies) {
    if (operands_ == nullptr || operands_->copies() != copies) {
      operands_.reset();
      operands_ = std::make_unique<Operands>(case_, copies);
    }
    return *operands_;
  }
  const Evictor& evictor() {
    if (!evictor_) evictor_.emplace();
    return *evictor_;
  }

  Case case_;
  Costs costs_;
  std::vector<Candidate<Task>> candidates_{};
  std::unique_ptr<Operands> operands_{};
  std::optional<Evictor> evictor_{};
};

}  // namespace bench::tune

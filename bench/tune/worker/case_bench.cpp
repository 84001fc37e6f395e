#include "tune/worker/case_bench.hpp"

#include "tune/worker/timing.hpp"

namespace bench::tune {
namespace {

Complaint unknown(const std::string& name) { return {"unknown", "no candidate \"" + name + "\" can run this case"}; }

Timed read_off(const Collector& run, const Costs& costs) {
  Timed t{.complaint = run.complaint()};
  if (t.complaint) return t;
  t.seconds = costs.useful_flops / run.counter("useful_flops");
  t.calls = run.counter("calls");
  t.peak_flops = run.counter("peak_flops");
  t.share = run.counter(costs.by_roof ? "share_of_roof" : "share_of_peak");
  t.best_share = run.counter(costs.by_roof ? "best_share_of_roof" : "best_share");
  if (costs.by_roof) t.read_share = run.counter("share_of_read");
  return t;
}

}  // namespace

CaseBench::CaseBench(const Case& c, const Costs& costs) : case_(c), costs_(costs) {}
CaseBench::~CaseBench() = default;

std::vector<std::string> CaseBench::candidates() const {
  std::vector<std::string> names;
  for (const Runnable& candidate : runnables_) names.push_back(candidate.name);
  return names;
}

const CaseBench::Runnable* CaseBench::find(const std::string& name) const {
  for (const Runnable& candidate : runnables_)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

Operands& CaseBench::operands(index_t copies) {
  if (operands_ == nullptr || operands_->copies() != copies) {
    operands_.reset();
    operands_ = make_operands(copies);
  }
  return *operands_;
}

const Evictor& CaseBench::evictor() {
  if (evictor_ == nullptr) evictor_ = std::make_unique<Evictor>();
  return *evictor_;
}

// Runs it once, between canaries.
Complaint CaseBench::damage(const Runnable& candidate, const Operands& in) {
  const std::vector<Output> outputs = in.outputs();
  for (const Output& o : outputs) poison(o);
  const std::uint64_t before = fingerprint(in.inputs());
  const auto workspace = guarded<std::byte>(candidate.workspace_bytes());
  std::fill(workspace.begin(), workspace.end(), std::byte{0xFF});  // as floats: not a number
  set_canaries(workspace.before(), workspace.behind());
  const glint::Status status = candidate.run(0, Threads(case_.threads), {workspace.begin(), workspace.end()});
  if (!status) return {"refused", status.rule};
  if (Complaint complaint = canaries("the workspace", workspace.before(), workspace.behind())) return complaint;
  for (const Output& o : outputs)
    if (Complaint complaint = written_within(o)) return complaint;
  if (fingerprint(in.inputs()) != before) return {"inputs_changed", "the candidate has written to its inputs"};
  return {};
}

Checked CaseBench::check(const std::string& name) {
  const Runnable* const candidate = find(name);
  if (candidate == nullptr) return {unknown(name), {}};
  if (candidate->trouble) return {candidate->trouble, {}};
  const Operands& in = operands(1);
  if (const Complaint complaint = damage(*candidate, in)) {
    operands_.reset();  // the next one gets others
    return {complaint, {}};
  }
  const Finding finding = in.compare();
  return {finding.complaint(), finding};
}

Timed CaseBench::time(const std::string& name, CacheState state, double seconds) {
  const Runnable* const candidate = find(name);
  if (candidate == nullptr) return {.complaint = unknown(name)};
  if (candidate->trouble) return {.complaint = candidate->trouble};
  const index_t copies = operands(state == CacheState::cold ? cold_copies(costs_.bytes) : 1).copies();
  const Buffer<std::byte> workspace(candidate->workspace_bytes());
  const auto call = [&, turn = index_t{0}, threads = Threads(case_.threads)]() mutable {
    turn = (turn + 1) % copies;
    return candidate->run(turn, threads, {workspace.begin(), workspace.end()});
  };
  Timed timed = clocked(name, call, state, seconds);
  timed.workspace = static_cast<double>(workspace.bytes());
  return timed;
}

// Two calls to warm up and to plan with; an iteration is a batch of calls, what is read before each, and the probes.
Timed CaseBench::clocked(const std::string& name, const std::function<glint::Status()>& call, CacheState state,
                         double seconds) {
  std::function<void()> before{};
  if (state == CacheState::evicted) before = [this] { evictor()(); };
  if (const glint::Status status = call(); !status) return {.complaint = {"refused", status.rule}};
  const double start = wall_seconds();
  if (before) before();
  const double middle = wall_seconds();
  if (const glint::Status status = call(); !status) return {.complaint = {"refused", status.rule}};
  const double walk = middle - start, once = wall_seconds() - middle;
  const double calls = std::max(1.0, bench::detail::kBatchSeconds / once);
  const double iteration = calls * (once + walk) + (costs_.by_roof ? 2 : 1) * bench::detail::kProbesSeconds;
  return measured(name, call, before, state, iteration, seconds);
}

Timed CaseBench::measured(const std::string& name, const std::function<glint::Status()>& call,
                          const std::function<void()>& before, CacheState state, double iteration, double seconds) {
  Work work{.run = call, .useful_flops = costs_.useful_flops, .bytes = costs_.bytes, .peak = costs_.peak};
  work.threads = case_.threads;
  work.before = before;
  if (!costs_.by_roof) {
    const auto body = [&](benchmark::State& s) { measure(s, work); };
    return read_off(run_benchmark(name, iteration, seconds, body), costs_);
  }
  MemoryWork roofed{.run = call, .bytes = costs_.bytes, .flops = costs_.useful_flops, .peak = costs_.peak};
  roofed.threads = case_.threads;
  roofed.before = before;
  if (state == CacheState::warm) roofed.resident = operands_->resident();
  const auto body = [&](benchmark::State& s) { measure(s, roofed); };
  return read_off(run_benchmark(name, iteration, seconds, body), costs_);
}

}  // namespace bench::tune

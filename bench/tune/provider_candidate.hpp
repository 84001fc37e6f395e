// A foreign kernel as a candidate.
#pragma once

#include <memory>

#include "tune/candidates.hpp"
#include "tune/provider_problem.hpp"
#include "tune/rehearsal.hpp"

namespace bench::tune {

template <class Task>
std::optional<glint_problem> foreign(const Task& t, int threads, Complaint& complaint) {
  if constexpr (Task::op == Op::prompt) {
    return provider_problem(t.problem, GLINT_FORWARD, threads, complaint);
  } else if constexpr (Task::op == Op::incre) {
    return provider_problem(t.decode, GLINT_DECODE, threads, complaint);
  } else {
    return provider_problem(t.problem, t.layout, t.mode, threads, complaint);
  }
}

inline constexpr glint::Code kForeign{-1};  // none of glint's own

// What the provider says of itself lives as long as the candidate.
template <class Task>
class ForeignKernel {
 public:
  explicit ForeignKernel(Provider provider) : provider_(std::move(provider)) {}

  const std::string& name() const { return provider_.name(); }
  bool supports(const Task& t, int threads) {
    const auto problem = foreign(t, threads, complaint_);
    return problem && provider_.supports(*problem);
  }
  // Negative: what it asks for is no size.
  index_t workspace_bytes(const Task& t, index_t workers) {
    const auto problem = foreign(t, static_cast<int>(workers), complaint_);
    return provider_.workspace_bytes(*problem, complaint_).value_or(-1);
  }
  glint::Status run(const Task& t, const Threads& threads, std::span<std::byte> workspace) {
    auto problem = foreign(t, static_cast<int>(threads.workers()), complaint_);
    problem->workspace = workspace.data();
    problem->workspace_bytes = static_cast<std::int64_t>(workspace.size());
    if (provider_.run(*problem, complaint_)) return glint::Status::ok();
    return {kForeign, complaint_.message.c_str(), 1, 0};
  }
  const Complaint& complaint() const { return complaint_; }

 private:
  Provider provider_;
  Complaint complaint_{};
};

// Loading a library and asking it runs its code.
template <class Task>
Complaint rehearse_provider(const std::string& path, const Task& task, int threads) {
  constexpr unsigned kSeconds = 10;
  return rehearse(
      [&] {
        Complaint complaint;
        std::optional<Provider> provider = Provider::open(path, complaint);
        if (!provider) return;
        ForeignKernel<Task> kernel(std::move(*provider));
        if (kernel.supports(task, threads)) kernel.workspace_bytes(task, threads);
      },
      kSeconds);
}

// None where the provider does not do this task.
template <class Task>
std::optional<Candidate<Task>> provider_candidate(const std::string& path, const Task& task, int threads) {
  Candidate<Task> candidate{"provider:", DType::none, {}, {}, rehearse_provider(path, task, threads)};
  std::optional<Provider> provider{};
  if (!candidate.trouble) provider = Provider::open(path, candidate.trouble);
  if (!provider) {
    candidate.name += path.substr(path.find_last_of('/') + 1);
    return candidate;
  }
  const auto kernel = std::make_shared<ForeignKernel<Task>>(std::move(*provider));
  if (!kernel->supports(task, threads)) return std::nullopt;
  candidate.name += kernel->name();
  if (kernel->workspace_bytes(task, threads) < 0) candidate.trouble = kernel->complaint();
  candidate.workspace_bytes = [kernel](const Task& t, index_t workers) { return kernel->workspace_bytes(t, workers); };
  candidate.run = [kernel](const Task& t, const Threads& with, std::span<std::byte> workspace) {
    return kernel->run(t, with, workspace);
  };
  return candidate;
}

}  // namespace bench::tune

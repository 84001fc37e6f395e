// A foreign kernel as a candidate.
#pragma once

#include <memory>

#include "tune/worker/candidates.hpp"
#include "tune/provider/provider_problem.hpp"

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

// One that only says what is wrong with a library; its name is the file's, without what would break a command.
template <class Task>
Candidate<Task> troubled(const std::string& path, const Complaint& trouble) {
  std::string file = path.substr(path.find_last_of('/') + 1);
  for (char& c : file)
    if (!foreign_name_may_have(c)) c = '_';
  return {"provider:" + file, DType::none, {}, {}, trouble};
}

// None where the provider does not do this task.
template <class Task>
std::optional<Candidate<Task>> provider_candidate(const std::string& path, const Task& task, int threads) {
  Complaint complaint;
  std::optional<Provider> provider = Provider::open(path, complaint);
  if (!provider) return troubled<Task>(path, complaint);
  const auto kernel = std::make_shared<ForeignKernel<Task>>(std::move(*provider));
  if (!kernel->supports(task, threads)) return std::nullopt;
  Candidate<Task> candidate{"provider:" + kernel->name(), DType::none, {}, {}, {}};
  if (kernel->workspace_bytes(task, threads) < 0) candidate.trouble = kernel->complaint();
  candidate.workspace_bytes = [kernel](const Task& t, index_t workers) { return kernel->workspace_bytes(t, workers); };
  candidate.run = [kernel](const Task& t, const Threads& with, std::span<std::byte> workspace) {
    return kernel->run(t, with, workspace);
  };
  return candidate;
}

}  // namespace bench::tune

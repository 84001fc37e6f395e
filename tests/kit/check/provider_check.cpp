// A rehearsal in a child process, then the run that counts.
#include "kit/check/provider_check.hpp"

#include "kit/check/provider_case.hpp"
#include "tune/provider/provider_host.hpp"
#include "tune/provider/rehearsal.hpp"

namespace kit {

namespace {

using bench::tune::Complaint;
using bench::tune::Provider;
using detail::ProviderCase;

// Statistics are asked for as far as the kernel does them.
bool settle(const Provider& provider, ProviderCase& foreign) {
  for (const auto& [max_and_sum, lse] : {std::pair{true, true}, {true, false}, {false, true}, {false, false}}) {
    foreign.want(max_and_sum, lse);
    if (provider.supports(foreign.problem())) return true;
  }
  return false;
}

struct Outcome {
  std::string error{}, refusal{};
};

Outcome run(const std::string& so_path, ProviderCase& foreign) {
  Complaint complaint;
  const std::optional<Provider> provider = Provider::open(so_path, complaint);
  if (!provider) return {complaint.message};
  if (!settle(*provider, foreign)) return {"", provider->name() + " does not support the problem"};
  const std::optional<std::int64_t> workspace = provider->workspace_bytes(foreign.problem(), complaint);
  if (!workspace) return {complaint.message};
  foreign.set_workspace(*workspace);
  if (!provider->run(foreign.problem(), complaint)) return {complaint.message};
  return {foreign.damage()};
}

}  // namespace

std::string run_provider(const std::string& so_path, const Question& question, Results& results, std::string& refusal,
                         unsigned seconds) {
  results.clear();
  ProviderCase foreign;
  refusal = foreign.build(question);
  if (!refusal.empty()) return {};
  const Complaint rehearsed = bench::tune::rehearse([&] { run(so_path, foreign); }, seconds);
  if (rehearsed.code == "timeout") return "the kernel did not return: " + rehearsed.message;
  if (!rehearsed.code.empty()) return "the kernel takes its process with it: " + rehearsed.message;
  const Outcome outcome = run(so_path, foreign);
  refusal = outcome.refusal;
  if (!outcome.error.empty() || !refusal.empty()) return outcome.error;
  results = foreign.results();
  return {};
}

}  // namespace kit

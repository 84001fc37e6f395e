// glint_tune_worker: checks and times the candidates of one case, as it is told on its standard input, and answers in
// lines of JSON (../protocol.md).  One case to a process, so that a candidate that crashes takes nothing else with it.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "support/machine.hpp"
#include "tune/worker/case_bench.hpp"
#include "tune/worker/describe.hpp"
#include "tune/worker/json.hpp"
#include "tune/worker/machine_facts.hpp"

namespace bench::tune {
namespace {

void answer(const JsonObject& object) { std::cout << object.str() << std::endl; }

int refuse(const std::string& code, const std::string& message) {
  answer(JsonObject().flag("ready", false).raw("error", json_error(code, message)));
  return 2;
}

std::string fields_of(const Case& c) {
  JsonObject object;
  for (const Field& field : fields(c)) object.raw(field.key, field.is_text ? json_text(field.value) : field.value);
  return object.str();
}

JsonObject readiness(const Case& c, const CaseBench& bench) {
  std::vector<std::string> names;
  for (const std::string& candidate : bench.candidates()) names.push_back(json_text(candidate));
  const Costs costs = bench.costs();
  return JsonObject()
      .flag("ready", true)
      .raw("case", fields_of(c))
      .text("line", canonical_line(c))
      .number("useful_flops", costs.useful_flops)
      .number("dense_flops", costs.dense_flops)
      .number("bytes", costs.bytes)
      .text("peak", name(costs.peak))
      .raw("candidates", json_list(names));
}

JsonObject checked(const std::string& candidate, const Checked& found) {
  JsonObject object;
  object.text("check", candidate).flag("ok", !found.complaint);
  if (found.complaint) return object.raw("error", json_error(found.complaint.code, found.complaint.message));
  return object.number("worst", found.finding.worst).number("rows", static_cast<double>(found.finding.rows));
}

JsonObject timed(const std::string& candidate, const std::string& cache, const Timed& t) {
  JsonObject object;
  object.text("time", candidate).text("cache", cache);
  if (t.complaint) return object.raw("error", json_error(t.complaint.code, t.complaint.message));
  object.number("seconds", t.seconds).number("calls", t.calls).number("peak_flops", t.peak_flops);
  object.number("share", t.share).number("best_share", t.best_share);
  if (t.read_share >= 0) object.number("read_share", t.read_share);
  return object.number("workspace", t.workspace).number("load", load());
}

bool cache_state(const std::string& word, CacheState& state) {
  if (word == "warm") return state = CacheState::warm, true;
  if (word == "cold") return state = CacheState::cold, true;
  if (word == "evicted") return state = CacheState::evicted, true;
  return false;
}

void bad_command(const std::string& line) {
  answer(JsonObject().raw("error", json_error("bad_command", "not a command: \"" + line + "\"")));
}

// A candidate is about to run: should the process end here, this says whose fault it was.
void announce(const std::string& candidate) { answer(JsonObject().text("begin", candidate)); }

// One line from the front end; false: no more.
bool obey(const std::string& line, CaseBench& bench) {
  std::istringstream words(line);
  std::string command, candidate, cache, rest;
  double seconds = 0;
  words >> command;
  if (command == "quit") return false;
  if (command == "check" && words >> candidate && !(words >> rest)) {
    announce(candidate);
    answer(checked(candidate, bench.check(candidate)));
    return true;
  }
  CacheState state{};
  if (command == "time" && words >> candidate >> cache >> seconds && !(words >> rest) && cache_state(cache, state) &&
      seconds > 0 && seconds <= 3600) {
    announce(candidate);
    answer(timed(candidate, cache, bench.time(candidate, state, seconds)));
    return true;
  }
  bad_command(line);
  return true;
}

int run_case(const std::string& line, const std::vector<std::string>& providers) {
  const ParsedCase parsed = parse_case(line);
  if (!parsed.error.empty()) return refuse("bad_case", parsed.error);
  const Case& c = parsed.value;
  if (c.threads > usable_cpus())
    return refuse("bad_case", "threads=" + std::to_string(c.threads) + ": this process may run on " +
                                  std::to_string(usable_cpus()) + " CPUs");
  const std::unique_ptr<CaseBench> bench = bench_for(c);
  if (const glint::Status legal = bench->ready(); !legal) return refuse("bad_case", legal.rule);
  if (bench->costs().useful_flops == 0) return refuse("bad_case", "no row sees a key: there is nothing to measure");
  for (const std::string& path : providers) bench->add_provider(path);
  answer(readiness(c, *bench));
  for (std::string command; std::getline(std::cin, command);)
    if (!obey(command, *bench)) break;
  return 0;
}

int usage() {
  std::cerr << "usage: glint_tune_worker --describe\n       glint_tune_worker --case LINE [--provider PATH.so]...\n";
  return 64;
}

}  // namespace
}  // namespace bench::tune

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words == std::vector<std::string>{"--describe"}) {
    std::cout << bench::tune::describe() << std::endl;
    return 0;
  }
  std::vector<std::string> lines, providers;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "--case") lines.push_back(words[i + 1]);
    if (words[i] == "--provider") providers.push_back(words[i + 1]);
  }
  if (lines.size() != 1 || 2 * (lines.size() + providers.size()) != words.size()) return bench::tune::usage();
  return bench::tune::run_case(lines[0], providers);
}

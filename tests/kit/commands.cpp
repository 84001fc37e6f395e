#include "kit/commands.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "kit/bundle/types.hpp"
#include "kit/case/case_line.hpp"
#include "kit/case/question_of.hpp"
#include "kit/check/foreign.hpp"
#include "kit/check/provider_check.hpp"

namespace kit {

namespace {

std::string read_any(const std::string& path, Bundle& bundle) {
  if (path.ends_with(".npz")) return path + ": is for readers of .npy; want the bundle as .safetensors";
  if (std::string error = read_safetensors(path, bundle); !error.empty()) return error;
  const std::string wrong = verify(bundle);
  return wrong.empty() ? wrong : path + ": " + wrong;
}

Checked checked(const Bundle& bundle, const Results& results, const CheckOptions& options) {
  const Report report = check(bundle, results, options);
  return {report.pass, text(report), json(report), report.error};
}

Checked failed(std::string error) {
  Checked result;
  result.error = std::move(error);
  return result;
}

// The oracle keeps the scores of a head, a few matrices of float64.
std::string too_many_scores(const AttentionCase& spec) {
  constexpr index_t kMost = index_t{1} << 29;
  for (const glint::reference::Entry& entry : glint::reference::entries_of(spec))
    if (entry.rows > 0 && entry.keys() > kMost / entry.rows)
      return "sq x skv: a head has " + std::to_string(entry.rows) + " x " + std::to_string(entry.keys()) +
             " scores, the most is " + std::to_string(kMost);
  return {};
}

// A name with a slash would leave the folder, and one that begins with a dot would hide in it.
std::string no_file_name(const Bundle& bundle) {
  for (const auto& [name, tensor] : bundle.tensors)
    if (name.find('/') != std::string::npos || name.starts_with('.'))
      return "tensor " + in_quotes(name) + ": is no name for a file, export to .npz";
  return {};
}

}  // namespace

std::string bundle_of(const std::string& line, const MakeOptions& options, Bundle& bundle) {
  const ParsedLine parsed = parse_case(line);
  if (!parsed.error.empty()) return parsed.error;
  if (std::string illegal = why_illegal(parsed.value); !illegal.empty()) return illegal;
  Question question = question_of(parsed.value);
  if (std::string large = too_many_scores(question.spec); !large.empty()) return large;
  question.spec.keep_probabilities = options.probabilities;
  const Answer answered = answer(question);
  bundle = to_bundle(question, answered, tolerances(question, answered));
  return {};
}

std::string make(const std::string& line, const std::string& path, const MakeOptions& options) {
  Bundle bundle;
  if (std::string error = bundle_of(line, options, bundle); !error.empty()) return error;
  return path.ends_with(".npz") ? write_npz(path, bundle) : write_safetensors(path, bundle);
}

std::string draw_line(const std::string& op, std::uint64_t seed, std::uint64_t number, std::string& error) {
  if (op == "fwd" || op == "bwd" || op == "prompt" || op == "incre") return canonical_line(draw_case(op, seed, number));
  error = "op=" + op + ": must be one of fwd, bwd, prompt, incre";
  return {};
}

Checked check_files(const std::string& bundle_path, const std::vector<std::string>& paths,
                    const CheckOptions& options) {
  Bundle bundle;
  Results results;
  if (std::string error = read_any(bundle_path, bundle); !error.empty()) return failed(std::move(error));
  if (std::string error = load_results(paths, results); !error.empty()) return failed(std::move(error));
  return checked(bundle, results, options);
}

Checked check_library(const std::string& bundle_path, const std::string& library, const CheckOptions& options) {
  Bundle bundle;
  Question question;
  if (std::string error = read_any(bundle_path, bundle); !error.empty()) return failed(std::move(error));
  if (std::string error = from_bundle(bundle, question); !error.empty()) return failed(std::move(error));
  Results results;
  std::string refusal;
  if (std::string error = run_provider(library, question, results, refusal); !error.empty())
    return failed(std::move(error));
  if (!refusal.empty()) return failed(std::move(refusal));
  return checked(bundle, results, options);
}

std::string export_bundle(const std::string& path, const std::string& target) {
  Bundle bundle;
  if (std::string error = read_any(path, bundle); !error.empty()) return error;
  if (target.ends_with(".npz")) return write_npz(target, bundle);
  if (std::string error = no_file_name(bundle); !error.empty()) return path + ": " + error;
  std::error_code problem;
  std::filesystem::create_directories(target, problem);
  if (problem) return target + ": " + problem.message();
  for (const auto& [name, tensor] : bundle.tensors)
    if (std::string error = write_npy(target + "/" + name + ".npy", tensor); !error.empty()) return error;
  std::ofstream notes(target + "/notes.json");
  notes << nlohmann::json(bundle.notes).dump(2) << '\n';
  notes.close();
  return notes ? std::string() : target + "/notes.json: cannot be written";
}

std::string show(const std::string& path, std::string& error) {
  Bundle bundle;
  error = read_any(path, bundle);
  if (!error.empty()) return {};
  std::ostringstream lines;
  for (const auto& [name, note] : bundle.notes) lines << printable(name) << ": " << printable(note) << '\n';
  for (const auto& [name, tensor] : bundle.tensors)
    lines << "  " << name << "  " << name_of(tensor.type) << " " << text_of(tensor.shape) << '\n';
  return lines.str();
}

}  // namespace kit

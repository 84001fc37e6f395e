// Names of outputs in other libraries, and the files that hold them.
#include "kit/check/foreign.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "kit/bundle/types.hpp"

namespace kit {

namespace {

constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"attention_out", "out"},
    {"attn_out", "out"},
    {"attn_output", "out"},
    {"output", "out"},
    {"o", "out"},
    {"max", "softmax_max"},
    {"sum", "softmax_sum"},
    {"softmax_lse", "lse"},
    {"logsumexp", "lse"},
    {"dq", "d_query"},
    {"dk", "d_key"},
    {"dv", "d_value"},
    {"dquery", "d_query"},
    {"dkey", "d_key"},
    {"dvalue", "d_value"},
    {"dq_rope", "d_query_rope"},
    {"dk_rope", "d_key_rope"},
    {"dpse", "d_pse"},
    {"dpse_shift", "d_pse"},
    {"dbias", "d_pse"},
    {"dsink", "d_sink"},
    {"dsinks", "d_sink"},
};

std::string known_in_words() {
  std::string text;
  for (const std::string& name : output_names()) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// What a bundle has beside its outputs.
bool is_passed_over(std::string_view name) {
  if (name.ends_with(".tolerance") || name.starts_with("probabilities.")) return true;
  if (name.starts_with("key.") || name.starts_with("value.")) return true;
  bool input = name == "d_out" || name == "block_table";
  AttentionCase none;
  visit_inputs(none, [&](const std::string& known, const auto&) { input = input || known == name; });
  return input;
}

std::string file_name(std::string_view path) {
  path.remove_prefix(path.find_last_of('/') + 1);
  return std::string(path);
}

std::string add(const std::string& output, Tensor tensor, const std::string& path, Results& results) {
  if (!results.emplace(output, std::move(tensor)).second) return path + ": " + output + " was given before";
  return {};
}

std::string read_container(const std::string& path, Bundle& bundle) {
  return path.ends_with(".npz") ? read_npz(path, bundle) : read_safetensors(path, bundle);
}

// The tensor that a container has for a name which the user told: the one so called, or its only one.
std::string add_named(const std::string& output, const std::string& path, Bundle& bundle, Results& results) {
  Tensor* chosen = nullptr;
  for (auto& [name, tensor] : bundle.tensors) {
    if (output_named(name) != output && bundle.tensors.size() != 1) continue;
    if (chosen != nullptr) return path + ": has two tensors that mean " + output;
    chosen = &tensor;
  }
  if (chosen == nullptr) return path + ": has no tensor called " + output;
  return add(output, std::move(*chosen), path, results);
}

std::string add_all(const std::string& path, Bundle& bundle, Results& results) {
  bool any = false;
  for (auto& [name, tensor] : bundle.tensors) {
    const std::string output = output_named(name);
    if (output.empty() && is_passed_over(name)) continue;
    if (output.empty()) return path + ": tensor " + in_quotes(name) + " is no output; known are " + known_in_words();
    if (std::string wrong = add(output, std::move(tensor), path, results); !wrong.empty()) return wrong;
    any = true;
  }
  return any ? "" : path + ": has no tensor that is an output; known are " + known_in_words();
}

std::string load_container(const std::string& output, const std::string& path, Results& results) {
  Bundle bundle;
  if (std::string wrong = read_container(path, bundle); !wrong.empty()) return wrong;
  return output.empty() ? add_all(path, bundle, results) : add_named(output, path, bundle, results);
}

std::string load_array(std::string output, const std::string& path, Results& results) {
  if (output.empty()) {
    const std::string name = file_name(path), stem = name.substr(0, name.size() - 4);
    output = output_named(stem);
    if (output.empty())
      return path + ": " + in_quotes(stem) + " is no output, say which with NAME=PATH; known are " + known_in_words();
  }
  Tensor tensor;
  if (std::string wrong = read_npy(path, tensor); !wrong.empty()) return wrong;
  return add(output, std::move(tensor), path, results);
}

std::string load(const std::string& file, Results& results) {
  const std::size_t equals = std::min(file.find('='), file.size());
  const bool named = equals < file.size() && file.find('/') > equals;
  const std::string name = named ? file.substr(0, equals) : "", path = named ? file.substr(equals + 1) : file;
  const std::string output = output_named(name);
  if (named && output.empty()) return in_quotes(name) + " is no output; known are " + known_in_words();
  if (path.ends_with(".npy")) return load_array(output, path, results);
  if (path.ends_with(".npz") || path.ends_with(".safetensors")) return load_container(output, path, results);
  return path + ": want a file that ends in .npy, .npz or .safetensors";
}

}  // namespace

std::vector<std::string> output_names() {
  std::vector<std::string> names;
  Answer none;
  visit_outputs(none, [&](const char* name, const Array&) { names.emplace_back(name); });
  return names;
}

std::string output_named(std::string_view name) {
  std::string lower(name);
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  for (const std::string& known : output_names())
    if (known == lower) return known;
  for (const auto& [alias, output] : kAliases)
    if (alias == lower) return std::string(output);
  return {};
}

std::string load_results(const std::vector<std::string>& files, Results& results) {
  for (const std::string& file : files)
    if (std::string wrong = load(file, results); !wrong.empty()) return wrong;
  return {};
}

}  // namespace kit

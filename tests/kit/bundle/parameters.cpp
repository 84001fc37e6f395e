// One list of all fields, which the writer, the reader and the search for unknown names walk along.
#include "kit/bundle/parameters.hpp"

#include <set>
#include <utility>

#include "kit/bundle/field_json.hpp"

namespace kit {

namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{1} << 24;

// visit(name, field), where "a.b" is member b of member a.
template <class AnyQuestion, class Visit>
void visit_parameters(AnyQuestion& question, const Visit& visit) {
  auto& spec = question.spec;
  visit("op", spec.op);
  visit("layout", spec.layout);
  visit("head_num", spec.head_num);
  visit("kv_head_num", spec.kv_head_num);
  visit("key_list", spec.key_list);
  visit("value_list", spec.value_list);
  visit("scale", spec.scale);
  visit("q_scale", spec.q_scale);
  visit("sparse_mode", spec.sparse_mode);
  visit("pre_tokens", spec.pre_tokens);
  visit("next_tokens", spec.next_tokens);
  visit("implied_mask", spec.implied_mask);
  visit("prefix", spec.prefix);
  visit("pse_type", spec.pse_type);
  visit("pse_form", spec.pse_form);
  visit("q_start_idx", spec.q_start_idx);
  visit("kv_start_idx", spec.kv_start_idx);
  visit("softcap", spec.softcap);
  visit("softcap_order", spec.softcap_order);
  visit("keep_prob", spec.keep_prob);
  visit("philox", spec.philox);
  visit("seed", spec.seed);
  visit("offset", spec.offset);
  visit("actual_seq_qlen", spec.actual_seq_qlen);
  visit("actual_seq_kvlen", spec.actual_seq_kvlen);
  visit("kv_padding_size", spec.kv_padding_size);
  visit("query_padding_size", spec.query_padding_size);
  visit("paging.block_size", spec.paging.block_size);
  visit("actual_shared_prefix_len", spec.actual_shared_prefix_len);
  visit("antiquant.mode", spec.antiquant.mode);
  visit("key_antiquant.mode", spec.key_antiquant.mode);
  visit("value_antiquant.mode", spec.value_antiquant.mode);
  visit("int8.key_block", spec.int8.key_block);
  visit("invalid_row", spec.invalid_row);
  visit("keep_probabilities", spec.keep_probabilities);
  visit("gradient", question.gradient);
  visit("types", question.types);
  visit("out_type", question.out_type);
  visit("rounds_p", question.rounds_p);
}

// "a.b" as "a" and "b"; a plain name has no group.
std::pair<std::string, std::string> split(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// Null if there is none.
const json* find(const json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}
const json* find_field(const json& all, const std::string& name) {
  const auto [group, member] = split(name);
  const json* object = group.empty() ? &all : find(all, group);
  return object == nullptr ? nullptr : find(*object, member);
}

std::string wrong(const std::string& name, const std::string& text) { return "parameters: " + name + ": " + text; }

std::string short_text(const json& value) {
  constexpr std::size_t most = 80;
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

struct Names {
  std::set<std::string> fields, groups;
};

const Names& known_names() {
  static const Names names = [] {
    Names all;
    const Question question;
    visit_parameters(question, [&](const std::string& name, const auto&) {
      all.fields.insert(name);
      all.groups.insert(split(name).first);
    });
    return all;
  }();
  return names;
}

// Every name in `all` is one of the fields or a group of them.
std::string find_unknown(const json& all) {
  const auto& [fields, groups] = known_names();
  for (const auto& [name, value] : all.items()) {
    const bool group = !name.empty() && groups.count(name) != 0;
    if (!group && (fields.count(name) == 0 || name.find('.') != std::string::npos))
      return wrong(in_quotes(name), "is no parameter");
    if (group && !value.is_object()) return wrong(name, "want an object, got " + short_text(value));
    if (!group) continue;
    for (const auto& member : value.items())
      if (fields.count(name + "." + member.key()) == 0)
        return wrong(in_quotes(name + "." + member.key()), "is no parameter");
  }
  return {};
}

// JSON without duplicate names, and no deeper than parameters are.
std::string parse_strictly(std::string_view text, json& value) {
  constexpr int deepest = 3;
  std::vector<std::set<std::string>> names(deepest + 1);
  if (text.size() > kMostBytes) return "parameters: more than " + std::to_string(kMostBytes) + " bytes";
  if (text.find('\0') != std::string_view::npos) return "parameters: a zero byte, which is no JSON";
  std::string error;
  const auto look = [&](int depth, json::parse_event_t event, json& parsed) {
    const bool opens = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth >= deepest) error = "parameters: nested too deeply";
    if (event == json::parse_event_t::object_start && depth < deepest)
      names[static_cast<std::size_t>(depth) + 1].clear();
    if (event == json::parse_event_t::key && depth <= deepest) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names[static_cast<std::size_t>(depth)].insert(name).second) error = wrong(in_quotes(name), "is there twice");
    }
    return error.empty();
  };
  value = json::parse(text.begin(), text.end(), look, false);
  if (!error.empty()) return error;
  return value.is_object() ? "" : "parameters: not a JSON object";
}

}  // namespace

std::string parameters_text(const Question& question) {
  json all = json::object();
  visit_parameters(question, [&](const std::string& name, const auto& value) {
    const auto [group, member] = split(name);
    (group.empty() ? all : all[group])[member] = field::to_json(value);
  });
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string parse_parameters(std::string_view text, Question& question) {
  question = {};
  json all;
  std::string error = parse_strictly(text, all);
  if (error.empty()) error = find_unknown(all);
  visit_parameters(question, [&](const std::string& name, auto& value) {
    const json* given = error.empty() ? find_field(all, name) : nullptr;
    if (given == nullptr || field::take(*given, value)) return;
    error = wrong(name, std::string("want ") + field::wanted(value) + ", got " + short_text(*given));
  });
  return error;
}

}  // namespace kit

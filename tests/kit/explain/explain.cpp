// The report, section by section.
#include "kit/explain/explain.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>

#include "kit/case/question_of.hpp"
#include "kit/explain/elsewhere.hpp"
#include "kit/explain/formula.hpp"
#include "kit/explain/legality.hpp"
#include "kit/explain/pictures.hpp"
#include "kit/explain/rules.hpp"
#include "support/inference_keys.hpp"
#include "support/score_keys.hpp"

namespace kit {

namespace about {

namespace {

constexpr std::size_t kMostParts = 6;  // the others are counted, not shown

std::string text(index_t value) { return std::to_string(value); }

const char* type_name(DType type) {
  switch (type) {
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::i8: return "i8";
    case DType::i4: return "i4";
    default: return "f32";
  }
}

std::string title(const Question& question, const char* name) {
  const AttentionCase& spec = question.spec;
  const auto query = glint::reference::query_extent(spec);
  const bool packed = glint::reference::is_packed(spec.layout);
  const index_t batch = packed ? static_cast<index_t>(spec.actual_seq_qlen.size()) : query.batch;
  const std::string one_group = text(glint::reference::kv_heads_of(spec));
  return std::string(name) + ": layout " + spec.layout + ", " + text(batch) +
         (packed       ? " sequence"
          : batch == 1 ? " batch entry"
                       : " batch entrie") +
         (batch == 1 ? ", " : "s, ") + text(query.heads) + " query and " + one_group + " key heads of " +
         text(query.width) + ", " + type_name(question.type_of("query")) + "\n";
}

// "0 to 2, 7", at most eight ranges.
std::string listed(const std::vector<Range>& ranges) {
  std::string line;
  for (std::size_t at = 0; at < ranges.size() && at < 8; ++at) {
    line += (at > 0 ? ", " : "") + text(ranges[at].first);
    if (ranges[at].size() > 1) line += " to " + text(ranges[at].last - 1);
  }
  return line.empty() ? "none" : line + (ranges.size() > 8 ? ", ..." : "");
}

std::string percent(index_t part, index_t whole) {
  if (whole == 0) return "";
  const double share = 100 * static_cast<double>(part) / static_cast<double>(whole);
  char digits[32];
  std::snprintf(digits, sizeof digits, " (%.1f %%)", share);
  return digits;
}

struct Sums {
  index_t pairs = 0, all = 0;
  bool blind = false;
};

// A mask tensor is counted score by score, so there is a limit to it.
bool countable(const Question& question, const Part& part) {
  constexpr index_t kMostScores = index_t{1} << 26;
  return !reads_contents(question, part.rule) || part.rule.rows <= kMostScores / std::max<index_t>(1, part.rule.keys);
}

// Inference: rows of a tensor behind the actual length are written too.
std::string rows_behind(const Question& question, const Part& part) {
  const AttentionCase& spec = question.spec;
  const index_t rows = glint::reference::query_extent(spec).rows;
  const bool lengths = spec.op != glint::reference::Operator::score && !glint::reference::is_packed(spec.layout);
  if (!lengths || part.entry.rows >= rows) return {};
  return "  rows " + text(part.entry.rows) + " to " + text(rows - 1) + " of the tensor lie behind the length: out 0\n";
}

std::string describe(const Question& question, const Part& part, const Totals& totals) {
  const SparseRule& rule = part.rule;
  std::string lines = name_of(question, part) + ": sq " + text(rule.rows) + ", skv " + text(rule.keys) + "\n  " +
                      formula_of(part) + "\n" + reason_of(question, part) + rows_behind(question, part);
  if (rule.rows > 0 && rule.keys > 0) lines += "\n" + text_picture(question, part) + "\n";
  if (!countable(question, part)) return lines + "  too large to count what the mask tensor leaves\n";
  lines += "  seen: " + text(totals.pairs) + " of " + text(rule.rows * rule.keys) + " pairs of a row and a key" +
           percent(totals.pairs, rule.rows * rule.keys) + "\n";
  lines += "  rows that see nothing: " + listed(totals.blind_rows) + "\n";
  if (!totals.blind_rows.empty()) lines += "  " + blind_row_values(question) + "\n";
  return lines + "  keys that no row sees: " + listed(totals.unseen_keys) + "\n";
}

// Where the run-time door ignores the mode for want of a mask, the typed functor does not (it implies the mask).
std::string typed_rule(const Question& question) {
  const AttentionCase& spec = question.spec;
  const bool acts = spec.op == glint::reference::Operator::score && spec.sparse_mode >= 2 && spec.sparse_mode != 5;
  if (!acts || spec.implied_mask || spec.attn_mask.present()) return {};
  const bool refused = spec.sparse_mode == 6 && spec.prefix.size() < glint::reference::entries_of(spec).size();
  if (refused) return {};
  Question typed = question;
  typed.spec.implied_mask = true;
  const std::vector<Part> parts = parts_of(typed);
  return parts.empty() ? "" : "The typed functor obeys the mode without a mask: " + formula_of(parts.front()) + "\n\n";
}

std::string cost(const Question& question, const Sums& sums) {
  const AttentionCase& spec = question.spec;
  const index_t heads = spec.head_num, width = glint::reference::query_extent(spec).width;
  const index_t value_width = glint::reference::detail::head_width(spec, glint::reference::value_sample(spec));
  const double forward =
      2.0 * static_cast<double>(sums.pairs) * static_cast<double>(heads) * static_cast<double>(width + value_width);
  const bool one_width = width == value_width;
  const std::string rule = one_width
                               ? "4 * " + text(sums.pairs) + " pairs * d=" + text(width)
                               : "2 * " + text(sums.pairs) + " pairs * (d + dv = " + text(width + value_width) + ")";
  std::string line = "Cost: " + rule + " * n=" + text(heads) + " = " + number(forward) + " FLOP forward";
  if (question.gradient) line += ", 2.5 times that backward: " + number(2.5 * forward);
  return line + "\n";
}

std::string masks(const Question& question, const std::vector<Part>& parts, Sums& sums) {
  std::string lines = "Mask: " + mode_name(question) + "\n";
  if (!parts.empty()) lines += tensor_words(question, parts.front());
  if (question.spec.sparse_mode < 0 || question.spec.sparse_mode > 9) return lines + "\n";
  for (std::size_t at = 0; at < parts.size(); ++at) {
    const Totals totals = countable(question, parts[at]) ? totals_of(question, parts[at]) : Totals{};
    sums.pairs += totals.pairs * parts[at].copies;
    sums.all += parts[at].rule.rows * parts[at].rule.keys * parts[at].copies;
    if (at < kMostParts) lines += describe(question, parts[at], totals) + "\n";
  }
  if (parts.size() > kMostParts)
    lines += "and " + text(static_cast<index_t>(parts.size() - kMostParts)) + " more kinds\n\n";
  return lines + typed_rule(question) + cost(question, sums) + "\n";
}

const char* operator_name(const Setting& s) {
  switch (s.op) {
    case Op::forward: return "flash_attention_score";
    case Op::backward: return "flash_attention_score_grad";
    case Op::prompt: return "prompt_flash_attention";
    default: return "incre_flash_attention";
  }
}

Explained report(const Question& question, const char* name, const std::string& legal) {
  const std::vector<Part> parts = parts_of(question);
  Sums sums;
  Explained explained;
  explained.text = title(question, name) + "\n" + masks(question, parts, sums) + "Formula, in this order:\n" +
                   formula_steps(question) + "\nLegality:\n" + legal + "\nElsewhere:\n" + elsewhere(question, parts);
  explained.svg = svg_picture(question, parts);
  return explained;
}

const char* operator_name(const glint_test::Case& c) {
  return c.gradient != 0 ? "flash_attention_score_grad" : "flash_attention_score";
}
const char* operator_name(const glint_test::InferenceCase& c) {
  return c.op == glint_test::kPrompt ? "prompt_flash_attention" : "incre_flash_attention";
}

double heads_of(const glint_test::Case& c) { return static_cast<double>(c.heads); }
double heads_of(const glint_test::InferenceCase& c) { return static_cast<double>(c.heads()); }

// Numbers of query, key and value.
template <class C>
double numbers_of(const C& c) {
  const double rows = static_cast<double>(c.q_len) * heads_of(c) * static_cast<double>(c.dim);
  const double keys = static_cast<double>(c.kv_len) * static_cast<double>(c.kv_heads);
  return static_cast<double>(c.batch) * (rows + keys * static_cast<double>(c.dim + c.value_dim));
}

// A case line has tensors with numbers, masks among them, so only a legal one of moderate size has a picture.
Explained report(const CaseLine& line) {
  constexpr double kMost = 0x1p26;
  if (std::visit([](const auto& c) { return numbers_of(c); }, line) > kMost)
    return {"", "", "the case has more than 2^26 numbers; words like sparse_mode=3 sq=100000 skv=100000 may be larger"};
  const char* const name = std::visit([](const auto& c) { return operator_name(c); }, line);
  if (const std::string rule = why_illegal(line); !rule.empty())
    return {std::string(name) + "\n\nLegality:\n  " + rule + "\n", "", ""};
  const Question question = kit::question_of(line);
  Explained explained = report(question, name, "  legal\n");
  explained.text.insert(0, "Case line: " + question.line + "\n");
  return explained;
}

template <class C>
bool has_key(std::string_view name) {
  const auto keys = glint_test::keys_of(C{});
  return std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
}

// Words that are a whole case line have its defaults, so that `make` and `explain` mean the same.
void take_defaults_of_a_line(std::string_view words, Setting& setting) {
  if (!parse_case(words).error.empty()) return;
  const std::string text = " " + std::string(words);
  if (text.find(" dtype=") == text.npos) setting.dtype = DType::f32;
  if (text.find(" scale") == text.npos) setting.scale = 1 / std::sqrt(static_cast<double>(setting.width));
}

// The words' own error, unless they have a key that only case lines have.
std::string error_of(const std::string& own, const std::string& line) {
  constexpr std::string_view kUnknown = "unknown key '";
  if (own.substr(0, kUnknown.size()) != kUnknown) return own;
  const std::string key = own.substr(kUnknown.size(), own.find('\'', kUnknown.size()) - kUnknown.size());
  return has_key<glint_test::Case>(key) || has_key<glint_test::InferenceCase>(key) ? line : own;
}

}  // namespace

}  // namespace about

namespace {

Explained explained(std::string_view words) {
  about::Setting setting;
  std::string error = about::parse(words, setting);
  if (error.empty()) about::take_defaults_of_a_line(words, setting);
  if (error.empty()) error = about::complete(setting);
  if (error.empty())
    return about::report(about::question_of(setting), about::operator_name(setting), about::legality(setting));
  const ParsedLine line = parse_case(words);
  if (line.error.empty()) return about::report(line.value);
  return {"", "", about::error_of(error, line.error)};
}

}  // namespace

Explained explain(std::string_view words) {
  try {
    return explained(words);
  } catch (const std::bad_alloc&) {  // a case line may ask for tensors of gigabytes
    return {"", "", "the case is too large for this machine's memory"};
  }
}

}  // namespace kit

// Rules as sentences.  Every number is one of the case: lengths, tokens, the shift between the corners.
#include "kit/explain/rules.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace kit::about {

namespace {

constexpr index_t kFar = index_t{1} << 40;  // tokens beyond it are all alike

constexpr const char* kModeNames[] = {"default: attn_mask and a band from the left-up corner",
                                      "all mask: attn_mask alone",
                                      "left-up causal",
                                      "right-down causal",
                                      "band",
                                      "prefix, with attn_mask",
                                      "prefix, compressed",
                                      "ragged: right-down causal, the last sequence a band",
                                      "ragged: left-up causal, the first sequence a band",
                                      "tree of drafts"};

std::string text(index_t value) { return std::to_string(value); }

// "i", "i+4", "i-3".
std::string beside_row(index_t shift) { return shift == 0 ? "i" : (shift > 0 ? "i+" : "i") + text(shift); }

// The rule that a part of modes 7 and 8 follows: 4, 3 or 2.
int plain_mode(const SparseRule& rule) {
  if (rule.mode != 7 && rule.mode != 8) return rule.mode;
  return rule.band_entry ? 4 : rule.mode == 7 ? 3 : 2;
}

// Row i sees keys i+from to i+to, or those below `prefix`.
struct Stairs {
  std::optional<index_t> from, to;
  index_t prefix = 0;
};

Stairs stairs_of(const SparseRule& rule) {
  const index_t delta = rule.keys - rule.rows;
  const index_t pre = std::clamp(rule.pre, -kFar, kFar), next = std::clamp(rule.next, -kFar, kFar);
  switch (plain_mode(rule)) {
    case 0: return {-pre, next, 0};
    case 2: return {{}, 0, 0};
    case 3: return {{}, delta, 0};
    case 4: return {delta - pre, delta + next, 0};
    case 5:
    case 6: return {{}, delta, rule.prefix};
    default: return {};
  }
}

std::string first_key(const Stairs& stairs, index_t rows) {
  if (!stairs.from || rows - 1 + *stairs.from <= 0) return "0";
  return *stairs.from >= 0 ? beside_row(*stairs.from) : "max(0, " + beside_row(*stairs.from) + ")";
}

std::string last_key(const Stairs& stairs, index_t rows, index_t keys) {
  const index_t last = keys - 1;
  if (!stairs.to || *stairs.to >= last) return text(last);
  const std::string step = beside_row(*stairs.to);
  const index_t highest = rows - 1 + *stairs.to;
  std::string end = highest <= last ? step : "min(" + text(last) + ", " + step + ")";
  if (stairs.prefix <= 0 || stairs.prefix - 1 <= *stairs.to) return end;
  if (stairs.prefix - 1 >= std::min(highest, last)) return text(stairs.prefix - 1);
  return "max(" + text(stairs.prefix - 1) + ", " + end + ")";
}

std::string difference(const SparseRule& rule) {
  const index_t delta = rule.keys - rule.rows;
  return "skv-sq = " + text(rule.keys) + "-" + text(rule.rows) + " = " + text(delta);
}

std::string right_down(const SparseRule& rule) {
  const index_t delta = rule.keys - rule.rows;
  if (delta == 0) return "right-down anchor: row i stands at key i, as sq = skv";
  return "right-down anchor: row i stands at key " + beside_row(delta) + ", as " + difference(rule) + " is added";
}

// "3 keys before", "1 key after", "that key itself".
std::string steps(index_t tokens, const char* forth, const char* back) {
  if (tokens == 0) return "that key itself";
  const index_t count = tokens < 0 ? -std::max(tokens, -kFar) : tokens;
  return text(count) + (count == 1 ? " key " : " keys ") + (tokens < 0 ? back : forth);
}

std::string band(const SparseRule& rule) {
  const index_t longest = std::max(rule.rows, rule.keys);
  const std::string from = rule.pre >= longest ? "key 0" : steps(rule.pre, "before", "after");
  const std::string to = rule.next >= longest ? "the last key" : steps(rule.next, "after", "before");
  const char* const that = rule.next >= longest || rule.next == 0 ? "" : " that key";
  return "it sees from " + from + " to " + to + that + " (pre_tokens=" + text(rule.pre) +
         ", next_tokens=" + text(rule.next) + ", both inclusive)";
}

std::string prefixed(const SparseRule& rule) {
  if (rule.prefix <= 0) return "prefix 0: nothing is added to the triangle";
  return "and every row sees the " + text(rule.prefix) + " keys of the prefix, 0 to " + text(rule.prefix - 1);
}

std::string ragged_role(const SparseRule& rule) {
  if (rule.mode == 7)
    return rule.band_entry ? "the last sequence that has queries is the band (mode 4)"
                           : "not the last sequence that has queries: right-down causal (mode 3)";
  return rule.band_entry ? "the first sequence that has queries is the band (mode 4)"
                         : "not the first sequence that has queries: left-up causal (mode 2)";
}

// What the tensor has to say.
std::string tensor_sentence(const Question& question, const SparseRule& rule) {
  if (question.spec.attn_mask.present()) {
    if (rule.mode == 9) return "attn_mask is the tree: 1 in row i, column j drops key skv-sq+j for row i";
    return reads_contents(question, rule) ? "attn_mask is read: 1 drops a score; the picture is head 0's" : "";
  }
  if (!question.spec.implied_mask) return "";
  switch (rule.mode) {
    case 0:
    case 1: return "attn_mask decides: of these keys, those where it is 1 are dropped (1 = drop, 0 = keep)";
    case 5: return "attn_mask is read besides and must say the same: of these keys, those where it is 1 are dropped";
    case 9:
      return "of the last sq keys, attn_mask drops those where the tree is 1 (B|1, S1, S1); the others are all seen";
    case 6: return "attn_mask is 3072 x 2048 or the tag attn_mask_compressed; its contents are implied, never read";
    default: return "attn_mask is 2048 x 2048 or the tag attn_mask_compressed; its contents are implied, never read";
  }
}

bool mask_acts(const AttentionCase& spec) { return spec.attn_mask.present() || spec.implied_mask; }

std::string ignored(const Question& question, const SparseRule& rule) {
  const AttentionCase& spec = question.spec;
  using glint::reference::Operator;
  if (rule.mode == spec.sparse_mode || rule.mode != 1) return {};
  if (spec.op == Operator::incre) return "one query row for each entry: incre knows attn_mask only, no mode or tokens";
  if (!mask_acts(spec))
    return spec.sparse_mode == 0 ? "no attn_mask: every row sees every key, and tokens are ignored"
                                 : "no attn_mask: at the run-time door sparse_mode, tokens and prefix are ignored";
  if (spec.sparse_mode == 5)
    return "the prefix list is missing or not in [max(0, skv-sq), skv] as a whole: mode 5 then counts as mode 1";
  return "left padding switches the tokens of mode 0 off";
}

}  // namespace

std::string number(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

std::string mode_name(const Question& question) {
  const AttentionCase& spec = question.spec;
  std::string name = "sparse_mode " + std::to_string(spec.sparse_mode);
  if (spec.sparse_mode < 0 || spec.sparse_mode > 9) return name + " (no such mode)";
  name += std::string(" (") + kModeNames[spec.sparse_mode] + ")";
  if (spec.sparse_mode == 5 || spec.sparse_mode == 6) {
    name += ", prefix=";
    for (std::size_t b = 0; b < std::min<std::size_t>(spec.prefix.size(), 8); ++b)
      name += (b > 0 ? "," : "") + text(spec.prefix[b]);
    if (spec.prefix.size() > 8) name += ",...";
  }
  if (spec.sparse_mode == 0 && (spec.op == glint::reference::Operator::incre || !mask_acts(spec)))
    return spec.attn_mask.present() ? "sparse_mode 0, attn_mask" : "sparse_mode 0, no attn_mask";
  const bool tokens = spec.sparse_mode == 0 || spec.sparse_mode == 4 || spec.sparse_mode >= 7;
  if (!tokens || spec.sparse_mode == 9) return name;
  return name + ", pre_tokens=" + text(spec.pre_tokens) + ", next_tokens=" + text(spec.next_tokens);
}

std::string tensor_words(const Question& question, const Part& part) {
  const std::string words = tensor_sentence(question, part.rule);
  return words.empty() ? words : "  " + words + "\n";
}

std::string formula_of(const Part& part) {
  const SparseRule& rule = part.rule;
  if (rule.rows == 0) return "there are no query rows";
  if (rule.keys == 0) return "there are no keys: no row sees anything";
  const Stairs stairs = stairs_of(rule);
  const std::string first = first_key(stairs, rule.rows), last = last_key(stairs, rule.rows, rule.keys);
  if (first == "0" && last == text(rule.keys - 1)) return "every row sees every key, 0 to " + last;
  const bool moves = first.find('i') != std::string::npos || last.find('i') != std::string::npos;
  const std::string rows = moves ? "row i sees keys " : "every row sees keys ";
  const bool some_blind = seen_range(rule, 0).empty() || seen_range(rule, rule.rows - 1).empty();
  return rows + first + " to " + last + (moves && some_blind ? ", none where that is empty" : "");
}

std::string reason_of(const Question& question, const Part& part) {
  const SparseRule& rule = part.rule;
  std::string lines;
  const auto add = [&](const std::string& line) {
    if (!line.empty()) lines += "  " + line + "\n";
  };
  if (rule.rows == 0 || rule.keys == 0) return lines;
  add(ignored(question, rule));
  if (rule.mode == 7 || rule.mode == 8) add(ragged_role(rule));
  switch (plain_mode(rule)) {
    case 0:
      add("left-up anchor: row i stands at key i, whatever sq and skv are");
      add(band(rule));
      break;
    case 2: add("left-up corner: row 0 sees key 0 alone, whatever sq and skv are (causal, top-left)"); break;
    case 3:
    case 5:
    case 6: add(right_down(rule) + " (causal, bottom-right)"); break;
    case 4:
      add(right_down(rule));
      add(band(rule));
      break;
    default: break;
  }
  if (rule.mode == 5 || rule.mode == 6) add(prefixed(rule));
  return lines;
}

}  // namespace kit::about

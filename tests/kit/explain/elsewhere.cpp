// Conventions differ in the corner of a causal mask, in what a window counts, in polarity, base and default scale.
#include "kit/explain/elsewhere.hpp"

#include <algorithm>

namespace kit::about {

namespace {

std::string text(index_t value) { return std::to_string(value); }

// What one part's mask is called elsewhere, once ragged modes are resolved.
enum class Kind { full, top_left, bottom_right, band_left_up, band_right_down, other };

Kind kind_of(const SparseRule& rule) {
  const bool square = rule.rows == rule.keys;
  const index_t longest = std::max(rule.rows, rule.keys);
  const bool left = rule.pre < longest, right = rule.next < longest;  // does this side cut anything?
  switch (rule.mode == 7 ? (rule.band_entry ? 4 : 3) : rule.mode == 8 ? (rule.band_entry ? 4 : 2) : rule.mode) {
    case 0:
      if (!left && !right) return Kind::full;
      return !left && rule.next == 0 ? Kind::top_left : Kind::band_left_up;
    case 1: return Kind::full;
    case 2: return Kind::top_left;
    case 3: return square ? Kind::top_left : Kind::bottom_right;
    case 4:
      if (!left && !right) return Kind::full;
      if (!left && rule.next == 0) return square ? Kind::top_left : Kind::bottom_right;
      return square ? Kind::band_left_up : Kind::band_right_down;
    default: return Kind::other;
  }
}

struct Lines {
  std::string all;
  void add(const std::string& library, const std::string& words) {
    all += "  " + library + std::string(library.size() < 16 ? 16 - library.size() : 1, ' ') + words + "\n";
  }
};

void causal(const SparseRule& rule, bool top_left, Lines& lines) {
  const bool square = rule.rows == rule.keys;
  if (square) {
    lines.add("all libraries", "causal: with sq = skv top-left and bottom-right are the same");
    return;
  }
  if (top_left) {
    lines.add("torch", "is_causal=True (top-left)");
    lines.add("FlashAttention",
              "causal=True is bottom-right from 2.1 on, and other than this: there is no word for top-left");
    lines.add("cuDNN", "diagonal alignment TOP_LEFT, right bound 0");
    lines.add("ONNX", "is_causal=1 without past_key (upper left)");
    lines.add("FlashInfer", "causal=True is bottom-right, and other than this");
    return;
  }
  lines.add("FlashAttention", "causal=True (bottom-right from version 2.1 on)");
  lines.add("torch", "attn_bias=causal_lower_right(" + text(rule.rows) + ", " + text(rule.keys) +
                         "); is_causal=True is top-left, and other than this");
  lines.add("cuDNN", "diagonal alignment BOTTOM_RIGHT, right bound 0");
  lines.add("ONNX", "is_causal=1 beside a past_key of skv-sq = " + text(rule.keys - rule.rows) + " keys" +
                        (rule.keys < rule.rows ? ": not possible" : ""));
  lines.add("FlashInfer", "causal=True");
}

// Offsets of FlashAttention: -1 is no limit.
std::string offset(index_t tokens, const SparseRule& rule) {
  return tokens >= std::max(rule.rows, rule.keys) ? "-1" : text(tokens);
}

void band(const SparseRule& rule, bool right_down, Lines& lines) {
  if (rule.pre < 0 || rule.next < 0) {
    lines.add("others", "no window of theirs has a negative side: say it with a mask tensor");
    return;
  }
  const bool same_corner = right_down || rule.rows == rule.keys;
  const index_t longest = std::max(rule.rows, rule.keys);
  const std::string window = "(" + offset(rule.pre, rule) + ", " + offset(rule.next, rule) + ")";
  lines.add("FlashAttention", same_corner ? "window_size=" + window + ", both inclusive, from the bottom-right corner"
                                          : "window_size counts from the bottom-right corner: no word for this");
  const std::string left =
      rule.pre < longest ? "left bound " + text(rule.pre + 1) + " (a length: pre_tokens + 1)" : "no left bound";
  const std::string right = rule.next < longest ? "right bound " + text(rule.next) : "no right bound";
  lines.add("cuDNN", std::string("diagonal alignment ") + (right_down ? "BOTTOM_RIGHT" : "TOP_LEFT") + ", " + left +
                         ", " + right);
  if (same_corner && rule.next == 0) lines.add("FlashInfer", "causal=True, window_left=" + offset(rule.pre, rule));
  lines.add("torch, ONNX", "a mask tensor");
}

void describe(const Part& part, bool tensor, Lines& lines) {
  const SparseRule& rule = part.rule;
  switch (kind_of(rule)) {
    case Kind::full: lines.add("all libraries", tensor ? "no mask besides attn_mask" : "no mask"); break;
    case Kind::top_left: causal(rule, true, lines); break;
    case Kind::bottom_right: causal(rule, false, lines); break;
    case Kind::band_left_up: band(rule, false, lines); break;
    case Kind::band_right_down: band(rule, true, lines); break;
    case Kind::other: lines.add("others", "no word for it: say it with a mask tensor"); break;
  }
}

std::string cumulative(const std::vector<index_t>& ends) {
  std::string list = "[0";
  for (std::size_t b = 0; b < std::min<std::size_t>(ends.size(), 8); ++b) list += ", " + text(ends[b]);
  return list + (ends.size() > 8 ? ", ...]" : "]");
}

void conventions(const Question& question, Lines& lines) {
  const AttentionCase& spec = question.spec;
  if (spec.attn_mask.present() || (spec.implied_mask && (spec.sparse_mode <= 1 || spec.sparse_mode == 5)))
    lines.add("torch, ONNX", "bool masks are the other way round: True keeps, while 1 in attn_mask drops");
  if (glint::reference::is_packed(spec.layout))
    lines.add("FlashAttention", "cu_seqlens_q=" + cumulative(spec.actual_seq_qlen) +
                                    ", cu_seqlens_k=" + cumulative(spec.actual_seq_kvlen) + ": with a leading 0");
  if (spec.scale == 1) lines.add("torch, others", "scale defaults to 1/sqrt(d); scale_value defaults to 1");
  lines.add("FlashInfer", "lse has base 2: lse / ln 2; FlashAttention, torch and glint: natural");
}

}  // namespace

std::string elsewhere(const Question& question, const std::vector<Part>& parts) {
  Lines lines;
  const bool drawn = question.spec.sparse_mode >= 0 && question.spec.sparse_mode <= 9;
  for (std::size_t at = 0; drawn && at < parts.size(); ++at) {
    if (parts[at].rule.rows == 0 || parts[at].rule.keys == 0) continue;
    describe(parts[at], question.spec.attn_mask.present() || question.spec.implied_mask, lines);
    if (parts.size() > 1) lines.add("other entries", "each by its own lengths and role, as above");
    break;
  }
  conventions(question, lines);
  return lines.all;
}

}  // namespace kit::about

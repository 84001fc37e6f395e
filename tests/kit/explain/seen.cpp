// Ranges of keys instead of matrices; the mask tensor, where there is one, is asked element by element.
#include "kit/explain/seen.hpp"

#include <algorithm>

namespace kit::about {

namespace {

constexpr index_t kFar = index_t{1} << 40;  // beyond every row: sums with it cannot overflow

index_t clamped(index_t tokens) { return std::clamp(tokens, -kFar, kFar); }

// Adds [first, last) behind what is there.
void append(std::vector<Range>& ranges, Range next) {
  if (next.empty()) return;
  if (!ranges.empty() && ranges.back().last >= next.first)
    ranges.back().last = std::max(ranges.back().last, next.last);
  else
    ranges.push_back(next);
}

std::vector<Range> gaps(const std::vector<Range>& ranges, index_t count) {
  std::vector<Range> between;
  index_t at = 0;
  for (const Range& range : ranges) {
    append(between, {at, range.first});
    at = range.last;
  }
  append(between, {at, count});
  return between;
}

// Both ends of a range grow with the row, so what all rows see is a sweep.
Totals swept(const Part& part) {
  Totals totals;
  std::vector<Range> seen;
  for (index_t i = 0; i < part.rule.rows; ++i) {
    const Range keys = seen_range(part.rule, i);
    if (keys.empty()) append(totals.blind_rows, {i, i + 1});
    append(seen, keys);
    totals.pairs += std::max<index_t>(0, keys.size());
  }
  totals.unseen_keys = gaps(seen, part.rule.keys);
  return totals;
}

Totals counted(const Question& question, const Part& part) {
  Totals totals;
  std::vector<bool> seen(static_cast<std::size_t>(part.rule.keys), false);
  for (index_t i = 0; i < part.rule.rows; ++i) {
    const index_t before = totals.pairs;
    for (index_t j = 0; j < part.rule.keys; ++j) {
      if (!sees(question, part, i, j)) continue;
      seen[static_cast<std::size_t>(j)] = true;
      ++totals.pairs;
    }
    if (totals.pairs == before) append(totals.blind_rows, {i, i + 1});
  }
  for (index_t j = 0; j < part.rule.keys; ++j)
    if (!seen[static_cast<std::size_t>(j)]) append(totals.unseen_keys, {j, j + 1});
  return totals;
}

bool alike(const SparseRule& a, const SparseRule& b) {
  return a.mode == b.mode && a.rows == b.rows && a.keys == b.keys && a.pre == b.pre && a.next == b.next &&
         a.prefix == b.prefix && a.band_entry == b.band_entry;
}

}  // namespace

Range seen_range(const SparseRule& rule, index_t row) {
  const index_t delta = rule.keys - rule.rows;
  const index_t pre = clamped(rule.pre), next = clamped(rule.next);
  const auto cut = [&](index_t first, index_t last) {
    return Range{std::clamp<index_t>(first, 0, rule.keys), std::clamp<index_t>(last, 0, rule.keys)};
  };
  const Range left_up = cut(0, row + 1), right_down = cut(0, row + delta + 1);
  const Range band = cut(row + delta - pre, row + delta + next + 1);
  switch (rule.mode) {
    case 0: return cut(row - pre, row + next + 1);
    case 1:
    case 9: return cut(0, rule.keys);
    case 2: return left_up;
    case 3: return right_down;
    case 4: return band;
    case 5:
    case 6: return cut(0, std::max(row + delta + 1, rule.prefix));
    case 7: return rule.band_entry ? band : right_down;
    case 8: return rule.band_entry ? band : left_up;
    default: return {};
  }
}

bool reads_contents(const Question& question, const SparseRule& rule) {
  const bool dense = rule.mode == 0 || rule.mode == 1 || rule.mode == 5 || rule.mode == 9;
  return dense && question.spec.attn_mask.present();
}

std::vector<Part> parts_of(const Question& question) {
  const std::vector<Entry> entries = glint::reference::entries_of(question.spec);
  std::vector<Part> parts;
  for (const Entry& entry : entries) {
    const SparseRule rule = glint::reference::rule_of(question.spec, entries, entry);
    const bool same = !parts.empty() && alike(parts.back().rule, rule) && !reads_contents(question, rule);
    if (same)
      ++parts.back().copies;
    else
      parts.push_back({entry, rule, 1});
  }
  return parts;
}

bool sees(const Question& question, const Part& part, index_t row, index_t key) {
  return glint::reference::detail::sees(question.spec, part.entry, part.rule, 0, row, key);
}

Totals totals_of(const Question& question, const Part& part) {
  return reads_contents(question, part.rule) ? counted(question, part) : swept(part);
}

}  // namespace kit::about

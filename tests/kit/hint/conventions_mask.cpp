// Which keys a row sees: corners, windows, polarity, and masks that are not applied or applied to others.
#include <algorithm>
#include <utility>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"
#include "kit/hint/planes.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

// Tokens may be as large as an integer gets; beyond every tensor they are as good as this, and can be moved.
index_t moved(index_t tokens, index_t by) {
  constexpr index_t kFar = index_t{1} << 40;
  return std::clamp(tokens, -kFar, kFar) + by;
}

constexpr const char* kTriangles = "mode 2 aligns at the top left, mode 3 at the bottom right";

bool mode_acts(const AttentionCase& spec) {
  if (spec.op == reference::Operator::incre && spec.sparse_mode != 9) return false;
  return spec.attn_mask.present() || spec.implied_mask;
}

// Does the mode look at the contents of the tensor?
bool reads_mask(const AttentionCase& spec) {
  if (!spec.attn_mask.present()) return false;
  const int mode = mode_acts(spec) ? spec.sparse_mode : 1;
  return mode == 0 || mode == 1 || mode == 5 || mode == 9;
}

bool has_band(const AttentionCase& spec) {
  const int mode = spec.sparse_mode;
  if (!mode_acts(spec)) return false;
  const bool limited = spec.pre_tokens < reference::all_tokens || spec.next_tokens < reference::all_tokens;
  return mode == 4 || mode == 7 || mode == 8 || (mode == 0 && limited);
}

bool has_triangle(const AttentionCase& spec) {
  const int mode = spec.sparse_mode;
  return mode_acts(spec) && mode != 0 && mode != 1 && mode != 4 && mode != 9;
}

std::string mode_name(const AttentionCase& spec) {
  const std::string mode = "sparse_mode " + std::to_string(spec.sparse_mode);
  if (!has_band(spec)) return mode;
  return mode + " with pre_tokens " + std::to_string(spec.pre_tokens) + " and next_tokens " +
         std::to_string(spec.next_tokens);
}

// As the oracle sees it, with another rule for the triangle or band and the same mask tensor.
template <class Change>
auto with_rule(const Change& change) {
  return [change](const ScoreAt& at) {
    SparseRule rule = at.rule;
    index_t row = at.i;
    change(rule, row);
    const bool dense = reads_mask(at.spec) && at.rule.mode != 9;
    const bool masked = dense && parts::masked(at.spec, at.entry, at.head, at.i, at.j);
    return !masked && reference::visible(rule, row, at.j, false);
  };
}

template <class Change>
std::function<void(Kernel&)> rule_edit(const Change& change) {
  return [change](Kernel& kernel) { kernel.sees = with_rule(change); };
}

int other_corner(int mode) {
  switch (mode) {
    case 0: return 4;
    case 2: return 3;
    case 3: return 2;
    case 4: return 0;
    default: return mode;
  }
}

void add_corner(const AttentionCase& spec, Hypotheses& table) {
  const int mode = spec.sparse_mode;
  if (!mode_acts(spec) || (!has_triangle(spec) && !has_band(spec))) return;
  const bool top_left = mode == 0 || mode == 2;
  const std::string sentence = std::string("The kernel aligns its triangle or band at the ") +
                               (top_left ? "bottom right" : "top left") + "; " + mode_name(spec) +
                               " aligns it at the " + (top_left ? "top left" : "bottom right") +
                               ". These differ by S2 - S1 keys (" + kTriangles + ").";
  if (mode == 0 || mode == 2 || mode == 3 || mode == 4) {
    table.push_back({"mask.corner", sentence, rule_edit([mode](SparseRule& rule, index_t&) {
                       if (rule.mode == mode) rule.mode = other_corner(mode);
                     })});
    return;
  }
  // Modes 5 to 8: the same rule as if there were as many keys as rows, or with the triangle at its other corner.
  table.push_back({"mask.corner", sentence, [](Kernel& kernel) {
                     kernel.sees = [](const ScoreAt& at) {
                       SparseRule rule = at.rule;
                       const bool prefixed = rule.mode == 5 || rule.mode == 6;
                       if (prefixed && at.j < rule.prefix)
                         return parts::sees(at.spec, at.entry, at.rule, at.head, at.i, at.j);
                       const int left = rule.band_entry ? 0 : 2, right = rule.band_entry ? 4 : 3;
                       const bool was_left = rule.mode == 8 && !rule.band_entry;
                       const bool masked = rule.mode == 5 && reads_mask(at.spec) &&
                                           parts::masked(at.spec, at.entry, at.head, at.i, at.j);
                       if (rule.mode >= 5 && rule.mode <= 8) rule.mode = was_left ? right : left;
                       return !masked && reference::visible(rule, at.i, at.j, false);
                     };
                   }});
}

// An edge of the window, one key further out or in.
void add_edge(const AttentionCase& spec, const std::string& what,
              const std::function<void(SparseRule&, index_t&)>& move, Hypotheses& table) {
  table.push_back({"mask.window_off_by_one",
                   "The kernel's window is off by one: " + what + ". " + mode_name(spec) +
                       " counts tokens as offsets, both ends included; compare < with <= at that edge.",
                   rule_edit(move)});
}

// An edge of the band or of the triangle: modes 7 and 8 have both.
void add_edges(const AttentionCase& spec, Hypotheses& table) {
  const auto banded = [](const SparseRule& rule) { return rule.mode == 0 || rule.mode == 4 || rule.band_entry; };
  const auto edge = [&](index_t left, index_t right, const std::string& what) {
    add_edge(
        spec, what,
        [=](SparseRule& rule, index_t& row) {
          if (rule.mode == 1 || rule.mode == 9) return;
          if (banded(rule)) {
            rule.pre = moved(rule.pre, left), rule.next = moved(rule.next, right);
          } else {
            row += right;
          }
        },
        table);
  };
  const bool band = has_band(spec);
  if (has_triangle(spec)) {
    edge(0, -1, "a row does not see the key on the diagonal (j < i instead of j <= i)");
    edge(0, 1, "a row sees one key beyond the diagonal (j <= i + 1)");
  } else {
    edge(0, -1, "it sees one key too few to the right");
    edge(0, 1, "it sees one key too many to the right");
  }
  if (!band) return;
  edge(-1, 0, "it sees one key too few to the left, as if pre_tokens were a length");
  edge(1, 0, "it sees one key too many to the left");
  edge(-1, -1, "it sees one key too few on both sides");
  edge(1, 1, "it sees one key too many on both sides");
  if (spec.pre_tokens == spec.next_tokens) return;
  table.push_back({"mask.tokens_swapped",
                   "The kernel takes pre_tokens for next_tokens and the other way round; " + mode_name(spec) +
                       " sees pre_tokens keys before the diagonal and next_tokens after it.",
                   rule_edit([banded](SparseRule& rule, index_t&) {
                     if (banded(rule)) std::swap(rule.pre, rule.next);
                   })});
}

// The corner of the tensors rather than that of each entry's own rows and keys.
void add_padded_corner(const AttentionCase& spec, Hypotheses& table) {
  const bool lists = !spec.actual_seq_qlen.empty() || !spec.actual_seq_kvlen.empty();
  const bool right_down = mode_acts(spec) && (spec.sparse_mode == 3 || spec.sparse_mode == 4);
  if (spec.op != reference::Operator::prompt || !lists || !right_down) return;
  if (reference::is_packed(reference::input_layout(spec.layout)) || spec.paging.block_table.present()) return;
  if (!spec.key.present() || spec.key_shared_prefix.present()) return;
  const index_t rows = reference::query_extent(spec).rows;
  const index_t keys =
      reference::extent_of(spec.key, reference::input_layout(spec.layout), reference::kv_heads_of(spec)).rows;
  table.push_back({"mask.corner",
                   "The kernel aligns its triangle or band by the padded lengths, S2 - S1 = " +
                       std::to_string(keys - rows) + "; each entry has its own, of the lists of lengths.",
                   rule_edit([rows, keys](SparseRule& rule, index_t&) { rule.rows = rows, rule.keys = keys; })});
}

void add_prefix_edges(const AttentionCase& spec, Hypotheses& table) {
  if (!mode_acts(spec) || (spec.sparse_mode != 5 && spec.sparse_mode != 6)) return;
  for (const index_t by : {index_t{-1}, index_t{1}})
    add_edge(
        spec, std::string("the prefix is one key too ") + (by < 0 ? "short" : "long"),
        [by](SparseRule& rule, index_t&) { rule.prefix = moved(rule.prefix, by); }, table);
}

void add_ignored(const AttentionCase& spec, Hypotheses& table) {
  if (reads_mask(spec)) {
    table.push_back(
        {"mask.ignored",
         "The kernel does not apply attn_mask: its rows see keys that the tensor drops (1 = drop). Apply it "
         "before the softmax.",
         [](Kernel& kernel) {
           kernel.sees = [](const ScoreAt& at) { return reference::visible(at.rule, at.i, at.j, false); };
         }});
  }
  if (has_band(spec) || has_triangle(spec)) {
    table.push_back({"mask.mode_ignored",
                     "The kernel does not apply " + mode_name(spec) + ": its rows see all keys" +
                         (reads_mask(spec) ? " that attn_mask leaves" : "") + ". Apply the mode's triangle or band.",
                     rule_edit([](SparseRule& rule, index_t&) { rule.mode = 1; })});
    if (reads_mask(spec))
      table.push_back({"mask.ignored", "The kernel applies neither attn_mask nor " + mode_name(spec) + ".",
                       [](Kernel& kernel) { kernel.sees = [](const ScoreAt&) { return true; }; }});
  }
  if (has_triangle(spec) && (spec.sparse_mode == 5 || spec.sparse_mode == 6))
    table.push_back({"prefix.ignored",
                     "The kernel ignores the prefix: rows should also see the first prefix[b] keys of their sequence, "
                     "beyond the triangle.",
                     rule_edit([](SparseRule& rule, index_t&) { rule.prefix = 0; })});
}

void add_polarity(const AttentionCase& spec, Hypotheses& table) {
  if (!reads_mask(spec)) return;
  table.push_back({"mask.polarity",
                   "The kernel reads attn_mask with 1 = keep; here 1 (any non-zero) drops the score and 0 keeps it. "
                   "Invert the mask.",
                   [](Kernel& kernel) {
                     for (std::uint8_t& drop : kernel.spec.attn_mask.data) drop = drop == 0 ? 1 : 0;
                   }});
}

void add_broadcast(const AttentionCase& spec, Hypotheses& table) {
  if (!reads_mask(spec)) return;
  const ByteArray& mask = spec.attn_mask;
  const auto add = [&](bool entry, bool head) {
    const std::string whose = entry && head ? "entry 0 and head 0" : entry ? "batch entry 0" : "head 0";
    table.push_back({"mask.broadcast",
                     "The kernel uses the mask of " + whose + " for all; attn_mask has one for each. Check the " +
                         "strides of its batch and head axes.",
                     [=](Kernel& kernel) { keep_first(kernel.spec.attn_mask, entry, head); }});
  };
  if (mask.rank() == 4) {
    const bool batches = mask.shape[0] > 1, heads = mask.shape[1] > 1;
    if (batches) add(true, false);
    if (heads) add(false, true);
    if (batches && heads) add(true, true);
  }
  if (mask.rank() != 3 || mask.shape[0] == 1) return;
  table.push_back({"mask.broadcast", "The kernel uses the mask of batch entry 0 for all; attn_mask has one for each.",
                   [](Kernel& kernel) { kernel.spec.attn_mask.shape[0] = 1; }});
}

}  // namespace

void add_mask_conventions(const Question& question, Hypotheses& table) {
  const AttentionCase& spec = question.spec;
  add_corner(spec, table);
  add_padded_corner(spec, table);
  add_ignored(spec, table);
  add_polarity(spec, table);
  add_broadcast(spec, table);
  if (has_triangle(spec) || has_band(spec)) add_edges(spec, table);
  add_prefix_edges(spec, table);
}

}  // namespace kit::hinting

// Lists of lengths: what they count, where they begin, and whether they are read at all.
#include <algorithm>

#include "glint/reference/attention.hpp"
#include "kit/hint/kernel.hpp"

namespace kit::hinting {

namespace reference = glint::reference;
namespace parts = glint::reference::detail;

namespace {

using Entries = std::vector<Entry>;

void add_entries(const char* id, const std::string& sentence, const std::function<void(Entries&)>& change,
                 Hypotheses& table) {
  table.push_back({id, sentence, [change](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.entries = change;
                     kernel.outside = RowState::unwritten;
                   }});
}

// Entry b has the rows of entry b + 1, the last one none.
void shift(Entries& entries, index_t Entry::*first, index_t Entry::*count) {
  for (std::size_t b = 0; b + 1 < entries.size(); ++b) {
    entries[b].*first = entries[b + 1].*first;
    entries[b].*count = entries[b + 1].*count;
  }
  entries.back().*count = 0;
}
void shift_keys(Entries& entries) { shift(entries, &Entry::first_key, &Entry::kv_rows); }
void shift_queries(Entries& entries) { shift(entries, &Entry::first_row, &Entry::rows); }

void add_leading_zero(bool pages, Hypotheses& table) {
  const std::string sentence =
      "The kernel expects cumulative lengths that begin with 0; the case's lists hold ends only: sequence b ends at "
      "element b. ";
  add_entries(
      "lengths.leading_zero", sentence + "It skips the first sequence and reads all others one place late.",
      [pages](Entries& entries) {
        shift_queries(entries);
        if (!pages) shift_keys(entries);
      },
      table);
  add_entries("lengths.leading_zero", sentence + "Its queries are one sequence ahead of its keys.", shift_queries,
              table);
  if (!pages)
    add_entries("lengths.leading_zero", sentence + "Its keys are one sequence ahead of its queries.", shift_keys,
                table);
}

// Sequence b begins at the sum of the ends before it and is as long as its end, as far as there is something.
void ends_as_lengths(Entries& entries, index_t all, index_t Entry::*first, index_t Entry::*count) {
  index_t begin = 0;
  for (Entry& entry : entries) {
    const index_t end = entry.*first + entry.*count;
    entry.*first = std::min(begin, all);
    entry.*count = std::min(end, all - entry.*first);
    begin += end;
  }
}

void add_ends_as_lengths(index_t rows, index_t keys, bool pages, Hypotheses& table) {
  const std::string sentence =
      "The kernel takes the cumulative ends of the lists for lengths; sequence b has element b minus element b - 1 "
      "tokens.";
  const auto queries = [=](Entries& all) { ends_as_lengths(all, rows, &Entry::first_row, &Entry::rows); };
  const auto of_keys = [=](Entries& all) { ends_as_lengths(all, keys, &Entry::first_key, &Entry::kv_rows); };
  add_entries(
      "lengths.as_lengths", sentence,
      [=](Entries& all) {
        queries(all);
        if (!pages) of_keys(all);
      },
      table);
  if (pages) return;
  add_entries("lengths.as_lengths", sentence + " Only the list of keys is concerned.", of_keys, table);
  add_entries("lengths.as_lengths", sentence + " Only the list of queries is concerned.", queries, table);
}

void add_one_sequence(Hypotheses& table) {
  add_entries(
      "lengths.ignored",
      "The kernel ignores the lists of lengths: rows see the keys of other sequences, as if all were one.",
      [](Entries& entries) {
        Entry whole = entries.front();
        const Entry& last = entries.back();
        whole.first_row = whole.first_key = 0;
        whole.rows = last.first_row + last.rows;
        whole.kv_rows = last.first_key + last.kv_rows;
        entries = {whole};
      },
      table);
}

void add_keys_by_queries(index_t keys, Hypotheses& table) {
  add_entries(
      "lengths.kv_by_query",
      "The kernel cuts the keys by the list of the queries (actual_seq_qlen); keys have their own, actual_seq_kvlen.",
      [keys](Entries& entries) {
        for (Entry& entry : entries) {
          entry.first_key = std::min(entry.first_row, keys);
          entry.kv_rows = std::min(entry.rows, keys - entry.first_key);
        }
      },
      table);
}

void add_packed(const AttentionCase& spec, Hypotheses& table) {
  const bool pages = spec.paging.block_table.present();
  const index_t rows = reference::query_extent(spec).rows;
  const index_t keys =
      pages ? 0
            : reference::extent_of(spec.key, reference::input_layout(spec.layout), reference::kv_heads_of(spec)).rows;
  if (spec.actual_seq_qlen.size() < 2) return;
  add_leading_zero(pages, table);
  add_ends_as_lengths(rows, keys, pages, table);
  if (pages) return;
  add_one_sequence(table);
  if (spec.actual_seq_kvlen != spec.actual_seq_qlen) add_keys_by_queries(keys, table);
}

// Lengths read as ends.
std::vector<index_t> differences(const std::vector<index_t>& lengths) {
  std::vector<index_t> result;
  for (std::size_t b = 0; b < lengths.size(); ++b)
    result.push_back(parts::span_length(lengths, static_cast<index_t>(b)));
  return result;
}

// The token that was appended last is not counted, or one is that is not there.
void add_one_key_off(const AttentionCase& spec, Hypotheses& table) {
  if (spec.kv_padding_size || spec.key_list.size() > 1) return;
  const bool pages = spec.paging.block_table.present();
  const index_t room = pages ? spec.paging.block_table.shape[1] * spec.paging.block_size
                             : reference::extent_of(reference::key_sample(spec), reference::input_layout(spec.layout),
                                                    reference::kv_heads_of(spec))
                                   .rows;
  const auto add = [&](index_t by, const std::string& what) {
    table.push_back({"lengths.off_by_one", "The kernel " + what, [by, room](Kernel& kernel) {
                       kernel.gathers = true;
                       for (index_t& length : kernel.spec.actual_seq_kvlen)
                         length = std::clamp<index_t>(std::min(length, room) + by, 0, room);
                     }});
  };
  add(-1, "leaves out the last key of each entry; actual_seq_kvlen counts the new token, too.");
  add(1, "sees one key behind the last of each entry; actual_seq_kvlen is their number, the last is number len - 1.");
}

// A table may name one page many times, and so more keys than memory holds.
bool gathers_too_much(const AttentionCase& spec, index_t keys) {
  constexpr index_t kMostNumbers = index_t{1} << 26;
  const index_t width =
      parts::head_width(spec, reference::key_sample(spec)) + parts::head_width(spec, reference::value_sample(spec));
  return keys > kMostNumbers / std::max<index_t>(1, width);
}

void add_ignored_keys(const AttentionCase& spec, Hypotheses& table) {
  const bool pages = spec.paging.block_table.present();
  const index_t capacity = pages ? spec.paging.block_table.shape[1] * spec.paging.block_size : 0;
  if (gathers_too_much(spec, capacity)) return;
  table.push_back({"lengths.ignored",
                   "The kernel ignores the key lengths (actual_seq_kvlen): rows see the padding behind them.",
                   [pages, capacity](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.spec.actual_seq_kvlen.clear();
                     if (pages) kernel.spec.actual_seq_kvlen = {capacity};
                   }});
}

void add_dense_keys(const AttentionCase& spec, Hypotheses& table) {
  if (spec.actual_seq_kvlen.empty()) return;
  add_ignored_keys(spec, table);
  add_one_key_off(spec, table);
  if (spec.actual_seq_kvlen.size() < 2) return;
  table.push_back({"lengths.as_lengths",
                   "The kernel takes the key lengths for cumulative ends; each element is the length of its own entry.",
                   [](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.spec.actual_seq_kvlen = differences(kernel.spec.actual_seq_kvlen);
                   }});
  table.push_back({"lengths.ignored", "The kernel uses the first key length for all entries.", [](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.spec.actual_seq_kvlen.resize(1);
                   }});
}

void add_dense_queries(const AttentionCase& spec, Hypotheses& table) {
  if (spec.actual_seq_qlen.empty() || spec.op == reference::Operator::score) return;
  table.push_back({"rows.padding_unwritten",
                   "Rows behind the query lengths (actual_seq_qlen) are left unwritten; they must be written: 0.",
                   [](Kernel& kernel) {
                     kernel.keeps_scores = true;
                     kernel.outside = RowState::unwritten;
                   }});
  table.push_back(
      {"lengths.ignored",
       "The kernel ignores the query lengths (actual_seq_qlen): it computes rows behind them, and triangles "
       "and bands end at the wrong row.",
       [](Kernel& kernel) {
         kernel.gathers = true;
         kernel.spec.actual_seq_qlen.clear();
       }});
  if (spec.actual_seq_qlen.size() < 2) return;
  table.push_back({"lengths.as_lengths",
                   "The kernel takes the query lengths for cumulative ends; each is the length of its own entry.",
                   [](Kernel& kernel) {
                     kernel.gathers = true;
                     kernel.spec.actual_seq_qlen = differences(kernel.spec.actual_seq_qlen);
                   }});
}

}  // namespace

void add_length_conventions(const Question& question, Hypotheses& table) {
  const AttentionCase& spec = question.spec;
  const bool packed = reference::is_packed(reference::input_layout(spec.layout));
  if (packed) return add_packed(spec, table);
  if (spec.op == reference::Operator::score) return;  // the lists have no meaning there
  add_dense_keys(spec, table);
  add_dense_queries(spec, table);
}

}  // namespace kit::hinting

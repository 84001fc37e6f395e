// Lengths lie inside of the tensors, and what they sum up to can be counted.
#include <algorithm>

#include "kit/bundle/sound_parts.hpp"

namespace kit::sound {

namespace {

using glint::reference::Entry;
using glint::reference::Operator;
using Lengths = std::vector<index_t>;

// Lists may be longer than they have to be: what nobody reads is not looked at.
std::string check_each(const char* name, const Lengths& lengths, index_t entries, index_t most) {
  for (index_t b = 0; b < std::min(entries, static_cast<index_t>(lengths.size())); ++b) {
    const index_t length = lengths[static_cast<std::size_t>(b)];
    if (length < 0 || length > most) return want(name, "got", length, "0 to " + std::to_string(most));
  }
  return {};
}

// Ends of a packed tensor.  Zeros at the tail skip entries (operators C21); else entries would overlap.
std::string check_ends(const char* name, const Lengths& ends, index_t entries, index_t most) {
  if (std::string error = check_each(name, ends, entries, most); !error.empty()) return error;
  auto last = ends.begin() + std::min(entries, static_cast<index_t>(ends.size()));
  while (last != ends.begin() && *(last - 1) == 0) --last;
  return std::is_sorted(ends.begin(), last) ? "" : wrong(name, "want ends that do not fall, but for zeros at the tail");
}

// One for all, or one for each.
std::string check_count(const char* name, const Lengths& lengths, index_t entries) {
  const auto count = static_cast<index_t>(lengths.size());
  if (count == 1 || count >= entries) return {};
  return want(name, "lengths", count, "1 or " + std::to_string(entries));
}

// Every entry of a packed layout has its ends in both lists.
std::string check_packed(const AttentionCase& spec, const Shapes& shapes) {
  const auto entries = static_cast<index_t>(spec.actual_seq_qlen.size());
  const auto ends = static_cast<index_t>(spec.actual_seq_kvlen.size());
  if (entries > kMostBatches)
    return want("actual_seq_qlen", "lengths", entries, "at most " + std::to_string(kMostBatches));
  if (std::string error = check_ends("actual_seq_qlen", spec.actual_seq_qlen, entries, shapes.query.rows);
      !error.empty())
    return error;
  if (!shapes.paged && ends < entries)
    return want("actual_seq_kvlen", "lengths", ends, std::to_string(entries) + ", as actual_seq_qlen has");
  return {};
}

std::string check_dense(const AttentionCase& spec, const Shapes& shapes) {
  if (spec.op == Operator::score || spec.actual_seq_qlen.empty()) return {};
  std::string error = check_each("actual_seq_qlen", spec.actual_seq_qlen, shapes.query.batch, shapes.query.rows);
  return error.empty() ? check_count("actual_seq_qlen", spec.actual_seq_qlen, shapes.query.batch) : error;
}

std::string check_keys(const AttentionCase& spec, const Shapes& shapes, index_t entries) {
  const bool packed = glint::reference::is_packed(shapes.layout) && !shapes.paged;
  const bool ignored = !packed && !shapes.paged && (spec.op == Operator::score || spec.actual_seq_kvlen.empty());
  if (ignored) return {};
  if (packed) return check_ends("actual_seq_kvlen", spec.actual_seq_kvlen, entries, shapes.most_key_rows);
  if (std::string error = check_each("actual_seq_kvlen", spec.actual_seq_kvlen, entries, shapes.most_key_rows);
      !error.empty())
    return error;
  return check_count("actual_seq_kvlen", spec.actual_seq_kvlen, entries);
}

std::string check_table(const AttentionCase& spec, const Entry& entry, index_t blocks, Reach& reach) {
  const index_t used = (entry.kv_rows + spec.paging.block_size - 1) / spec.paging.block_size;
  for (index_t i = 0; i < used; ++i) {
    const index_t block = spec.paging.block_table.at(entry.batch, i);
    if (block < 0 || block >= blocks) return want("block_table", "block", block, "0 to " + std::to_string(blocks - 1));
    reach.blocks = std::max(reach.blocks, block + 1);
  }
  return {};
}

index_t blocks_of(const AttentionCase& spec) {
  index_t blocks = std::min(glint::reference::key_sample(spec).shape[0], glint::reference::value_sample(spec).shape[0]);
  if (spec.key_rope.present()) blocks = std::min(blocks, spec.key_rope.shape[0]);
  return blocks;
}

std::string check_list_entry(const AttentionCase& spec, const Shapes& shapes, const Entry& entry) {
  const auto b = static_cast<std::size_t>(entry.batch);
  const index_t rows = glint::reference::extent_of(spec.key_list.at(b), shapes.layout, shapes.kv_heads).rows;
  if (entry.kv_rows >= 0 && entry.kv_rows <= rows) return {};
  return want("actual_seq_kvlen", "got", entry.kv_rows, "0 to " + std::to_string(rows));
}

void extend(const Entry& entry, Reach& reach) {
  const index_t keys = entry.keys();
  reach.most_rows = std::max(reach.most_rows, entry.rows);
  reach.most_keys = std::max(reach.most_keys, keys);
  reach.scores += entry.rows * keys;
  reach.all_columns += keys;
  reach.squares += entry.rows * entry.rows;
  reach.square = reach.square && entry.rows == keys;
  // Keys are decoded whether or not a row sees them.
  if (keys > 0) reach.key_columns = std::max({reach.key_columns, entry.column(keys - 1) + 1, entry.shared_prefix});
  if (entry.rows == 0 || keys == 0) return;
  reach.rows = std::max(reach.rows, entry.row(entry.rows - 1) + 1);
  reach.columns = std::max({reach.columns, entry.column(keys - 1) + 1, entry.shared_prefix});
}

// All entries together have so many scores at most.
std::string check_work(const AttentionCase& spec, const Shapes& shapes, index_t entries) {
  const double keys = static_cast<double>(shapes.most_key_rows + shapes.shared_prefix + 16);
  const double rows = static_cast<double>(shapes.query.rows);
  const double scores = static_cast<double>(spec.head_num) * static_cast<double>(entries) * rows * std::max(rows, keys);
  return scores < 0x1p62 ? "" : "the case has more than 2^62 scores";
}

}  // namespace

std::string check_lengths(const AttentionCase& spec, const Shapes& shapes, Reach& reach) {
  const bool packed = glint::reference::is_packed(shapes.layout);
  std::string error = packed ? check_packed(spec, shapes) : check_dense(spec, shapes);
  reach.entries = packed ? static_cast<index_t>(spec.actual_seq_qlen.size()) : shapes.query.batch;
  if (error.empty()) error = check_keys(spec, shapes, reach.entries);
  if (error.empty()) error = check_work(spec, shapes, reach.entries);
  if (error.empty() && shapes.paged && spec.paging.block_table.shape[0] < reach.entries)
    error = want("block_table", "rows", spec.paging.block_table.shape[0], std::to_string(reach.entries));
  const bool prefixes_act = spec.sparse_mode == 6 && (spec.attn_mask.present() || spec.implied_mask);
  const auto prefixes = static_cast<index_t>(spec.prefix.size());
  if (error.empty() && prefixes_act && spec.op != Operator::incre && prefixes < reach.entries)
    error = want("prefix", "lengths", prefixes, std::to_string(reach.entries));
  if (!error.empty()) return error;
  const std::vector<Entry> entries = glint::reference::entries_of(spec);
  for (const Entry& entry : entries) {
    if (spec.key_list.size() > 1) error = check_list_entry(spec, shapes, entry);
    if (error.empty() && shapes.paged) error = check_table(spec, entry, blocks_of(spec), reach);
    if (!error.empty()) return error;
    extend(entry, reach);
  }
  if (entries.empty()) return {};
  const int mode = glint::reference::rule_of(spec, entries, entries.front()).mode;  // that of all entries
  reach.reads_tree = mode == 9;
  reach.reads_mask = mode == 0 || mode == 1 || mode == 5;
  reach.causal = mode == 2 || mode == 3;
  return {};
}

}  // namespace kit::sound

// The rules of where a decode cache lies (operators 3 and 5): one tensor, pages or a list, lengths, padding, a shared
// prefix.  Only `block_ids` reads through a pointer of the caller's; it comes last.
#pragma once

#include "glint/ops/inference_problem.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace cache_rules {

using detail::CacheKind, detail::CacheTensor, detail::InferenceProblem;

inline bool has_prefix(const InferenceProblem& p) {
  return p.prefix_rows != 0 || p.prefix_k.data != nullptr || p.prefix_v.data != nullptr;
}
inline bool has_k_rope(const InferenceProblem& p) { return p.k_rope.data != nullptr || p.k_rope.list.count > 0; }

inline index_t widest(const InferenceProblem& p) {
  return (std::max)({p.shape.head_dim, p.shape.value_size(), p.rope_dim});
}

// A cache of `rows` rows for each of `batch` entries, and the scores of every query row against them.  With layout TND
// the entries share the rows of the query.
inline Status countable_rows(const InferenceProblem& p, index_t batch, index_t rows) {
  const Shape& s = p.shape;
  const index_t queries = p.ragged() ? 1 : batch;
  GLINT_REQUIRE(rules::countable({batch, s.kv_head_count(), rows, widest(p)}) &&
                    rules::countable({queries, s.heads, s.q_len, rows}) && rules::countable({rows, widest(p)}),
                Code::extent_too_large, "the cache must have fewer than 2^62 bytes, and fewer than 2^59 scores", rows,
                1);
  return Status::ok();
}

inline Status block_size(index_t size) {
  GLINT_REQUIRE(size >= 1, Code::block_size_range, "block_size must be at least 1", size, 1);
  return Status::ok();
}

inline Status pages(const InferenceProblem& p) {
  const Shape& s = p.shape;
  GLINT_REQUIRE(!has_prefix(p), Code::paged_with_prefix, "pages take no shared prefix", 1, 0);
  GLINT_PASS_ON(block_size(p.block_size));
  GLINT_REQUIRE(p.blocks >= 0, Code::extent_negative, "a pool must not have a negative number of blocks", p.blocks, 0);
  GLINT_REQUIRE(p.max_blocks >= 0, Code::extent_negative, "block_table must not have a negative number of columns",
                p.max_blocks, 0);
  GLINT_REQUIRE(rules::countable({p.max_blocks, p.block_size}) && rules::countable({s.batch, p.max_blocks}) &&
                    rules::countable({p.blocks, s.kv_head_count(), p.block_size, widest(p)}),
                Code::extent_too_large, "pools and the rows that block_table names must have fewer than 2^62 bytes",
                p.block_size, 1);
  GLINT_PASS_ON(countable_rows(p, s.batch, p.max_blocks * p.block_size));
  GLINT_REQUIRE(!p.kv_lens.empty() || s.batch == 0, Code::paged_needs_lengths, "pages need actual_seq_lengths", 0,
                s.batch);
  GLINT_REQUIRE(p.block_table != nullptr || s.batch * p.max_blocks == 0, Code::block_table_null,
                "block_table must not be null", 0, 1);
  return Status::ok();
}

inline Status list(const InferenceProblem& p) {
  const Shape& s = p.shape;
  GLINT_REQUIRE(!has_prefix(p), Code::kv_list_with_prefix, "a list of caches takes no shared prefix", 1, 0);
  for (const index_t count : {p.k.list.count, p.v.list.count, p.list_rows.count})
    GLINT_REQUIRE(count == s.batch, Code::kv_list_size, "a list of caches must have one tensor for each batch entry",
                  count, s.batch);
  GLINT_REQUIRE(p.k_rope.list.count == 0 || p.k_rope.list.count == s.batch, Code::kv_list_size,
                "a list of caches must have one rope part for each batch entry", p.k_rope.list.count, s.batch);
  for (index_t b = 0; b < s.batch; ++b) {
    GLINT_REQUIRE(p.list_rows[b] >= 0, Code::extent_negative, "a cache must not have a negative number of rows",
                  p.list_rows[b], 0);
    GLINT_PASS_ON(countable_rows(p, 1, p.list_rows[b]));
  }
  return Status::ok();
}

inline Status prefix(const InferenceProblem& p) {
  if (!has_prefix(p)) return Status::ok();
  GLINT_REQUIRE(p.kind != CacheKind::left_padded, Code::shared_prefix_with_padding,
                "a shared prefix and a left-padded cache exclude each other", p.padding, 0);
  const int halves = (p.prefix_k.data != nullptr) + (p.prefix_v.data != nullptr);
  GLINT_REQUIRE(halves == 2, Code::shared_prefix_half, "a shared prefix has keys and values", halves, 2);
  GLINT_REQUIRE(p.prefix_rows >= 0, Code::extent_negative, "a shared prefix must not have a negative number of rows",
                p.prefix_rows, 0);
  GLINT_REQUIRE(p.prefix_length >= 0, Code::shared_prefix_length,
                "the length of a shared prefix must not be negative (-1: all its rows)", p.prefix_length, 0);
  GLINT_REQUIRE(p.prefix_length <= p.prefix_rows, Code::shared_prefix_length,
                "the length of a shared prefix must not exceed its rows", p.prefix_length, p.prefix_rows);
  GLINT_PASS_ON(countable_rows(p, 1, p.prefix_rows));
  return countable_rows(p, p.shape.batch, p.prefix_rows + p.shape.kv_len);
}

// Actual lengths: one for all or one for each entry, within what the entry has room for.
inline Status lengths(const InferenceProblem& p, rules::LengthList rule) {
  if (p.ragged_keys()) return rules::ends(p.kv_lens, p.shape.kv_len);
  const bool tensor = p.kind == CacheKind::contiguous || p.kind == CacheKind::left_padded;
  const index_t rows = tensor ? p.shape.kv_len : (std::numeric_limits<index_t>::max)();
  GLINT_PASS_ON(rules::lengths(p.kv_lens, p.shape.batch, rows, rule));
  if (tensor || p.kv_lens.empty()) return Status::ok();
  for (index_t b = 0; b < p.shape.batch; ++b) {
    const index_t length = p.own_keys(b);
    if (p.kind == CacheKind::list) {
      GLINT_REQUIRE(length <= p.capacity(b), Code::length_range,
                    "an actual sequence length must not exceed the rows of its tensor", length, p.capacity(b));
    } else {
      const index_t needed = length == 0 ? 0 : (length - 1) / p.block_size + 1;
      GLINT_REQUIRE(p.max_blocks >= needed, Code::block_table_columns,
                    "block_table must have a column for every block of the longest sequence", p.max_blocks, needed);
    }
  }
  return Status::ok();
}

inline Status cache(const InferenceProblem& p, rules::LengthList rule) {
  if (p.kind == CacheKind::paged) GLINT_PASS_ON(pages(p));
  if (p.kind == CacheKind::list) GLINT_PASS_ON(list(p));
  GLINT_PASS_ON(prefix(p));
  return lengths(p, rule);
}

// Columns of masks, biases and per-token factors.  Those of one tensor are its rows behind the prefix; pages and lists
// have no common number of rows, so there the longest entry must find its keys.
struct Columns {
  index_t needed;
  bool exact;

  explicit Columns(const InferenceProblem& p)
      : needed(p.prefix_length + p.shape.kv_len),
        exact(p.kind == CacheKind::contiguous || p.kind == CacheKind::left_padded) {
    if (!exact || p.ragged()) needed = p.longest();
  }
  // What a tensor of `columns` columns should have.
  index_t want(index_t columns) const { return !exact && columns > needed ? columns : needed; }
};

// Several rows at once, as in speculative decoding (operators 2, mode 9, and 12.20).
inline Status draft(const InferenceProblem& p) {
  const MaskTensor& tree = p.tree;
  if (p.draft != DraftMask::tree) {
    GLINT_REQUIRE(!tree, Code::draft_tree_unexpected, "a draft tree belongs to DraftMask::tree", 1, 0);
    return Status::ok();
  }
  const index_t rows = p.shape.q_len;
  GLINT_REQUIRE(tree, Code::draft_tree_missing, "DraftMask::tree (sparse_mode 9) needs a draft tree", 0, 1);
  GLINT_PASS_ON(rules::mask_dtype(tree.dtype, rules::MaskTypes::decode));
  GLINT_REQUIRE(tree.batch == 1 || tree.batch == p.shape.batch, Code::draft_tree_shape,
                "a draft tree must have 1 or batch as its batch axis", tree.batch, p.shape.batch);
  GLINT_REQUIRE(tree.heads == 1, Code::draft_tree_shape, "a draft tree must have 1 as its head axis", tree.heads, 1);
  for (const index_t axis : {tree.rows, tree.columns})
    GLINT_REQUIRE(axis == rows, Code::draft_tree_shape, "a draft tree must be as high and wide as the query is long",
                  axis, rows);
  GLINT_REQUIRE(rules::countable({tree.batch, rows, rows}), Code::extent_too_large,
                "a draft tree must have fewer than 2^59 bytes", rows, 1);
  for (index_t b = 0; b < p.shape.batch; ++b)
    GLINT_REQUIRE(rows <= p.keys(b), Code::draft_more_rows_than_keys,
                  "the rows of a draft tree must not exceed the keys of an entry", rows, p.keys(b));
  return Status::ok();
}

// Pointers of what the cache holds.
inline Status pointers(const InferenceProblem& p) {
  if (p.kind == CacheKind::list) {
    for (index_t b = 0; b < p.shape.batch; ++b) {
      if (p.list_rows[b] == 0) continue;
      GLINT_REQUIRE(p.k.list[b] != nullptr, Code::null_key, "no key of a list may be null", 0, 1);
      GLINT_REQUIRE(p.v.list[b] != nullptr, Code::null_value, "no value of a list may be null", 0, 1);
      GLINT_REQUIRE(p.rope_dim == 0 || p.k_rope.list[b] != nullptr, Code::rope_null, "no key_rope may be null", 0, 1);
    }
    return Status::ok();
  }
  const index_t rows = p.kind == CacheKind::paged ? p.blocks : p.shape.kv_len;
  GLINT_REQUIRE(p.k.data != nullptr || rows == 0, Code::null_key, "key must not be null", 0, 1);
  GLINT_REQUIRE(p.v.data != nullptr || rows == 0, Code::null_value, "value must not be null", 0, 1);
  return Status::ok();
}

// Every block that a token needs lies in the pool.  Other entries of the table may hold anything.
inline Status block_ids(const InferenceProblem& p) {
  if (p.kind != CacheKind::paged) return Status::ok();
  for (index_t b = 0; b < p.shape.batch; ++b) {
    for (index_t t = 0, column = b * p.max_blocks; t < p.own_keys(b); t += p.block_size, ++column) {
      const index_t block = p.block_table[column];
      GLINT_REQUIRE(block >= 0 && block < p.blocks, Code::block_id_range,
                    "every block that is used must lie in the pool", block, block < 0 ? 0 : p.blocks);
    }
  }
  return Status::ok();
}

}  // namespace cache_rules
}  // namespace GLINT_ABI
}  // namespace glint

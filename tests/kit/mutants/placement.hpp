// Where numbers lie: layouts, the sequences of a batch, and the pages of a cache.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/mutants/bugs.hpp"
#include "kit/question.hpp"

namespace kit::mutant {

// A tensor of rows by batch, head and row; its `width` numbers of a row are adjacent.
struct Grid {
  index_t batch = 0, heads = 0, rows = 0, width = 0;
  index_t batch_step = 0, head_step = 0, row_step = 0;

  index_t at(index_t b, index_t head, index_t row) const { return b * batch_step + head * head_step + row * row_step; }
};

std::string input_side(const std::string& layout);   // "BNSD_BSND" -> "BNSD"
std::string output_side(const std::string& layout);  // "BNSD_BSND" -> "BSND"
bool is_packed(std::string_view layout);             // TND and NTD
std::string other_layout(std::string_view layout);   // one that it is mistaken for

Grid grid_of(const std::vector<index_t>& shape, std::string_view layout, index_t heads);
// The extents of `grid` in the order of `layout`.
Grid arranged(Grid grid, std::string_view layout);
std::vector<index_t> shape_of(const Grid& grid, std::string_view layout);

// One entry of the batch.  Mask, bias and factors by token count columns from the shared prefix on, and what lies in
// front of a padded entry's keys and rows.
struct Sequence {
  index_t number = 0;
  index_t q_batch = 0, q_first = 0, rows = 0;
  index_t kv_batch = 0, kv_first = 0, own_keys = 0, prefix_keys = 0;
  index_t row_lead = 0, column_lead = 0;
  // Of the entries before it, for one head: scores, scores in rows of a multiple of 16 or 8, keys, squares of rows.
  index_t scores = 0, padded_scores = 0, byte_scores = 0, keys_before = 0, squares = 0;

  index_t keys() const { return prefix_keys + own_keys; }
  index_t column(index_t key) const { return key < prefix_keys ? key : key + column_lead; }
};

index_t kv_head_count(const AttentionCase& spec);
const Array& first_keys(const AttentionCase& spec);    // key, or the first of the list
const Array& first_values(const AttentionCase& spec);  // likewise
// Rows that the cache of an entry has room for.
index_t room_of(const AttentionCase& spec, index_t entry);
std::vector<Sequence> sequences_of(const AttentionCase& spec, Bug bug);

// Where key `key` of the sequence itself (behind a prefix) lies in a pool of pages.
struct PagePlace {
  index_t page = 0, slot = 0;
};
PagePlace page_of(const AttentionCase& spec, const Sequence& sequence, index_t key, Bug bug);

}  // namespace kit::mutant

// Steps of find_unsound: shapes, then lengths, then what is indexed by them.  Each returns what is wrong, or nothing,
// and relies on those before it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "kit/question.hpp"

namespace kit::sound {

using glint::reference::Extent;

// Far beyond the documents' limits; small enough that no product of lengths overflows and no loop over empty batches
// runs for ever.
inline constexpr index_t kMostBatches = index_t{1} << 17, kMostHeads = index_t{1} << 16, kMostTokens = index_t{1} << 40;

struct Shapes {
  std::string layout, out_layout;
  Extent query, out;
  index_t kv_heads = 0;
  index_t key_rows = 0, most_key_rows = 0;  // of a list: of its shortest and its longest; of pages: of a table row
  index_t key_width = 0, value_width = 0, rope_width = 0, shared_prefix = 0;
  bool paged = false;
};

// What is indexed by entries: the largest indices, and the sums of streams.
struct Reach {
  index_t entries = 0, most_rows = 0, most_keys = 0;  // of one entry
  index_t rows = 0, columns = 0;                      // one more than the last index of masks and the like
  index_t key_columns = 0;                            // the same of entries that may have no rows
  index_t scores = 0, all_columns = 0, squares = 0;   // sums over entries, for one head
  index_t blocks = 0;                                 // one more than the largest block in use
  bool square = true;                                 // every entry has as many rows as keys
  bool reads_mask = false, reads_tree = false;        // attn_mask
  bool causal = false;                                // modes 2 and 3
};

std::string check_shapes(const AttentionCase& spec, Shapes& shapes);
std::string check_lengths(const AttentionCase& spec, const Shapes& shapes, Reach& reach);
std::string check_masks(const AttentionCase& spec, const Shapes& shapes, const Reach& reach);  // mask, pse, drop, sink
std::string check_factors(const AttentionCase& spec, const Shapes& shapes, const Reach& reach);

// Texts.
std::string wrong(std::string_view name, const std::string& text);
std::string want(std::string_view name, std::string_view what, index_t got, const std::string& wanted);
std::string unequal(std::string_view name, std::string_view what, index_t got, index_t wanted);  // nothing if equal
std::string first_error(std::initializer_list<std::string> errors);

}  // namespace kit::sound

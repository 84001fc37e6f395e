// A set of rows in words that a person grasps: "rows 64-127 of every head in sequence 2".
#pragma once

#include "kit/check/grid.hpp"

namespace kit::detail {

// What one head of one block has: a flag for each of its rows.
using Flags = std::vector<bool>;

struct RowNames {
  std::string row, head, block;  // "row", "head", "sequence"
};
RowNames names_of(const Frame& frame, std::string_view output);

// flags: one for each row of the grid, in its order (block, head, row).  Empty if none is set.
std::string rows_in_words(const Grid& grid, const Flags& flags, const RowNames& names);

// Numbers with their noun: "row 5", "rows 0-3 and 8", "every second row from 1 to 127", "rows 48-63 of every 64".
// Many odd ones: "37 rows between 3 and 120".
std::string numbers_in_words(const std::vector<index_t>& numbers, const std::string& noun);

}  // namespace kit::detail

// Which keys the rows of a batch entry see, row by row and in total, for sizes whose matrix would fit nowhere.
#pragma once

#include <vector>

#include "glint/reference/attention.hpp"
#include "kit/question.hpp"

namespace kit::about {

using glint::reference::Entry;
using glint::reference::SparseRule;

// Half open: [first, last).
struct Range {
  index_t first = 0, last = 0;

  index_t size() const { return last - first; }
  bool empty() const { return last <= first; }
};

// The keys that a mode lets a row see, before any mask tensor: one range in every mode, because a prefix lies left of
// the triangle it is added to.
Range seen_range(const SparseRule& rule, index_t row);

// One batch entry of a question, and its rule.
struct Part {
  Entry entry;
  SparseRule rule;
  index_t copies = 1;  // so many entries follow one another with the same rule
};

struct Totals {
  index_t pairs = 0;               // of one head
  std::vector<Range> blind_rows;   // rows that see nothing
  std::vector<Range> unseen_keys;  // keys that no row sees
};

// Does the mask tensor hold numbers that the rule reads?  (Questions made of words have shapes only.)
bool reads_contents(const Question& question, const SparseRule& rule);

// Equal neighbours are one part, unless a mask tensor tells them apart.
std::vector<Part> parts_of(const Question& question);

// Does row i see key j, in head 0?
bool sees(const Question& question, const Part& part, index_t row, index_t key);

// Of head 0.  Time is linear in rows, with a mask tensor in scores.
Totals totals_of(const Question& question, const Part& part);

}  // namespace kit::about

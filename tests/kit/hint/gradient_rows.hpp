// Rows of the gradients that a kernel, real or imagined, should give.
#pragma once

#include "kit/hint/rows.hpp"

namespace kit::hinting {

// Every query row of the heads that share one kv head has been added up.
struct KeyGradients {
  std::vector<RowResult> d_key, d_value;  // by key of the entry
  double score_abs = 0;                   // A of all rows
};

class GradientTrial {
 public:
  GradientTrial(const Question& question, Trial& trial) : question_(question), trial_(trial) {}

  RowResult d_query(const Row& row);
  // The entry's kv head that holds this row of the key tensor, and the row's place in it.
  RowResult d_key(const Row& row) { return of_key(row, true); }
  RowResult d_value(const Row& row) { return of_key(row, false); }

 private:
  RowResult of_key(const Row& row, bool key);
  void add_head(const Entry& entry, index_t head, KeyGradients& sums);
  const KeyGradients& gradients(const Entry& entry, index_t kv_head);
  void allow(double roundings, RowResult& result) const;

  const Question& question_;
  Trial& trial_;
  std::map<std::pair<index_t, index_t>, KeyGradients> known_;
};

}  // namespace kit::hinting

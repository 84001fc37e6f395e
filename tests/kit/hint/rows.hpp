// Single rows of the answer that a kernel, real or imagined, should give.
#pragma once

#include <map>
#include <utility>

#include "kit/hint/kernel.hpp"

namespace kit::hinting {

// A question whose large tensors are gathered once, for all hypotheses.
class Scene {
 public:
  explicit Scene(const Question& question);

  const Question& question() const { return question_; }
  Kernel as_asked() const;

  // Calls `use` while `spec` holds the numbers of query, key, value, their ropes and lists.
  template <class Use>
  auto with_tensors(AttentionCase& spec, const Use& use);

  std::map<std::pair<index_t, index_t>, std::shared_ptr<const GatheredKeys>> keys;      // by entry and kv head
  std::map<std::tuple<index_t, index_t, index_t>, std::optional<RowScores>> scores;  // by row

 private:
  const Question& question_;
  AttentionCase light_, tensors_;
};

// One hypothesis at work.  A kernel that reads what is not there makes all but `row` throw std::out_of_range.
class Trial {
 public:
  Trial(Scene& scene, Kernel kernel);

  const Kernel& kernel() const { return kernel_; }
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* entry_of(const Row& row) const;

  RowResult row(const Row& row);  // unknown where it reads what is not there
  // Nothing for a row that is in no entry.
  std::optional<RowScores> scores(const Row& row);
  RowResult attend(const RowScores& scores) const;

 private:
  std::shared_ptr<const GatheredKeys> keys(const Entry& entry, index_t kv_head);
  Vector query(const Entry& entry, const Row& row);
  RowResult computed_row(const Row& row);
  RowScores compute_scores(const Entry& entry, const Row& row);
  void score(const ScoreAt& at, RowScores& scores) const;
  double biased(double product, double pse) const;
  void allow(const RowScores& scores, RowResult& result) const;
  void quantise(const Row& row, RowResult& result) const;
  RowResult blank() const;

  Scene& scene_;
  Kernel kernel_;
  std::vector<Entry> entries_;
  std::vector<SparseRule> rules_;
  std::map<std::pair<index_t, index_t>, std::shared_ptr<const GatheredKeys>> own_keys_;
};

// The exact softmax of a row, and its product with the values.
RowResult exact_row(const RowScores& scores);

// u_out and tiny of the error contract.
struct Roundoff {
  double relative, tiny;
};
Roundoff roundoff_of(DType type);

inline constexpr double kUnit = 16 * 0x1p-24;  // of the contract: times W (1 + A)

}  // namespace kit::hinting

// A kernel as a hypothesis imagines it: the question, edited, and what a question has no words for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kit/hint/hint.hpp"

namespace kit::hinting {

using glint::reference::Entry;
using glint::reference::HeadKeys;
using glint::reference::SparseRule;
using glint::reference::Vector;

// A row of the query tensor, or for d_key and d_value of the key tensor with its kv head.
struct Row {
  index_t batch = 0, row = 0, head = 0;
};

// One score, for the hooks of a kernel.
struct ScoreAt {
  const AttentionCase& spec;
  const Entry& entry;
  const SparseRule& rule;
  index_t head, i, j;
};

struct GatheredKeys : HeadKeys {
  double largest_value = 0;  // magnitude; NaN aside
};

// What a row's softmax starts from.
struct RowScores {
  Vector x;       // -inf where the key takes no part
  Vector hidden;  // the scores of keys that take no part, if the kernel wants them (Backward::sees_masked)
  Vector drop;    // keepbit / keep_prob
  Vector slope;   // of a cap
  Vector query;
  double sink = 0, score_abs = 0;
  std::shared_ptr<const GatheredKeys> kv;
  const AttentionCase* spec = nullptr;
  index_t i = 0;  // the row inside of its entry
  SparseRule rule;
};

enum class RowState {
  computed,
  empty,       // sees nothing, or belongs to no sequence
  unwritten,   // holds what the buffer held: zeros, NaN, one and the same number
  not_finite,  // infinities and NaN where the result differs from the answer
  overflown,   // as not_finite, or 0: what a sum of infinity or of nothing leaves
  unknown      // reads what the case does not hold: says nothing
};

struct RowResult {
  RowState state = RowState::computed;
  Vector out, weight;  // weight: W of the error contract
  Vector allowed;      // how far a result may be from `out`
  double max = 0, sum = 0, lse = 0, score_abs = 0;
  bool any_statistics = false;  // whatever stands for a row that sees nothing
};

// What only the gradient does differently.
struct Backward {
  double dq_factor = 1, dk_factor = 1;
  bool row_dot = true, drops = true;
  bool exchanges_keys = false;         // d_key with d_value
  bool sees_masked = false;            // P of keys that take no part is not zeroed
  std::optional<index_t> only_member;  // of a group of query heads, the one whose dk and dv are kept
};

struct Kernel {
  AttentionCase spec;         // query, key, value and their ropes and lists have shapes only: Scene has their numbers
  bool gathers = false;       // reads queries, keys or values otherwise than asked, or others of them
  bool keeps_scores = false;  // all that differs comes after the scores

  // Empty hooks: as asked.
  std::function<bool(const ScoreAt&)> sees;
  std::function<double(const ScoreAt&)> pse, drop;
  std::function<index_t(index_t head, index_t heads, index_t kv_heads)> kv_head;
  std::function<void(std::vector<Entry>&)> entries;
  std::function<void(HeadKeys&)> keys_as_read;
  std::function<void(Vector&)> query_as_read;
  std::function<double(const Vector& query, const Vector& key)> product;
  std::function<RowResult(const RowScores&)> softmax;  // of a row that sees something
  std::function<void(const RowScores&, RowResult&)> after;
  std::function<index_t(const Row&)> statistics_position;

  std::string query_layout, key_layout, value_layout, out_layout;  // empty: that of the case
  double score_factor = 1;
  std::optional<double> masked_score;  // of keys that should take no part
  RowState outside = RowState::empty;  // rows that belong to no sequence
  Backward backward;
};

struct Hypothesis {
  std::string id, sentence;
  std::function<void(Kernel&)> edit;
  index_t tile = 0;        // it assumes tiles of that many rows or columns
  bool simulated = false;  // of rounding: judged by how much of the error it takes away
};

using Hypotheses = std::vector<Hypothesis>;

// The tables, by topic.  Each adds what this question could be misread as, the likeliest first.
void add_mask_conventions(const Question& question, Hypotheses& table);
void add_score_conventions(const Question& question, Hypotheses& table);
void add_layout_conventions(const Question& question, Hypotheses& table);
void add_length_conventions(const Question& question, Hypotheses& table);
void add_cache_conventions(const Question& question, Hypotheses& table);
void add_dropout_conventions(const Question& question, Hypotheses& table);
void add_statistics_conventions(const Question& question, Hypotheses& table);
void add_gradient_conventions(const Question& question, Hypotheses& table);
void add_row_mistakes(const Question& question, Hypotheses& table);
void add_tile_mistakes(const Question& question, TileSize tile, Hypotheses& table);
void add_precisions(const Question& question, TileSize tile, Hypotheses& table);

// Does an input hold NaN?
bool holds_nan(const AttentionCase& spec);

// A number as people write it: 0.125, 3, 1e-06.
std::string number(double value);

}  // namespace kit::hinting

// What is measured: shapes, masks and the work that counts.
#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "glint/ops/problem.hpp"

namespace bench {

using glint::index_t, glint::Layout, glint::Shape, glint::SparseMode;

// How the bias tensor is broadcast: one matrix for all heads, or one for each.
enum class BiasTensor { none, shared, for_each_head };

struct Workload {
  std::string name{};
  Shape shape{};                   // q_len and kv_len are those of one sequence, in TND too; of the longest
  std::vector<index_t> lengths{};  // TND: of each sequence, rows and keys alike; empty: q_len and kv_len
  SparseMode mode = SparseMode::default_mask;
  glint::Tokens tokens{};  // mode 4
  index_t prefix = 0;      // mode 6
  bool dense_mask = false;
  BiasTensor bias = BiasTensor::none;
  bool bias_gradient = false;  // of a gradient: that of the bias, too
  bool sink = false;
  double keep_prob = 1;  // below 1: dropout from a tensor of bits
  Layout layout = Layout::BNSD;

  // The mask of every head, but for the dense tensor.
  glint::mask::Staircase stairs() const {
    const glint::Tokens used = mode == SparseMode::band ? tokens : glint::Tokens{};
    return glint::StaircaseOf{mode, used, {&prefix, 1}}({0, 0, shape.q_len, shape.kv_len});
  }
  // Rows of sequences before b, each with `usual` rows unless they differ.
  index_t rows_before(index_t b, index_t usual) const {
    if (lengths.empty()) return b * usual;
    return std::accumulate(lengths.begin(), lengths.begin() + b, index_t{0});
  }
  index_t q_rows(index_t b) const { return lengths.empty() ? shape.q_len : lengths[static_cast<std::size_t>(b)]; }
  double heads() const { return static_cast<double>(shape.batch * shape.heads); }
  double flops_of_a_pair() const { return 2.0 * static_cast<double>(shape.head_dim + shape.value_size()); }
  double all_pairs() const { return static_cast<double>(shape.q_len * shape.kv_len); }  // of one head
};

// Pairs of query and key that the mask shows, counted exactly.
inline double visible_pairs(const glint::mask::Staircase& mask, index_t q_len) {
  index_t pairs = 0;
  for (index_t q = 0; q < q_len; ++q) {
    const glint::Interval keys = mask.keys(q, q + 1);
    if (keys.empty()) continue;
    if (mask.cover({q, q + 1, keys.lo, keys.hi}) == glint::Cover::full) {
      pairs += keys.size();
    } else {
      for (index_t k = keys.lo; k < keys.hi; ++k) pairs += mask.visible(q, k) ? 1 : 0;
    }
  }
  return static_cast<double>(pairs);
}

// Of all heads.  In sequences with as many rows as keys the mask is that of the longest.
inline double visible_pairs(const Workload& w) {
  if (w.lengths.empty()) return w.heads() * visible_pairs(w.stairs(), w.shape.q_len);
  double pairs = 0;
  for (const index_t length : w.lengths) pairs += visible_pairs(w.stairs(), length);
  return static_cast<double>(w.shape.heads) * pairs;
}

inline double useful_flops(const Workload& w) { return w.flops_of_a_pair() * visible_pairs(w); }

// How many keys each row of a triangle sees, from the first on; empty: all of them.
inline std::vector<long> visible_keys(const Workload& w) {
  std::vector<long> keys;
  if (w.mode == SparseMode::right_down_causal)
    for (index_t q = 0; q < w.shape.q_len; ++q) keys.push_back(w.stairs().keys(q, q + 1).hi);
  return keys;
}

// Five products where the forward has two.
inline constexpr double kGradientOverForward = 2.5;
inline double gradient_flops(const Workload& w) { return kGradientOverForward * useful_flops(w); }

// P1 to P5: an encoder's heads, a causal prompt with grouped queries, a long one, many short ones, a very long one.
inline const Workload kPrefill[] = {
    {.name = "P1", .shape = {.batch = 1, .heads = 8, .q_len = 1024, .kv_len = 1024, .head_dim = 64}},
    {.name = "P2",
     .shape = {.batch = 1, .heads = 32, .kv_heads = 8, .q_len = 2048, .kv_len = 2048, .head_dim = 128},
     .mode = SparseMode::right_down_causal},
    {.name = "P3", .shape = {.batch = 1, .heads = 16, .q_len = 4096, .kv_len = 4096, .head_dim = 128}},
    {.name = "P4", .shape = {.batch = 8, .heads = 12, .q_len = 128, .kv_len = 128, .head_dim = 64}},
    {.name = "P5",
     .shape = {.batch = 1, .heads = 8, .kv_heads = 1, .q_len = 8192, .kv_len = 8192, .head_dim = 128},
     .mode = SparseMode::right_down_causal},
};

// T1 and T2, of causal language models; the same without a mask, as of encoders; many short ones.
inline const Workload kTraining[] = {
    {.name = "T1",
     .shape = {.batch = 1, .heads = 8, .q_len = 1024, .kv_len = 1024, .head_dim = 64},
     .mode = SparseMode::right_down_causal},
    {.name = "T2",
     .shape = {.batch = 1, .heads = 16, .q_len = 2048, .kv_len = 2048, .head_dim = 128},
     .mode = SparseMode::right_down_causal},
    {.name = "T1_full", .shape = {.batch = 1, .heads = 8, .q_len = 1024, .kv_len = 1024, .head_dim = 64}},
    {.name = "T2_full", .shape = {.batch = 1, .heads = 16, .q_len = 2048, .kv_len = 2048, .head_dim = 128}},
    {.name = "short", .shape = {.batch = 8, .heads = 12, .q_len = 128, .kv_len = 128, .head_dim = 64}},
};

}  // namespace bench

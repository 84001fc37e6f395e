// A mask of one's own: several documents in one sequence, none of which sees another.  First as a draft, one lambda;
// then with promises about itself, so that kernels skip what cannot be seen.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "glint/glint.hpp"

using namespace glint;

// start[q]: where the document of token q begins.
struct DraftOf {
  const index_t* start = nullptr;
  auto operator()(HeadIndex at) const {
    return mask::Where{at.q_len, at.kv_len, [from = start](index_t q, index_t k) { return from[q] <= k && k <= q; }};
  }
};
struct Draft : recipe::Default {
  using masks = DraftOf;
};

struct DocumentCausal {
  const index_t* start = nullptr;
  index_t nq = 0;

  bool visible(index_t q, index_t k) const { return start[q] <= k && k <= q; }
  // `start` never decreases, so the first row reaches furthest back and the last row furthest ahead.
  Interval keys(index_t q0, index_t q1) const { return q0 < q1 ? Interval{start[q0], q1} : Interval{}; }
  Interval queries(index_t k0, index_t k1) const { return {k0, std::upper_bound(start, start + nq, k1 - 1) - start}; }
  Cover cover(Box box) const {
    if (box.k1 <= start[box.q0] || box.k0 >= box.q1) return Cover::none;
    return start[box.q1 - 1] <= box.k0 && box.k1 - 1 <= box.q0 ? Cover::full : Cover::partial;
  }
};
struct DocumentCausalOf {
  const index_t* start = nullptr;
  DocumentCausal operator()(HeadIndex at) const { return {start, at.q_len}; }
};
struct Final : recipe::Default {
  using masks = DocumentCausalOf;
};

int main() {
  const Shape shape{.batch = 1, .heads = 2, .q_len = 600, .kv_len = 600, .head_dim = 32};
  std::vector<index_t> start;
  for (index_t token = 0; token < shape.q_len; ++token) start.push_back(token < 150 ? 0 : token < 420 ? 150 : 420);
  std::vector<float> x(static_cast<std::size_t>(shape.heads * shape.q_len * shape.head_dim)), drafted(x), finished(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(1.7F * static_cast<float>(i));

  const FlashAttentionScore<layout::BNSD, float, SparseMode::custom, Draft> draft{.masks = {start.data()}};
  const FlashAttentionScore<layout::BNSD, float, SparseMode::custom, Final> final_form{.masks = {start.data()}};
  ScoreProblem<float> problem{
      .q = x.data(), .k = x.data(), .v = x.data(), .out = drafted.data(), .shape = shape, .scale = 0.2F};
  if (const Status status = draft(problem); !status) std::puts(status.rule);
  problem.out = finished.data();
  if (const Status status = final_form(problem); !status) std::puts(status.rule);

  float largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(drafted[i] - finished[i]));
  int skipped = 0, tiles = 0;
  for (index_t q = 0; q < 600; q += 50)
    for (index_t k = 0; k < 600; k += 50, ++tiles)
      skipped += DocumentCausal{start.data(), 600}.cover({q, q + 50, k, k + 50}) == Cover::none;
  std::printf("the final form %s the draft and skips %d of %d tiles\n",
              largest < 1e-5F ? "agrees with" : "DIFFERS from", skipped, tiles);
}

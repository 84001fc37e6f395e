// The problem that the metamorphic tests vary, and what they do to it.
#pragma once

#include "support/score_spec.hpp"

namespace metamorphic {
inline constexpr DType kDtypes[] = {DType::f32, DType::f16, DType::bf16};
inline constexpr const char* kLayouts[] = {"BSH", "BSND", "SBH", "BNSD", "TND"};

// Several query tiles, several key tiles, a tail in each, GQA.
inline ScoreSpec several_tiles(DType dtype = DType::f32) {
  ScoreSpec s;
  s.dtype = dtype;
  s.batch = 2, s.heads = 4, s.kv_heads = 2, s.q_len = 71, s.kv_len = 139, s.dim = 20, s.value_dim = 13;
  return s.draw();
}
inline ScoreSpec square(DType dtype = DType::f32) {
  ScoreSpec s = several_tiles(dtype);
  s.q_len = s.kv_len = 139;
  return s.draw();
}

// values[b][n] of a permuted run, back in place.
struct Shuffle {
  std::vector<index_t> batch, head, row;  // new position -> old
};
inline std::vector<float> rearranged(const std::vector<float>& values, const Grid& grid, const Shuffle& shuffle) {
  std::vector<float> moved(values.size());
  grid.rows_of([&](index_t b, index_t n, index_t s) {
    const index_t from = grid.logical(shuffle.batch[size(b)], shuffle.head[size(n)], shuffle.row[size(s)]);
    std::copy_n(values.begin() + from, grid.dim, moved.begin() + grid.logical(b, n, s));
  });
  return moved;
}
inline std::vector<index_t> identity(index_t n) {
  std::vector<index_t> order(size(n));
  std::iota(order.begin(), order.end(), index_t{0});
  return order;
}
inline std::vector<index_t> shuffled(index_t n) {
  std::vector<index_t> order = identity(n);
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  return order;
}
inline Result rearranged(const Result& result, const ScoreSpec& s, const Shuffle& shuffle) {
  Grid rows = s.out_grid();
  const std::vector<float> out = rearranged(result.out, rows, shuffle);
  rows.dim = 1;
  return {out, rearranged(result.max, rows, shuffle), rearranged(result.sum, rows, shuffle), {}};
}

}  // namespace metamorphic

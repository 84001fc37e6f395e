// How the gradient cuts its score matrices: by shapes alone, so that its bits do not depend on who calculates what.
//
// A group (one batch entry, one kv head) is a matrix of blocks: the query blocks of its heads against the blocks of its
// keys.  In phase r, key block j meets query block (j + r) mod the number of phases.  No two blocks of a phase touch
// the same sums, and every sum is added up in the order of the phases, whether all groups go through them side by side
// or one worker takes a group from the first to the last.
#pragma once

#include <numeric>

#include "glint/kernel/backward_head.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace backward {

constexpr index_t pieces(index_t count, index_t piece) { return (count + piece - 1) / piece; }

template <class Tile>
struct Blocks {
  static constexpr index_t kUnit = std::lcm(Tile::rows, Tile::columns);
  static constexpr index_t kLongest =
      512;                                // what is shared by the tiles of longer blocks leaves the second-level cache
  static constexpr index_t kEnough = 32;  // tasks in a phase

  index_t groups, heads;  // heads of a group
  index_t dim, value_dim;
  index_t length;   // rows, and keys, of a block
  index_t of_rows;  // blocks of a head
  index_t of_keys;

  template <class Plan>
  explicit Blocks(const Plan& plan)
      : groups(plan.groups()), heads(plan.heads_per_group()), dim(plan.head_dim()), value_dim(plan.value_dim()) {
    const index_t rows = plan.max_rows(), keys = plan.max_keys(), longest = rows > keys ? rows : keys;
    const auto shorter = [&](index_t units) {
      return groups * pieces(keys, units * kUnit) < kEnough || units / 2 * kUnit >= longest;
    };
    index_t units = kLongest > kUnit ? kLongest / kUnit : 1;
    while (units > 1 && shorter(units)) units /= 2;
    length = units * kUnit;
    of_rows = pieces(rows, length);
    of_keys = pieces(keys, length);
  }

  index_t query_blocks() const { return heads * of_rows; }
  index_t phases() const { return query_blocks() > of_keys ? query_blocks() : of_keys; }
  GradientExtents extents() const { return {length, dim, value_dim}; }

  // The sums of a group: d_q of each of its heads, d_k, d_v.
  index_t d_q_floats() const { return of_rows * length * dim; }
  index_t d_k_floats() const { return of_keys * length * padded(dim); }
  index_t d_v_floats() const { return of_keys * length * padded(value_dim); }
  index_t sums_bytes() const { return aligned_bytes_of<float>(heads * d_q_floats() + d_k_floats() + d_v_floats()); }

  // Few groups go through the phases together, else each goes alone, its sums in the memory of its worker.
  bool side_by_side(index_t workers) const { return workers > 1 && groups < 4 * workers; }
  index_t all_sums_bytes(index_t workers) const { return (side_by_side(workers) ? groups : workers) * sums_bytes(); }
  index_t scratch_bytes() const { return GradientScratch<Tile>::bytes(extents()); }
};

// The sums of one group.
template <class Tile>
struct GroupSums {
  const Blocks<Tile>& blocks;
  float* memory;

  float* d_q(index_t member) const { return memory + member * blocks.d_q_floats(); }
  float* d_k() const { return d_q(blocks.heads); }
  float* d_v() const { return d_k() + blocks.d_k_floats(); }
};

}  // namespace backward
}  // namespace GLINT_ABI
}  // namespace glint

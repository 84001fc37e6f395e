// How the gradient cuts its score matrices, and where their sums lie.
//
// A group is one (batch entry, kv head).  Its sums are added up in one order, whatever the cut: d_q over the keys, d_k
// and d_v over the heads of the group and their rows, all ascending.  With plenty of groups a worker takes one from its
// first query tile to its last.  With few of them groups are cut into row blocks and key blocks, and in phase r key
// block j meets row block r - j: no two blocks of a phase touch the same sums, and each sum meets its blocks in order.
#pragma once

#include "glint/kernel/backward_head.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace backward {

constexpr index_t pieces(index_t count, index_t piece) { return (count + piece - 1) / piece; }

template <class Tile>
struct Blocks {
  // Of a block, where groups are cut: shorter blocks are more phases, longer ones more idling at both ends.
  static constexpr index_t kRowTiles = Tile::shared > 2 ? Tile::shared : 2;
  static constexpr index_t kKeyTiles = 8;  // at most
  static constexpr index_t kTasks = 2;     // of a phase, for each worker

  index_t groups, heads;  // heads of a group
  index_t dim, value_dim;
  bool side_by_side;   // do the groups go through the phases together?
  index_t slots;       // groups whose sums are kept at a time
  index_t rows, keys;  // of a block
  index_t of_rows;     // blocks of a head
  index_t of_keys;
  bool in_parts;  // are sums over rows kept in parts?

  template <class Plan>
  Blocks(const Plan& plan, index_t workers)
      : groups(plan.groups()), heads(plan.heads_per_group()), dim(plan.head_dim()), value_dim(plan.value_dim()) {
    side_by_side = workers > 1 && groups < 4 * workers;
    slots = side_by_side ? groups : workers;
    const index_t row_tiles = pieces(plan.max_rows(), Tile::rows), key_tiles = pieces(plan.max_keys(), Tile::columns);
    const index_t row_step = side_by_side ? kRowTiles : row_tiles;
    index_t key_step = side_by_side ? kKeyTiles : key_tiles;
    while (side_by_side && key_step > 1 && groups * pieces(key_tiles, key_step) < kTasks * workers) key_step /= 2;
    rows = (row_step > 0 ? row_step : 1) * Tile::rows;
    keys = (key_step > 0 ? key_step : 1) * Tile::columns;
    of_rows = pieces(row_tiles * Tile::rows, rows);
    of_keys = pieces(key_tiles * Tile::columns, keys);
    in_parts = heads * row_tiles > kTilesInPart;
  }

  index_t row_blocks() const { return heads * of_rows; }
  index_t phases() const { return of_keys == 0 ? 0 : row_blocks() + of_keys - 1; }
  // Units of clearing and storing a group's sums: its row blocks, then its key blocks.
  index_t units() const { return row_blocks() + of_keys; }
  GradientExtents extents() const { return {dim, value_dim}; }

  // The sums of a group: d_q of each of its heads, d_k, d_v, and the last two once more for closed parts.
  index_t d_q_floats() const { return of_rows * rows * dim; }
  index_t d_k_floats() const { return of_keys * keys * padded(dim); }
  index_t d_v_floats() const { return of_keys * keys * padded(value_dim); }
  index_t sums_bytes() const {
    const index_t of_all_keys = d_k_floats() + d_v_floats();
    return aligned_bytes_of<float>(heads * d_q_floats() + (in_parts ? 2 : 1) * of_all_keys);
  }
  index_t all_sums_bytes() const { return slots * sums_bytes(); }
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
  float* d_k_parts() const { return blocks.in_parts ? d_v() + blocks.d_v_floats() : nullptr; }
  float* d_v_parts() const { return blocks.in_parts ? d_k_parts() + blocks.d_k_floats() : nullptr; }
};

}  // namespace backward
}  // namespace GLINT_ABI
}  // namespace glint

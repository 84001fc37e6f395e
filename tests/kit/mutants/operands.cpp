// Rows of queries, keys and values: out of a layout, a list, pages or a shared prefix, and out of integers.
#include <algorithm>

#include "kit/mutants/kernel.hpp"

namespace kit::mutant {

namespace {

using glint::reference::Antiquant;

enum class Part { key, value, rope };

struct KeyPlace {
  const Kernel& kernel;
  const Sequence& sequence;
  index_t head, key;
};

std::string key_layout(const Kernel& kernel) {
  const std::string layout = input_side(kernel.spec.layout);
  return kernel.has(Bug::layout_key_value) ? other_layout(layout) : layout;
}

index_t paged_width(const std::vector<index_t>& shape, index_t heads) {
  if (shape.size() == 3) return shape[2] / heads;
  return shape.size() == 4 ? shape[3] : shape[2] * shape[4];
}

index_t width_of(const Kernel& kernel, const Array& tensor) {
  if (!tensor.present()) return 0;
  if (kernel.spec.paging.block_table.present()) return paged_width(tensor.shape, kernel.kv_heads);
  return grid_of(tensor.shape, input_side(kernel.spec.layout), kernel.kv_heads).width;
}

index_t page_position(const std::vector<index_t>& shape, index_t heads, index_t head, const PagePlace& place,
                      index_t d) {
  if (shape.size() == 3) return (place.page * shape[1] + place.slot) * shape[2] + head * (shape[2] / heads) + d;
  if (shape.size() == 4) return ((place.page * shape[1] + head) * shape[2] + place.slot) * shape[3] + d;
  const index_t pieces = shape[2], slots = shape[3], piece = shape[4];
  return (((place.page * shape[1] + head) * pieces + d / piece) * slots + place.slot) * piece + d % piece;
}

void read_row(const Kernel& kernel, const Array& tensor, index_t start, index_t width, float* row) {
  for (index_t d = 0; d < width; ++d) {
    index_t at = start + d;
    if (kernel.has(Bug::offset_overflow)) at &= 0xffff;  // BUG: an offset in too few bits
    row[d] = static_cast<float>(tensor.flat(at));
  }
}

const Array& tensor_of_entry(const Kernel& kernel, const Sequence& s, Part part) {
  const AttentionCase& spec = kernel.spec;
  if (part == Part::rope) return spec.key_rope;
  const std::vector<Array>& list = part == Part::key ? spec.key_list : spec.value_list;
  if (list.empty()) return part == Part::key ? spec.key : spec.value;
  return list[list.size() == 1 ? 0 : static_cast<std::size_t>(s.number)];
}

void read_encoded(const KeyPlace& at, Part part, index_t width, float* row) {
  const AttentionCase& spec = at.kernel.spec;
  const Sequence& s = at.sequence;
  const index_t heads = at.kernel.kv_heads, own = at.key - s.prefix_keys;
  const Array& tensor = tensor_of_entry(at.kernel, s, part);
  if (own < 0) {
    const Array& prefix = part == Part::value ? spec.value_shared_prefix : spec.key_shared_prefix;
    const Grid grid = grid_of(prefix.shape, input_side(spec.layout), heads);
    return read_row(at.kernel, prefix, grid.at(0, at.head, at.key), width, row);
  }
  if (spec.paging.block_table.present()) {
    const PagePlace place = page_of(spec, s, own, at.kernel.bug);
    for (index_t d = 0; d < width; ++d)
      row[d] = static_cast<float>(tensor.flat(page_position(tensor.shape, heads, at.head, place, d)));
    return;
  }
  const Grid grid = arranged(grid_of(tensor.shape, input_side(spec.layout), heads), key_layout(at.kernel));
  const index_t batch = grid.batch == 1 ? 0 : s.kv_batch;
  read_row(at.kernel, tensor, grid.at(batch, at.head, s.kv_first + own), width, row);
}

// operators 4.3: which factor belongs to number d of the key.
index_t factor_position(const KeyPlace& at, const Antiquant& factors, index_t count, index_t width, index_t d) {
  const Sequence& s = at.sequence;
  const index_t pitch = factors.scale.shape.back(), heads = at.kernel.kv_heads, column = s.column(at.key);
  if (factors.mode == 0) return count == 1 ? 0 : at.head * width + d;
  if (factors.mode == 1) return s.number * pitch + column;
  if (factors.mode == 2) return at.head;
  if (factors.mode == 3) return (s.number * heads + at.head) * pitch + column;
  const PagePlace place = page_of(at.kernel.spec, s, at.key - s.prefix_keys, at.kernel.bug);
  if (factors.mode == 4) return place.page * pitch + place.slot;
  return (place.page * heads + at.head) * pitch + place.slot;
}

void decode(const KeyPlace& at, Part part, index_t width, float* row) {
  const AttentionCase& spec = at.kernel.spec;
  if (at.kernel.has(Bug::antiquant_swapped) && part == Part::value) part = Part::key;  // BUG: the key's factors
  const bool joint = spec.antiquant.scale.present();
  const Antiquant& factors = joint ? spec.antiquant : part == Part::key ? spec.key_antiquant : spec.value_antiquant;
  if (!factors.scale.present()) return;
  const index_t count = factors.scale.size() / (joint ? 2 : 1), first = joint && part == Part::value ? count : 0;
  for (index_t d = 0; d < width; ++d) {
    const index_t place = std::min(first + factor_position(at, factors, count, width, d), factors.scale.size() - 1);
    const float scale = static_cast<float>(factors.scale.flat(place));
    float offset = factors.offset.present() ? static_cast<float>(factors.offset.flat(place)) : 0;
    if (at.kernel.has(Bug::antiquant_offset_missing)) offset = 0;           // BUG
    if (at.kernel.has(Bug::antiquant_sign)) offset = -offset;               // BUG
    row[d] = at.kernel.has(Bug::antiquant_order) ? row[d] * scale + offset  // BUG: scale first
                                                 : (row[d] + offset) * scale;
  }
}

// Rows of the cache that a tile which is always full would load behind the last key.
index_t behind_the_last(const Kernel& kernel, const Sequence& s) {
  if (!kernel.has(Bug::poison_tail) || s.own_keys == 0) return 0;
  const index_t tile = kernel.tile.columns, missing = (tile - s.keys() % tile) % tile;
  index_t room =
      kernel.spec.paging.block_table.present() ? kernel.spec.paging.block_size : room_of(kernel.spec, s.number);
  if (kernel.spec.paging.block_table.present()) room = (s.own_keys + room - 1) / room * room;
  return std::clamp<index_t>(room - s.kv_first - s.own_keys, 0, missing);
}

}  // namespace

Rows load_queries(const Kernel& kernel, const Sequence& s, index_t head) {
  const AttentionCase& spec = kernel.spec;
  const std::string layout = input_side(spec.layout);
  const Grid extents = grid_of(spec.query.shape, layout, kernel.heads);
  const Grid grid = kernel.has(Bug::layout_query) ? arranged(extents, other_layout(layout)) : extents;  // BUG
  const bool rope = spec.query_rope.present();
  const Grid rope_grid = rope ? grid_of(spec.query_rope.shape, layout, kernel.heads) : Grid{};
  Rows rows(s.rows, grid.width + rope_grid.width);
  for (index_t i = 0; i < s.rows; ++i) {
    for (index_t d = 0; d < grid.width; ++d)
      rows.row(i)[d] = static_cast<float>(spec.query.flat(grid.at(s.q_batch, head, s.q_first + i) + d));
    for (index_t d = 0; d < rope_grid.width; ++d)
      rows.row(i)[grid.width + d] =
          static_cast<float>(spec.query_rope.flat(rope_grid.at(s.q_batch, head, s.q_first + i) + d));
  }
  return rows;
}

Rows load_keys(const Kernel& kernel, const Sequence& s, index_t kv_head) {
  const Part part = kernel.has(Bug::key_value_swapped) ? Part::value : Part::key;  // BUG
  const index_t width = width_of(kernel, first_keys(kernel.spec)), rope = width_of(kernel, kernel.spec.key_rope);
  Rows rows(s.keys(), width + rope);
  for (index_t key = 0; key < s.keys(); ++key) {
    const KeyPlace at{kernel, s, kv_head, key};
    read_encoded(at, part, width, rows.row(key));
    decode(at, part, width, rows.row(key));
    if (rope > 0) read_encoded(at, Part::rope, rope, rows.row(key) + width);
  }
  return rows;
}

Rows load_values(const Kernel& kernel, const Sequence& s, index_t kv_head) {
  const Part part = kernel.has(Bug::key_value_swapped) ? Part::key : Part::value;  // BUG
  const index_t width = width_of(kernel, first_values(kernel.spec));
  Rows rows(s.keys() + behind_the_last(kernel, s), width);
  for (index_t key = 0; key < rows.count; ++key) {
    const KeyPlace at{kernel, s, kv_head, key};
    read_encoded(at, part, width, rows.row(key));
    if (key < s.keys()) decode(at, part, width, rows.row(key));
  }
  return rows;
}

}  // namespace kit::mutant

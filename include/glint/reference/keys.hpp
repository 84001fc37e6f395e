// The queries, keys and values of one head of one batch entry, as matrices of reals: gathered from the layout, the
// list, the pages or the shared prefix (operators 3 and 5), and decoded from integers (operators 4.3).
#pragma once

#include <vector>

#include "glint/reference/entry.hpp"

namespace glint::reference {

// int4 values packed eight to an int32 along the last axis, lowest nibble first, two's complement (operators 4.3).
inline Array unpack_int4(const NdArray<std::int32_t>& packed) {
  std::vector<index_t> shape = packed.shape;
  shape.back() *= 8;
  Array unpacked(shape);
  for (index_t position = 0; position < unpacked.size(); ++position) {
    const auto word = static_cast<std::uint32_t>(packed.flat(position / 8));
    const auto nibble = static_cast<int>((word >> (4 * (position % 8))) & 15u);
    unpacked.flat(position) = nibble < 8 ? nibble : nibble - 16;
  }
  return unpacked;
}

namespace detail {

enum class Part { key, value };

// Where logical key j of an entry is stored: in a page, or in a row.
struct KeyPlace {
  index_t column = 0;           // position along the key axis of masks and of per-token factors
  index_t block = 0, slot = 0;  // pages only
};

inline KeyPlace place_of_key(const AttentionCase& spec, const Entry& entry, index_t key) {
  KeyPlace place;
  place.column = entry.column(key);
  const Paging& paging = spec.paging;
  if (paging.block_table.present()) {
    place.block = paging.block_table.at(entry.batch, key / paging.block_size);
    place.slot = key % paging.block_size;
  }
  return place;
}

// One row out of a page; `row` has the width of the head.
inline void read_page(const Array& pages, index_t kv_heads, index_t head, const KeyPlace& place,
                      Eigen::Ref<Vector> row) {
  const auto rank = pages.rank();
  for (index_t d = 0; d < row.size(); ++d) {
    if (rank == 3) row(d) = pages.at(place.block, place.slot, head * (pages.shape[2] / kv_heads) + d);
    if (rank == 4) row(d) = pages.at(place.block, head, place.slot, d);
    if (rank == 5) row(d) = pages.at(place.block, head, d / pages.shape[4], place.slot, d % pages.shape[4]);
  }
}

inline void read_row(const Array& tensor, const std::string& layout, index_t heads, index_t batch, index_t head,
                     index_t index, Eigen::Ref<Vector> row) {
  const index_t start = row_position(extent_of(tensor, layout, heads), layout, batch, head, index);
  for (index_t d = 0; d < row.size(); ++d) row(d) = tensor.flat(start + d);
}

// Width of one head of a key or value tensor.
inline index_t head_width(const AttentionCase& spec, const Array& tensor) {
  if (!tensor.present()) return 0;
  const index_t heads = kv_heads_of(spec);
  if (!spec.paging.block_table.present()) return extent_of(tensor, input_layout(spec.layout), heads).width;
  if (tensor.rank() == 3) return tensor.shape[2] / heads;
  return tensor.rank() == 4 ? tensor.shape[3] : tensor.shape[2] * tensor.shape[4];
}

// Position of the factor of element d of a key, by the table of operators 4.3.
inline index_t factor_position(int mode, const std::vector<index_t>& shape, index_t count, const Entry& entry,
                               const KeyPlace& place, index_t head, index_t width, index_t d) {
  switch (mode) {
    case 0: return count == 1 ? 0 : head * width + d;
    case 1: return entry.batch * shape.back() + place.column;
    case 2: return head;
    case 3: return (entry.batch * entry.kv_heads + head) * shape.back() + place.column;
    case 4: return place.block * shape.back() + place.slot;
    default: return (place.block * entry.kv_heads + head) * shape.back() + place.slot;
  }
}

// x -> (x + offset) * scale for one row.  A joint pair holds the key's factors, then the value's.
inline void decode_row(const AttentionCase& spec, const Entry& entry, Part part, index_t head, const KeyPlace& place,
                       Eigen::Ref<Vector> row) {
  const bool joint = spec.antiquant.scale.present();
  const Antiquant& separate = part == Part::key ? spec.key_antiquant : spec.value_antiquant;
  const Antiquant& factors = joint ? spec.antiquant : separate;
  if (!factors.scale.present()) return;
  const index_t count = factors.scale.size() / (joint ? 2 : 1);
  const index_t first = joint && part == Part::value ? count : 0;
  for (index_t d = 0; d < row.size(); ++d) {
    const index_t position =
        first + factor_position(factors.mode, factors.scale.shape, count, entry, place, head, row.size(), d);
    const double offset = factors.offset.present() ? factors.offset.flat(position) : 0;
    row(d) = (row(d) + offset) * factors.scale.flat(position);
  }
}

// Key or value row `index` of an entry, from wherever it lives, still encoded.
inline void gather_row(const AttentionCase& spec, const Entry& entry, Part part, index_t head, index_t index,
                       const KeyPlace& place, Eigen::Ref<Vector> row) {
  const bool is_key = part == Part::key;
  const index_t heads = entry.kv_heads;
  const std::string layout = input_layout(spec.layout);
  if (index < entry.shared_prefix) {
    read_row(is_key ? spec.key_shared_prefix : spec.value_shared_prefix, layout, heads, 0, head, index, row);
    return;
  }
  const std::vector<Array>& list = is_key ? spec.key_list : spec.value_list;
  const bool own_tensor = list.size() > 1;
  const Array& plain =
      list.empty() ? (is_key ? spec.key : spec.value) : list.at(own_tensor ? static_cast<std::size_t>(entry.batch) : 0);
  if (spec.paging.block_table.present()) {
    read_page(plain, heads, head, place, row);
    return;
  }
  const index_t batch = own_tensor ? 0 : entry.kv_batch;
  read_row(plain, layout, heads, batch, head, entry.first_key + index - entry.shared_prefix, row);
}

inline void gather_key_rope(const AttentionCase& spec, const Entry& entry, index_t head, index_t index,
                            const KeyPlace& place, Eigen::Ref<Vector> row) {
  const index_t heads = entry.kv_heads;
  if (spec.paging.block_table.present()) {
    read_page(spec.key_rope, heads, head, place, row);
  } else {
    read_row(spec.key_rope, input_layout(spec.layout), heads, entry.kv_batch, head, entry.first_key + index, row);
  }
}

}  // namespace detail

// K: S2 x (D + rope), V: S2 x Dv of one key head.
struct HeadKeys {
  Matrix keys, values;
};

inline HeadKeys head_keys(const AttentionCase& spec, const Entry& entry, index_t kv_head) {
  const index_t width = detail::head_width(spec, key_sample(spec));
  const index_t rope = detail::head_width(spec, spec.key_rope);
  const index_t value_width = detail::head_width(spec, value_sample(spec));
  HeadKeys head{Matrix(entry.keys(), width + rope), Matrix(entry.keys(), value_width)};
  Vector key(width), key_rope(rope), value(value_width);
  for (index_t j = 0; j < entry.keys(); ++j) {
    const detail::KeyPlace place = detail::place_of_key(spec, entry, j);
    detail::gather_row(spec, entry, detail::Part::key, kv_head, j, place, key);
    detail::decode_row(spec, entry, detail::Part::key, kv_head, place, key);
    detail::gather_row(spec, entry, detail::Part::value, kv_head, j, place, value);
    detail::decode_row(spec, entry, detail::Part::value, kv_head, place, value);
    if (rope > 0) detail::gather_key_rope(spec, entry, kv_head, j, place, key_rope);
    head.keys.row(j) << key.transpose(), key_rope.transpose();
    head.values.row(j) = value.transpose();
  }
  return head;
}

// Q: S1 x (D + rope) of one query head.
inline Matrix head_queries(const AttentionCase& spec, const Entry& entry, index_t head) {
  const std::string layout = input_layout(spec.layout);
  const index_t width = query_extent(spec).width;
  const index_t rope = spec.query_rope.present() ? extent_of(spec.query_rope, layout, spec.head_num).width : 0;
  Matrix queries(entry.rows, width + rope);
  Vector query(width), query_rope(rope);
  for (index_t i = 0; i < entry.rows; ++i) {
    const index_t row = entry.first_row + i;
    detail::read_row(spec.query, layout, spec.head_num, entry.q_batch, head, row, query);
    if (rope > 0) detail::read_row(spec.query_rope, layout, spec.head_num, entry.q_batch, head, row, query_rope);
    queries.row(i) << query.transpose(), query_rope.transpose();
  }
  return queries;
}

}  // namespace glint::reference

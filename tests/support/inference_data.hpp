// An inference case's tensors, and the same numbers as the oracle's question.  What nothing may read holds NaN: rows
// outside the lengths, slots and blocks of the pools that no entry owns, keys that every query row masks, query rows
// that see nothing, and the places of pse_shift and of per-token factors that belong to them.
#pragma once

#include <cmath>

#include "support/operand.hpp"

namespace glint_test {

using glint::reference::AttentionCase;
using glint::reference::ByteArray;

// Where a key lies: row `row` of batch entry (or block) `batch` of tensor `tensor` (of a list).
struct KeySpot {
  index_t tensor = 0, batch = 0, row = 0;
  bool prefix = false;
};

inline constexpr DType kMaskTypes[] = {DType::u8, DType::f16, DType::bf16, DType::f32};

struct InferenceData {
  InferenceLists lists;
  Extent out_extent;
  Operand q, q_rope, pse, sink, post_scale, post_offset;
  std::vector<Operand> k, v, k_rope;  // one tensor, or one for each entry of a list
  Operand prefix_k, prefix_v, prefix_k_rope;
  Operand k_scale, k_offset, v_scale, v_offset;  // joint: k_ holds both, the key's and then the value's
  std::vector<std::int32_t> table;
  std::vector<std::uint8_t> mask, tree;
  std::vector<std::byte> wide_mask;  // the mask as floating-point numbers
  index_t mask_batch = 1, mask_rows = 1, tree_batch = 1;
  std::vector<std::uint8_t> seen;  // [batch][height][keys at their columns]
  index_t blocks = 0;
  float scale = 1;
  float dequant1 = 1, quant1 = 1, dequant2 = 1;  // of an int8 query
  AttentionCase spec;

  const std::uint8_t* mask_data() const {
    return wide_mask.empty() ? first_of(mask) : reinterpret_cast<const std::uint8_t*>(wide_mask.data());
  }
  KeySpot spot(const InferenceCase& c, index_t b, index_t key) const {
    if (key < lists.prefix) return {0, 0, key, true};
    const index_t own = key - lists.prefix;
    if (c.form == kList) return {b, 0, own};
    if (c.form != kPaged) return {0, lists.ragged ? 0 : b, lists.first[static_cast<std::size_t>(b)] + own};
    return {0, table[static_cast<std::size_t>(b * lists.max_blocks + own / c.block_size)], own % c.block_size};
  }
  index_t column(index_t b, index_t key) const {
    return key < lists.prefix ? key : key + lists.shift[static_cast<std::size_t>(b)];
  }
  std::uint8_t& sees(index_t b, index_t i, index_t column) {
    return seen[static_cast<std::size_t>((b * lists.height + i) * lists.columns + column)];
  }
};

namespace detail {

inline Random stream(const InferenceCase& c, std::uint64_t number) { return Random(c.seed, number); }

// Blocks in any order, some of them shared; table entries that nothing needs hold no block at all.
inline void fill_table(const InferenceCase& c, InferenceData& data) {
  Random random = stream(c, 42);
  index_t needed = 0;
  for (const index_t own : data.lists.own) needed += (own + c.block_size - 1) / c.block_size;
  data.blocks = needed + c.spare_blocks;
  std::vector<std::int32_t> order(static_cast<std::size_t>(data.blocks));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int32_t>(i);
    std::swap(order[i], order[static_cast<std::size_t>(random.below(static_cast<index_t>(i) + 1))]);
  }
  index_t taken = 0;
  for (const index_t own : data.lists.own) {
    for (index_t t = 0; t < data.lists.max_blocks; ++t) {
      const bool unused = t * c.block_size >= own;
      const bool again = !unused && taken > 0 && random.chance(static_cast<double>(c.shared));
      const index_t nothing = random.pick<index_t>(-1, -1, data.blocks, 2147483647, -2147483647);
      const index_t at = again ? random.below(taken) : taken;
      data.table.push_back(unused ? static_cast<std::int32_t>(nothing) : order[static_cast<std::size_t>(at)]);
      if (!unused && !again) ++taken;
    }
  }
}

inline void fill_cache(const InferenceCase& c, InferenceData& data) {
  const char* const layout = c.layout_name();
  const char* const pages = c.head_major != 0 ? "BNSD" : "BSH";
  const DType dtype = kDTypes[c.cache];
  const index_t tensors = c.form == kList ? c.batch : 1;
  const auto draw = [&](std::vector<Operand>& to, index_t width, double spread, double mean, std::uint64_t number,
                        Role role = Role::key) {
    for (index_t t = 0; width > 0 && t < tensors; ++t) {
      const index_t rows = c.form == kList ? data.lists.room[static_cast<std::size_t>(t)] : data.lists.kv_rows;
      if (c.form == kPaged)
        to.emplace_back(dtype, Extent{data.blocks, c.block_size, c.kv_heads, width}, pages, c.skew);
      else
        to.emplace_back(dtype, Extent{c.form == kList || c.ragged() ? 1 : c.batch, rows, c.kv_heads, width}, layout,
                        c.skew);
      draw_numbers(to.back(), stream(c, number + 100 * static_cast<std::uint64_t>(t)), spread, mean, c.init, role);
    }
  };
  const double spread_k = kSpreads[c.sd_k], spread_v = kSpreads[c.sd_v], mean = c.v_mean != 0 ? 3 * spread_v : 0;
  draw(data.k, c.dim, spread_k, 0, 2);
  draw(data.v, c.value_dim, spread_v, mean, 3, Role::value);
  draw(data.k_rope, c.rope, spread_k, 0, 4);
  if (c.prefix == 0) return;
  const auto prefix = [&](index_t width, double spread, double around, std::uint64_t number, Role role = Role::key) {
    Operand rows(dtype, Extent{1, c.prefix, c.kv_heads, width}, layout, c.skew);
    draw_numbers(rows, stream(c, number), spread, around, c.init, role);
    return rows;
  };
  data.prefix_k = prefix(c.dim, spread_k, 0, 5);
  data.prefix_v = prefix(c.value_dim, spread_v, mean, 6, Role::value);
  if (c.rope > 0) data.prefix_k_rope = prefix(c.rope, spread_k, 0, 7);
}

// Keys of a shared prefix come before an entry's own; what rope adds would blur the steps.
inline void make_one_hot(const InferenceCase& c, InferenceData& data) {
  const auto put_in = [](Operand& operand) {
    return [&operand](index_t at, double number) { operand.set(at, number); };
  };
  const auto clear = [](Operand& operand) {
    for (index_t i = 0; i < operand.size(); ++i) operand.set(i, 0);
  };
  one_hot_query(data.q.extent, data.q.layout, one_hot_step(static_cast<double>(data.scale)), put_in(data.q));
  for (Operand& k : data.k) one_hot_keys(k.extent, k.layout, c.prefix, put_in(k));
  if (c.prefix > 0) one_hot_keys(data.prefix_k.extent, data.prefix_k.layout, 0, put_in(data.prefix_k));
  clear(data.q_rope);
  clear(data.prefix_k_rope);
  for (Operand& rope : data.k_rope) clear(rope);
}

inline void fill_queries(const InferenceCase& c, InferenceData& data) {
  const InferenceLists& lists = data.lists;
  const index_t batch = c.ragged() ? 1 : c.batch;
  const auto draw = [&](index_t width, std::uint64_t number) {
    Operand rows(kDTypes[c.query], Extent{batch, lists.q_rows, c.heads(), width}, c.layout_name(), c.skew);
    draw_numbers(rows, stream(c, number), kSpreads[c.sd_q], 0, c.init, Role::query);
    return rows;
  };
  data.q = draw(c.dim, 1);
  if (c.rope > 0) data.q_rope = draw(c.rope, 8);
  data.out_extent = {batch, lists.q_rows, c.heads(), c.value_dim};
  if (c.init == kOneHot) make_one_hot(c, data);
}

// fill as in case_data.hpp: 0 a tenth dropped, 1 half, 2 half and some rows all, 3 everything, 4 nothing, 5 nine
// tenths.
inline std::vector<std::uint8_t> draw_mask(Random random, index_t rows, index_t columns, index_t fill) {
  std::vector<std::uint8_t> mask;
  const double percents[] = {10, 50, 50, 100, 0, 90};
  for (index_t i = 0; i < rows; ++i) {
    const bool whole_row = fill == 2 && random.chance(30);
    for (index_t j = 0; j < columns; ++j) {
      const bool drop = whole_row || random.chance(percents[fill]);
      mask.push_back(static_cast<std::uint8_t>(drop ? random.pick<index_t>(1, 1, 2, 128, 255) : 0));
    }
  }
  return mask;
}

inline void fill_masks(const InferenceCase& c, InferenceData& data) {
  data.mask_batch = c.mask == kMaskB1 || c.mask == kMaskBS1 ? c.batch : 1;
  data.mask_rows = c.mask == kMask1S || c.mask == kMaskBS1 ? data.lists.height : 1;
  if (c.mask != kUnmasked)
    data.mask = draw_mask(stream(c, 9), data.mask_batch * data.mask_rows, data.lists.columns, c.mask_fill);
  if (c.draft != kDraftTree) return;
  data.tree_batch = c.tree_batch != 0 ? c.batch : 1;
  data.tree = draw_mask(stream(c, 10), data.tree_batch * c.q_len, c.q_len, 1);
  for (index_t i = 0; c.tree_any == 0 && i < data.tree_batch * c.q_len; ++i)
    for (index_t j = i % c.q_len; j < c.q_len; ++j)
      data.tree[static_cast<std::size_t>(i * c.q_len + j)] = j == i % c.q_len ? 0 : 1;
}

// operators 2, the table's column for prompt.
inline bool mode_sees(const InferenceCase& c, const InferenceLists& lists, index_t b, index_t i, index_t key) {
  const index_t corner = i + lists.keys(b) - lists.rows(b), pre = near(c.pre), next = near(c.next);
  switch (c.mode) {
    case 0: return !c.tokens_act() || (i - pre <= key && key <= i + next);
    case 2: return key <= i;
    case 3: return key <= corner;
    case 4: return corner - pre <= key && key <= corner + next;
    default: return true;
  }
}

// Zeros of either sign keep; everything else drops, tiny numbers and NaN too.
inline void widen_mask(const InferenceCase& c, InferenceData& data) {
  if (c.mask == kUnmasked || c.mask_type == kBytes) return;
  const DType dtype = kMaskTypes[c.mask_type];
  Random random = stream(c, 18);
  data.wide_mask.resize(data.mask.size() * static_cast<std::size_t>(glint::size_of(dtype)));
  for (std::size_t i = 0; i < data.mask.size(); ++i) {
    const double drop = random.pick<double>(1.0, -3.0, 0x1p-20, kNaN, std::numeric_limits<double>::infinity());
    store_number(data.wide_mask.data(), dtype, static_cast<index_t>(i),
                 data.mask[i] != 0   ? drop
                 : random.chance(50) ? 0.0
                                     : -0.0);
  }
}

// Row i of entry b and its key: operators 1.5, 2 and 5.
inline bool row_sees(const InferenceCase& c, const InferenceData& data, index_t b, index_t i, index_t key) {
  const index_t mine = key - (data.lists.keys(b) - c.q_len);  // of the draft's own keys
  if (c.draft == kDraftCausal && mine > i) return false;
  if (c.draft == kDraftTree && mine >= 0) {
    const index_t row = (data.tree_batch > 1 ? b : 0) * c.q_len + i;
    if (data.tree[static_cast<std::size_t>(row * c.q_len + mine)] != 0) return false;
  }
  if (c.op == kPrompt && !mode_sees(c, data.lists, b, i, key)) return false;
  if (c.mask == kUnmasked) return true;
  const index_t row = (data.mask_batch > 1 ? b : 0) * data.mask_rows;
  const index_t at = data.mask_rows > 1 ? data.lists.score_row(b, i) : 0;
  return data.mask[static_cast<std::size_t>((row + at) * data.lists.columns + data.column(b, key))] == 0;
}

// each(b, i) for all query rows.
template <class Each>
void for_queries(const InferenceCase& c, const InferenceData& data, const Each& each) {
  for (index_t b = 0; b < c.batch; ++b)
    for (index_t i = 0; i < data.lists.rows(b); ++i) each(b, i);
}

inline void fill_seen(const InferenceCase& c, InferenceData& data) {
  data.seen.assign(static_cast<std::size_t>(c.batch * data.lists.height * data.lists.columns), 0);
  for_queries(c, data, [&](index_t b, index_t i) {
    for (index_t key = 0; key < data.lists.keys(b); ++key)
      data.sees(b, i, data.column(b, key)) = row_sees(c, data, b, i, key) ? 1 : 0;
  });
}

// NaN in query rows that see nothing, and in those of no entry.
inline void spoil_queries(const InferenceCase& c, InferenceData& data) {
  std::vector<std::uint8_t> read(static_cast<std::size_t>(data.out_extent.batch * data.lists.q_rows), 0);
  for_queries(c, data, [&](index_t b, index_t i) {
    const index_t row = data.lists.q_axis(b) * data.lists.q_rows + data.lists.q_row(b, i);
    for (index_t column = 0; column < data.lists.columns; ++column)
      read[static_cast<std::size_t>(row)] |= data.sees(b, i, column);
  });
  for (std::size_t row = 0; row < read.size(); ++row) {
    const auto at = static_cast<index_t>(row);
    if (read[row] != 0) continue;
    data.q.spoil_row(at / data.lists.q_rows, at % data.lists.q_rows);
    if (c.rope > 0) data.q_rope.spoil_row(at / data.lists.q_rows, at % data.lists.q_rows);
  }
}

inline void fill_pse(const InferenceCase& c, InferenceData& data) {
  if (c.pse == 0) return;
  const index_t batch = c.pse_batch != 0 ? c.batch : 1, heads = c.pse_head != 0 ? c.heads() : 1;
  const index_t rows = c.pse_row != 0 ? data.lists.height : 1, columns = data.lists.columns;
  data.pse = Operand(kDTypes[c.number()], std::vector<index_t>{batch, heads, rows, columns}, c.skew);
  draw_numbers(data.pse, stream(c, 11), kSpreads[c.sd_pse]);
  std::vector<std::uint8_t> read(static_cast<std::size_t>(batch * rows * columns), 0);
  for_queries(c, data, [&](index_t b, index_t i) {
    const index_t row = (batch > 1 ? b : 0) * rows + (rows > 1 ? data.lists.score_row(b, i) : 0);
    for (index_t j = 0; j < columns; ++j) read[static_cast<std::size_t>(row * columns + j)] |= data.sees(b, i, j);
  });
  for (index_t b = 0; b < batch; ++b)
    for (index_t n = 0; n < heads; ++n)
      for (index_t i = 0; i < rows * columns; ++i)
        if (read[static_cast<std::size_t>(b * rows * columns + i)] == 0)
          data.pse.spoil((b * heads + n) * rows * columns + i);
}

}  // namespace detail
}  // namespace glint_test

// Layouts, sequences and pages by the operators' text, with the ways to misread them.
#include "kit/mutants/placement.hpp"

#include <algorithm>

namespace kit::mutant {

std::string input_side(const std::string& layout) { return layout.substr(0, layout.find('_')); }
std::string output_side(const std::string& layout) {
  const auto bar = layout.find('_');
  return bar == std::string::npos ? layout : layout.substr(bar + 1);
}

bool is_packed(std::string_view layout) { return layout == "TND" || layout == "NTD"; }

std::string other_layout(std::string_view layout) {
  if (layout == "TND") return "NTD";
  if (layout == "NTD") return "TND";
  return layout == "BNSD" ? "BSND" : "BNSD";
}

Grid arranged(Grid g, std::string_view layout) {
  const bool head_major = layout == "BNSD" || layout == "NTD";
  if (layout == "SBH") {
    g.head_step = g.width;
    g.batch_step = g.heads * g.head_step;
    g.row_step = g.batch * g.batch_step;
  } else if (layout == "NBSD") {
    g.row_step = g.width;
    g.batch_step = g.rows * g.row_step;
    g.head_step = g.batch * g.batch_step;
  } else if (head_major) {
    g.row_step = g.width;
    g.head_step = g.rows * g.row_step;
    g.batch_step = g.heads * g.head_step;
  } else {  // BSH, BSND, TND
    g.head_step = g.width;
    g.row_step = g.heads * g.head_step;
    g.batch_step = g.rows * g.row_step;
  }
  return g;
}

Grid grid_of(const std::vector<index_t>& s, std::string_view layout, index_t heads) {
  Grid g;
  if (layout == "BSH") g = {s.at(0), heads, s.at(1), s.at(2) / heads};
  if (layout == "SBH") g = {s.at(1), heads, s.at(0), s.at(2) / heads};
  if (layout == "BNSD") g = {s.at(0), s.at(1), s.at(2), s.at(3)};
  if (layout == "BSND") g = {s.at(0), s.at(2), s.at(1), s.at(3)};
  if (layout == "TND") g = {1, s.at(1), s.at(0), s.at(2)};
  if (layout == "NTD") g = {1, s.at(0), s.at(1), s.at(2)};
  return arranged(g, layout);
}

std::vector<index_t> shape_of(const Grid& g, std::string_view layout) {
  if (layout == "BSH") return {g.batch, g.rows, g.heads * g.width};
  if (layout == "SBH") return {g.rows, g.batch, g.heads * g.width};
  if (layout == "BNSD") return {g.batch, g.heads, g.rows, g.width};
  if (layout == "BSND") return {g.batch, g.rows, g.heads, g.width};
  if (layout == "NBSD") return {g.heads, g.batch, g.rows, g.width};
  if (layout == "TND") return {g.rows, g.heads, g.width};
  return {g.heads, g.rows, g.width};
}

const Array& first_keys(const AttentionCase& spec) { return spec.key_list.empty() ? spec.key : spec.key_list[0]; }
const Array& first_values(const AttentionCase& spec) {
  return spec.value_list.empty() ? spec.value : spec.value_list[0];
}

index_t kv_head_count(const AttentionCase& spec) {
  if (spec.kv_head_num > 0) return spec.kv_head_num;
  const std::string layout = input_side(spec.layout);
  const std::vector<index_t>& keys = first_keys(spec).shape;
  const index_t width = grid_of(spec.query.shape, layout, spec.head_num).width;
  if (spec.paging.block_table.present()) return keys.size() == 3 ? keys[2] / width : keys.at(1);
  if (layout == "BSH" || layout == "SBH") return keys.at(2) / width;
  return grid_of(keys, layout, 1).heads;
}

index_t room_of(const AttentionCase& spec, index_t entry) {
  if (spec.paging.block_table.present()) return spec.paging.block_table.shape[1] * spec.paging.block_size;
  const bool own = spec.key_list.size() > 1;
  const Array& keys = own ? spec.key_list[static_cast<std::size_t>(entry)] : first_keys(spec);
  return grid_of(keys.shape, input_side(spec.layout), kv_head_count(spec)).rows;
}

namespace {

struct Stretch {
  index_t first = 0, count = 0;
};

// Entry b of a list of cumulative ends; a list may end in zeros, which skip entries.
Stretch between_ends(const std::vector<index_t>& ends, std::size_t b, index_t rows, Bug bug) {
  if (bug == Bug::lengths_leading_zero) {
    if (b + 1 >= ends.size()) return {};
    return {ends[b], std::max<index_t>(0, ends[b + 1] - ends[b])};
  }
  if (bug == Bug::lengths_as_lengths) {
    index_t first = 0;
    for (std::size_t before = 0; before < b; ++before) first += ends[before];
    first = std::min(first, rows);
    return {first, std::min(ends[b], rows - first)};
  }
  const index_t first = b == 0 ? 0 : ends[b - 1];
  return {first, std::max<index_t>(0, ends[b] - first)};
}

// Entry b of a list of lengths, one for all or one for each.
index_t length_of(const std::vector<index_t>& lengths, std::size_t b, Bug bug) {
  if (lengths.size() == 1) return lengths[0];
  if (bug == Bug::lengths_as_lengths && b > 0) return std::max<index_t>(0, lengths[b] - lengths[b - 1]);
  return lengths.at(b);
}

void place_rows(const AttentionCase& spec, Bug bug, Sequence& s) {
  const std::string layout = input_side(spec.layout);
  const auto b = static_cast<std::size_t>(s.number);
  const index_t room = grid_of(spec.query.shape, layout, spec.head_num).rows;
  const std::vector<index_t>& lengths = spec.actual_seq_qlen;
  if (is_packed(layout)) {
    const Stretch own = between_ends(lengths, b, room, bug);
    s.q_first = own.first, s.rows = own.count;
    return;
  }
  s.q_batch = s.number;
  s.rows = room;
  if (spec.op == glint::reference::Operator::score || lengths.empty()) return;
  s.rows = length_of(lengths, b, bug);
  if (!spec.query_padding_size) return;
  s.q_first = room - std::max<index_t>(0, *spec.query_padding_size) - s.rows;
  if (s.q_first < 0) s.q_first = s.rows = 0;
  s.row_lead = s.q_first;
}

void place_padded_keys(const AttentionCase& spec, index_t room, Sequence& s) {
  s.kv_first = room - std::max<index_t>(0, *spec.kv_padding_size) - s.own_keys;
  s.column_lead = s.kv_first;
  if (s.kv_first < 0) s.kv_first = s.column_lead = s.own_keys = s.prefix_keys = 0;
}

void place_keys(const AttentionCase& spec, Bug bug, Sequence& s) {
  const std::string layout = input_side(spec.layout);
  const auto b = static_cast<std::size_t>(s.number);
  const std::vector<index_t>& lengths = spec.actual_seq_kvlen;
  const bool paged = spec.paging.block_table.present();
  const index_t room = room_of(spec, s.number);
  if (is_packed(layout) && !paged) {
    Stretch own = between_ends(lengths, b, room, bug);
    if (bug == Bug::lengths_kv_by_query) own = between_ends(spec.actual_seq_qlen, b, room, bug);  // BUG
    s.kv_first = std::min(own.first, room), s.own_keys = std::min(own.count, room - s.kv_first);
    return;
  }
  s.kv_batch = s.number;
  s.own_keys = room;
  const index_t missing = bug == Bug::lengths_short ? 1 : 0;  // BUG: the new token is not counted
  if (paged) {
    s.own_keys = std::max<index_t>(0, length_of(lengths, b, bug) - missing);
    return;
  }
  if (spec.op == glint::reference::Operator::score || lengths.empty()) return;
  if (bug == Bug::lengths_ignored) return;
  s.own_keys = std::max<index_t>(0, length_of(lengths, b, bug) - missing);
  if (spec.kv_padding_size && bug != Bug::cache_padding_ignored) place_padded_keys(spec, room, s);
}

void place_prefix(const AttentionCase& spec, Bug bug, Sequence& s) {
  if (!spec.key_shared_prefix.present() || bug == Bug::cache_prefix_ignored) return;
  const Grid rows = grid_of(spec.key_shared_prefix.shape, input_side(spec.layout), kv_head_count(spec));
  s.prefix_keys = spec.actual_shared_prefix_len.value_or(rows.rows);
}

}  // namespace

std::vector<Sequence> sequences_of(const AttentionCase& spec, Bug bug) {
  const std::string layout = input_side(spec.layout);
  const index_t count = is_packed(layout) ? static_cast<index_t>(spec.actual_seq_qlen.size())
                                          : grid_of(spec.query.shape, layout, spec.head_num).batch;
  std::vector<Sequence> all;
  Sequence next;
  for (next.number = 0; next.number < count; ++next.number) {
    Sequence s = next;
    place_rows(spec, bug, s);
    place_prefix(spec, bug, s);
    place_keys(spec, bug, s);
    all.push_back(s);
    next.scores += s.rows * s.keys();
    next.padded_scores += s.rows * ((s.keys() + 15) / 16 * 16);
    next.byte_scores += s.rows * ((s.keys() + 7) / 8 * 8);
    next.keys_before += s.keys();
    next.squares += s.rows * s.rows;
  }
  return all;
}

PagePlace page_of(const AttentionCase& spec, const Sequence& s, index_t key, Bug bug) {
  const auto& paging = spec.paging;
  const index_t column = key / paging.block_size, columns = paging.block_table.shape[1];
  const index_t pages = first_keys(spec).shape[0];
  if (bug == Bug::cache_table_ignored) return {(s.number * columns + column) % pages, key % paging.block_size};
  return {paging.block_table.at(s.number, column), key % paging.block_size};
}

}  // namespace kit::mutant

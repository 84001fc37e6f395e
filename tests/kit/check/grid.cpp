// The blocks of every output.  Shapes and lists come from a file: nothing about them is taken for granted.
#include "kit/check/grid.hpp"

#include <algorithm>

#include "kit/bundle/types.hpp"

namespace kit::detail {

namespace oracle = glint::reference;
using oracle::Extent;

namespace {

bool folds_heads(std::string_view layout) { return layout == "BSH" || layout == "SBH"; }

// The logical extents of a shape in a layout; false if it has none.
bool extent_in(const std::vector<index_t>& shape, const std::string& layout, index_t heads, Extent& extent) {
  const std::size_t rank = folds_heads(layout) || oracle::is_packed(layout) ? 3 : 4;
  if (shape.size() != rank) return false;
  if (folds_heads(layout) && (heads <= 0 || shape[2] % heads != 0)) return false;
  if (layout == "NBSD")
    extent = {shape[1], shape[2], shape[0], shape[3]};
  else
    extent = oracle::extent_of(Array(shape, {}), layout, heads);
  return true;
}

index_t heads_of(const Frame& frame, std::string_view output) {
  return axes_of(output) == Axes::key_rows ? frame.kv_heads : frame.question.spec.head_num;
}

// Rows [first, first + rows) of one batch entry of a tensor.
Block block_of(const Extent& e, const std::string& layout, index_t b, index_t batch, index_t first, index_t rows) {
  const auto at = [&](index_t n, index_t i) { return oracle::row_position(e, layout, batch, n, i); };
  return {b, e.heads, rows, e.width, at(0, first), at(1, 0) - at(0, 0), at(0, 1) - at(0, 0)};
}

// One block for each sequence, and one for the rows behind the last, which belong to nobody.
std::string packed_blocks(const Extent& e, const std::string& layout, const std::vector<index_t>& ends, Grid& grid) {
  index_t begin = 0, b = 0;
  for (const index_t end : ends) {
    if (end > e.rows)
      return "sequence " + std::to_string(b) + " ends at row " + std::to_string(end) + " of a tensor with " +
             std::to_string(e.rows);
    if (end > begin) grid.push_back(block_of(e, layout, b, 0, begin, end - begin));
    begin = std::max(begin, end), ++b;
  }
  if (begin < e.rows) grid.push_back(block_of(e, layout, b, 0, begin, e.rows - begin));
  return {};
}

std::string row_blocks(const Frame& frame, bool of_keys, const Extent& e, const std::string& layout, Grid& grid) {
  const AttentionCase& spec = frame.question.spec;
  if (oracle::is_packed(layout))
    return packed_blocks(e, layout, of_keys ? spec.actual_seq_kvlen : spec.actual_seq_qlen, grid);
  for (index_t b = 0; b < e.batch; ++b) grid.push_back(block_of(e, layout, b, b, 0, e.rows));
  return {};
}

std::string statistics_blocks(const Frame& frame, const std::vector<index_t>& shape, Grid& grid) {
  const std::string layout = frame.packed() ? "TND" : "BNSD";
  std::vector<index_t> with_width = shape;
  with_width.push_back(1);
  Extent extent;
  if (!extent_in(with_width, layout, 0, extent))
    return "shape " + text_of(shape) + ", want " + (frame.packed() ? "(T, N)" : "(B, N, S)");
  return row_blocks(frame, false, extent, layout, grid);
}

// [b][N1][S1_b][S2_b] or [b][N1][S2_b].
std::string flat_bias_blocks(const AttentionCase& spec, index_t size, Grid& grid) {
  if (spec.actual_seq_qlen.size() != spec.actual_seq_kvlen.size()) return "the lists of lengths differ in size";
  index_t first = 0, rows_before = 0, keys_before = 0;
  for (std::size_t b = 0; b < spec.actual_seq_qlen.size(); ++b) {
    // Lists come from a file: from an end below zero nothing can be subtracted.
    const index_t rows = std::max(rows_before, spec.actual_seq_qlen[b]) - rows_before;
    const index_t keys = std::max(keys_before, spec.actual_seq_kvlen[b]) - keys_before;
    rows_before += rows, keys_before += keys;
    const index_t tall = spec.pse_form == oracle::PseForm::flat_column ? 1 : rows;
    const auto left = elements_of({spec.head_num, tall, keys});
    if (!left || *left > size - first) return "has fewer elements than its sequences need";
    if (*left > 0) grid.push_back({static_cast<index_t>(b), spec.head_num, tall, keys, first, tall * keys, keys});
    first += *left;
  }
  return first == size ? "" : "has more elements than its sequences need";
}

std::string bias_blocks(const Frame& frame, const std::vector<index_t>& shape, Grid& grid) {
  if (frame.question.spec.pse_form != oracle::PseForm::dense)
    return flat_bias_blocks(frame.question.spec, elements_of(shape).value_or(0), grid);
  if (shape.empty() || shape.size() > 4) return "shape " + text_of(shape) + ", want (B, N, S1, S2)";
  std::vector<index_t> four(4 - shape.size(), 1);
  four.insert(four.end(), shape.begin(), shape.end());
  const index_t plane = four[2] * four[3];
  for (index_t b = 0; b < four[0]; ++b)
    grid.push_back({b, four[1], four[2], four[3], b * four[1] * plane, plane, four[3]});
  return {};
}

bool has_rows(std::string_view output) {
  return axes_of(output) == Axes::query_rows || axes_of(output) == Axes::key_rows;
}

// N2, from any tensor that tells.
index_t kv_heads_of(const Bundle& bundle, const AttentionCase& spec) {
  if (spec.kv_head_num > 0) return spec.kv_head_num;
  const Tensor *const key = bundle.find("d_key"), *const query = bundle.find("d_query");
  if (key == nullptr || query == nullptr) return 0;
  const std::string layout = oracle::input_layout(spec.layout);
  Extent of_query, of_key;
  if (!extent_in(query->shape, layout, spec.head_num, of_query)) return 0;
  const bool folded = folds_heads(layout) && key->shape.size() == 3 && of_query.width > 0;
  if (folded) return key->shape[2] / of_query.width;
  return extent_in(key->shape, layout, 1, of_key) ? of_key.heads : 0;
}

}  // namespace

Axes axes_of(std::string_view output) {
  if (output == "out" || output.starts_with("d_query")) return Axes::query_rows;
  if (output.starts_with("d_key") || output == "d_value") return Axes::key_rows;
  if (output == "d_pse") return Axes::bias;
  return output == "d_sink" ? Axes::heads : Axes::statistics;
}

bool Frame::packed() const { return oracle::is_packed(oracle::input_layout(question.spec.layout)); }

std::string frame_of(const Bundle& bundle, Frame& frame) {
  if (std::string wrong = parameters_from_bundle(bundle, frame.question); !wrong.empty()) return wrong;
  frame.kv_heads = kv_heads_of(bundle, frame.question.spec);
  return {};
}

std::string layout_of(const Frame& frame, std::string_view output) {
  const std::string& name = frame.question.spec.layout;
  return output == "out" ? oracle::output_layout(name) : oracle::input_layout(name);
}

std::vector<std::string> layouts_for(const Frame& frame, std::string_view output) {
  if (!has_rows(output)) return {};
  if (frame.packed()) return {"TND", "NTD"};
  return {"BSH", "BSND", "BNSD", "SBH", "NBSD"};
}

std::vector<index_t> shape_in(const Frame& frame, std::string_view output, const std::vector<index_t>& shape,
                              const std::string& layout) {
  Extent extent;
  if (!has_rows(output) || !extent_in(shape, layout_of(frame, output), heads_of(frame, output), extent)) return shape;
  return oracle::shape_of(extent, layout);
}

std::string grid_of(const Frame& frame, std::string_view output, const std::vector<index_t>& shape,
                    const std::string& layout, Grid& grid) {
  grid.clear();
  if (elements_of(shape).value_or(0) == 0) return {};
  if (axes_of(output) == Axes::statistics) return statistics_blocks(frame, shape, grid);
  if (axes_of(output) == Axes::bias) return bias_blocks(frame, shape, grid);
  if (axes_of(output) == Axes::heads) {
    if (shape.size() != 1) return "shape " + text_of(shape) + ", want (N)";
    grid.push_back({0, shape[0], 1, 1, 0, 1, 1});
    return {};
  }
  const std::string own = layout_of(frame, output);
  Extent extent;
  if (!extent_in(shape, own, heads_of(frame, output), extent))
    return "shape " + text_of(shape) + " is none of " + own + " with " + std::to_string(heads_of(frame, output)) +
           " heads";
  return row_blocks(frame, axes_of(output) == Axes::key_rows, extent, layout.empty() ? own : layout, grid);
}

}  // namespace kit::detail

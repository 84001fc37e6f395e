// Layout names to element positions (operators 3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "glint/reference/case.hpp"

namespace glint::reference {

// The four logical extents of a tensor.  Packed layouts (TND, NTD) have batch 1 and rows T.
struct Extent {
  index_t batch = 0, rows = 0, heads = 0, width = 0;
};

// "BNSD_BSND" reads BNSD and writes BSND; a plain name does both.
inline std::string input_layout(const std::string& name) { return name.substr(0, name.find('_')); }
inline std::string output_layout(const std::string& name) { return name.substr(name.find('_') + 1); }

inline bool is_packed(std::string_view layout) { return layout == "TND" || layout == "NTD"; }

// BSH and SBH fold heads into the last axis, so the head count must be told.
inline Extent extent_of(const Array& tensor, std::string_view layout, index_t heads) {
  const std::vector<index_t>& shape = tensor.shape;
  if (layout == "BSH") return {shape.at(0), shape.at(1), heads, shape.at(2) / heads};
  if (layout == "SBH") return {shape.at(1), shape.at(0), heads, shape.at(2) / heads};
  if (layout == "BNSD") return {shape.at(0), shape.at(2), shape.at(1), shape.at(3)};
  if (layout == "BSND") return {shape.at(0), shape.at(1), shape.at(2), shape.at(3)};
  if (layout == "TND") return {1, shape.at(0), shape.at(1), shape.at(2)};
  return {1, shape.at(1), shape.at(0), shape.at(2)};  // NTD
}

inline std::vector<index_t> shape_of(const Extent& extent, std::string_view layout) {
  const auto [batch, rows, heads, width] = extent;
  if (layout == "BSH") return {batch, rows, heads * width};
  if (layout == "SBH") return {rows, batch, heads * width};
  if (layout == "BNSD") return {batch, heads, rows, width};
  if (layout == "BSND") return {batch, rows, heads, width};
  if (layout == "NBSD") return {heads, batch, rows, width};
  if (layout == "TND") return {rows, heads, width};
  return {heads, rows, width};  // NTD
}

// Flat position of element 0 of one row; its `width` elements are adjacent in every layout.
inline index_t row_position(const Extent& extent, std::string_view layout, index_t batch, index_t head, index_t row) {
  const auto [batches, rows, heads, width] = extent;
  if (layout == "BSH" || layout == "BSND" || layout == "TND") return ((batch * rows + row) * heads + head) * width;
  if (layout == "SBH") return ((row * batches + batch) * heads + head) * width;
  if (layout == "NBSD") return ((head * batches + batch) * rows + row) * width;
  return ((batch * heads + head) * rows + row) * width;  // BNSD, NTD
}

inline Extent query_extent(const AttentionCase& spec) {
  return extent_of(spec.query, input_layout(spec.layout), spec.head_num);
}

// The tensor that tells shapes of keys: a list's first element stands for the list.
inline const Array& key_sample(const AttentionCase& spec) {
  return spec.key_list.empty() ? spec.key : spec.key_list.front();
}
inline const Array& value_sample(const AttentionCase& spec) {
  return spec.value_list.empty() ? spec.value : spec.value_list.front();
}

// N2.  With H = N*D on both sides, N2 = H2 / (H1/N1) (operators 3).
inline index_t kv_heads_of(const AttentionCase& spec) {
  if (spec.kv_head_num > 0) return spec.kv_head_num;
  const std::vector<index_t>& shape = key_sample(spec).shape;
  const std::string layout = input_layout(spec.layout);
  const bool paged = spec.paging.block_table.present();
  const bool heads_in_width = paged ? shape.size() == 3 : layout == "BSH" || layout == "SBH";
  if (heads_in_width) return shape.at(2) / query_extent(spec).width;
  if (paged) return shape.at(1);
  return extent_of(key_sample(spec), layout, 1).heads;
}

}  // namespace glint::reference

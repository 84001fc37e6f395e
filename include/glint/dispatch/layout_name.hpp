// Layouts by name, and shapes in them.
#pragma once

#include <initializer_list>
#include <string_view>

#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Up to four extents, as in {2, 128, 4096}.
struct Extents {
  index_t extent[4] = {};
  int rank = 0;

  constexpr Extents() = default;
  constexpr Extents(std::initializer_list<index_t> list) {
    for (const index_t e : list)
      if (rank++ < 4) extent[rank - 1] = e;
  }
  constexpr index_t operator[](int axis) const { return extent[axis]; }
  constexpr index_t elements() const {
    std::uint64_t n = 1;  // which may wrap: extents are judged later
    for (int i = 0; i < rank && i < 4; ++i) n *= static_cast<std::uint64_t>(extent[i]);
    return static_cast<index_t>(n);
  }
  // What stands behind the last axis does not count.
  friend constexpr bool operator==(const Extents& a, const Extents& b) {
    bool same = a.rank == b.rank;
    for (int i = 0; same && i < a.rank && i < 4; ++i) same = a[i] == b[i];
    return same;
  }
};

namespace dispatch {

struct LayoutName {
  const char* name;
  Layout layout;
  int rank;
  // Which axis holds what; -1: not an axis of its own.
  int batch, heads, rows, last;
};

// operators 3.
inline constexpr LayoutName kLayouts[] = {
    {"BSH", Layout::BSH, 3, 0, -1, 1, 2},  {"SBH", Layout::SBH, 3, 1, -1, 0, 2}, {"BNSD", Layout::BNSD, 4, 0, 1, 2, 3},
    {"BSND", Layout::BSND, 4, 0, 2, 1, 3}, {"TND", Layout::TND, 3, -1, 1, 0, 2},
};

constexpr bool is_inference_dense(const LayoutName& l) {
  return l.layout == Layout::BSH || l.layout == Layout::BNSD || l.layout == Layout::BSND;
}

// Upper or lower case, as the documents' own front end accepts.
constexpr const LayoutName* find_layout(std::string_view text) {
  for (const LayoutName& known : kLayouts) {
    const std::string_view name = known.name;
    bool same = name.size() == text.size();
    for (std::size_t i = 0; same && i < name.size(); ++i)
      same = name[i] == (text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i]);
    if (same) return &known;
  }
  return nullptr;
}

// The layouts of inputs and output: one name for both, or "BNSD_BSND" and the like (operators 3).
struct LayoutPair {
  const LayoutName* in = nullptr;
  const LayoutName* out = nullptr;
};

inline Status read_layouts(std::string_view text, LayoutPair& layouts) {
  const std::size_t cut = text.find('_');
  layouts.in = find_layout(text.substr(0, cut));
  layouts.out = cut == std::string_view::npos ? layouts.in : find_layout(text.substr(cut + 1));
  const bool known = layouts.in != nullptr && layouts.out != nullptr;
  GLINT_REQUIRE(known, Code::layout_unknown, "input_layout must be one of BSH, BNSD, BSND, TND, or two as in BNSD_BSND",
                -1, 0);
  GLINT_REQUIRE(layouts.in == layouts.out || (is_inference_dense(*layouts.in) && is_inference_dense(*layouts.out)),
                Code::layout_not_for_operator, "only BSH, BNSD and BSND may be mixed", layouts.out->layout,
                layouts.in->layout);
  return Status::ok();
}

// The shape of a tensor in a layout.
constexpr Extents extents_in(const LayoutName& layout, Dims d) {
  Extents e;
  e.rank = layout.rank;
  if (layout.batch >= 0) e.extent[layout.batch] = d.batch;
  e.extent[layout.rows] = d.rows;
  e.extent[layout.last] = layout.heads >= 0 ? d.dim : d.heads * d.dim;
  if (layout.heads >= 0) e.extent[layout.heads] = d.heads;
  return e;
}

}  // namespace dispatch
}  // namespace GLINT_ABI
}  // namespace glint

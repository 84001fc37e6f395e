// The five layouts of the operator documents, each one line: dims -> strides.  A layout knows no data, and past
// the operator's door nobody mentions one: kernels see strides.
#pragma once

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct Dims {
  index_t batch = 0, heads = 0, rows = 0, dim = 0;
};

// Elements from one batch entry, head or row to the next.  Consecutive elements of a row are adjacent, always.
struct Strides {
  index_t batch = 0, head = 0, row = 0;

  constexpr bool empty() const { return batch == 0 && head == 0 && row == 0; }
  friend constexpr bool operator==(const Strides&, const Strides&) = default;
};

enum class Layout : std::uint8_t { BSH, BSND, SBH, BNSD, TND };

namespace layout {

// (B, S, N*D): the heads of a token lie side by side.
struct BSH {
  static constexpr Layout kind = Layout::BSH;
  static constexpr Strides strides(Dims d) { return {d.rows * d.heads * d.dim, d.dim, d.heads * d.dim}; }
};
// (B, S, N, D): the same memory as BSH under a 4-D shape.
struct BSND {
  static constexpr Layout kind = Layout::BSND;
  static constexpr Strides strides(Dims d) { return BSH::strides(d); }
};
// (S, B, N*D): tokens of all batch entries interleaved.
struct SBH {
  static constexpr Layout kind = Layout::SBH;
  static constexpr Strides strides(Dims d) { return {d.heads * d.dim, d.dim, d.batch * d.heads * d.dim}; }
};
// (B, N, S, D): each head contiguous.
struct BNSD {
  static constexpr Layout kind = Layout::BNSD;
  static constexpr Strides strides(Dims d) { return {d.heads * d.rows * d.dim, d.rows * d.dim, d.dim}; }
};
// (T, N, D): sequences one after another; where a batch entry starts is known to Sequences, not to the stride.
struct TND {
  static constexpr Layout kind = Layout::TND;
  static constexpr Strides strides(Dims d) { return {0, d.dim, d.heads * d.dim}; }
};

// Inputs in BNSD, the output in BSND.
struct BNSD_BSND : BNSD {
  static constexpr Layout output = Layout::BSND;
};

// The layout of the output: that of the inputs, unless the tag names another.
template <class Tag>
inline constexpr Layout output_of = Tag::kind;
template <class Tag>
requires requires { Tag::output; }
inline constexpr Layout output_of<Tag> = Tag::output;

constexpr Strides strides(Layout kind, Dims d) {
  switch (kind) {
    case Layout::BSH: return BSH::strides(d);
    case Layout::BSND: return BSND::strides(d);
    case Layout::SBH: return SBH::strides(d);
    case Layout::BNSD: return BNSD::strides(d);
    case Layout::TND: break;
  }
  return TND::strides(d);
}

}  // namespace layout
}  // namespace GLINT_ABI
}  // namespace glint

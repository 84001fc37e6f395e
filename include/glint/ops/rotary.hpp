// Rotary position embedding: pairs of numbers of a query or key row are turned by an angle that is proportional to the
// token's position.  Source: RoFormer, arXiv:2104.09864, section 3.4.2.
//
//   y0 = x0 cos(a) - x1 sin(a),  y1 = x0 sin(a) + x1 cos(a),  a = position * theta^(-2i / R),  i = 0 .. R/2 - 1
//
// R = rotary_dim: numbers [0, R) of a row are turned, the rest stays.  Angles, sines and cosines are calculated in
// double (at position 1e6 an angle is good to 1e-9), the products in float.  Where all angles are 0, as at position 0,
// rows keep their bits.
#pragma once

#include <cmath>
#include <span>

#include "glint/ops/row_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Which numbers are a pair.
enum class RotaryStyle : std::uint8_t {
  half_split,   // (i, i + R/2), as in GPT-NeoX and Llama in the format of Hugging Face
  interleaved,  // (2i, 2i + 1), as in GPT-J and RoFormer
};

template <class Element>
struct RotaryProblem {
  const Element* x = nullptr;  // null: the rows of out, in place.  Otherwise apart from out, or out with its strides
  Element* out = nullptr;
  Dims dims{};  // batch, heads, rows, head size
  Strides x_strides{}, out_strides{};

  // One of the two.  first_positions: row r of entry b has position first_positions[b] + r; one number for all entries
  // or one for each, the same list as the lengths of kv_append.  positions: [batch][rows].
  std::span<const index_t> first_positions{};
  std::span<const index_t> positions{};

  RotaryStyle style = RotaryStyle::half_split;
  index_t rotary_dim = 0;  // R, even; 0: the head size
  double theta = 10000;    // not used with tables

  // Instead of theta, for frequencies of another form: cosines and sines of the angles, [table_positions][R/2].
  const float* cos_table = nullptr;
  const float* sin_table = nullptr;
  index_t table_positions = 0;

  index_t turned() const { return rotary_dim == 0 ? dims.dim : rotary_dim; }
  index_t position(index_t b, index_t row) const {
    if (first_positions.empty()) return positions[static_cast<std::size_t>(b * dims.rows + row)];
    return detail::entry_of(first_positions, b) + row;
  }
};

namespace detail {

inline constexpr index_t kLargestPosition = index_t{1} << 31;

// Cosines and sines of some pairs of one position, and where those pairs are.
struct Turn {
  static constexpr index_t kMost = 128;
  double frequency[kMost];
  float cosine[kMost], sine[kMost];
  index_t first = 0, count = 0;    // pairs
  index_t step = 1, distance = 0;  // from pair to pair, and from x0 to x1
  bool none = false;               // all angles are 0

  template <class Element>
  void choose(const RotaryProblem<Element>& p, index_t first_pair) {
    const index_t half_dim = p.turned() / 2;
    first = first_pair;
    count = half_dim - first < kMost ? half_dim - first : kMost;
    step = p.style == RotaryStyle::half_split ? 1 : 2;
    distance = p.style == RotaryStyle::half_split ? half_dim : 1;
    if (p.cos_table != nullptr) return;
    for (index_t i = 0; i < count; ++i)
      frequency[i] = std::pow(p.theta, -static_cast<double>(2 * (first + i)) / static_cast<double>(2 * half_dim));
  }

  template <class Element>
  void aim(const RotaryProblem<Element>& p, index_t position) {
    for (index_t i = 0; i < count; ++i) {
      if (p.cos_table != nullptr) {
        const index_t at = position * (p.turned() / 2) + first + i;
        cosine[i] = p.cos_table[at], sine[i] = p.sin_table[at];
      } else {
        const double angle = static_cast<double>(position) * frequency[i];
        cosine[i] = static_cast<float>(std::cos(angle)), sine[i] = static_cast<float>(std::sin(angle));
      }
    }
    none = true;
    for (index_t i = 0; i < count; ++i) none = none && cosine[i] == 1 && sine[i] == 0;
  }

  // x and out may be the same row.
  template <class Stored>
  void apply(const Stored* x, Stored* out) const {
    for (index_t i = 0; i < count; ++i) {
      const index_t at = (first + i) * step;
      const Stored a = x[at], b = x[at + distance];
      const float x0 = to_float(a), x1 = to_float(b);
      out[at] = none ? a : from_float<Stored>(x0 * cosine[i] - x1 * sine[i]);
      out[at + distance] = none ? b : from_float<Stored>(x0 * sine[i] + x1 * cosine[i]);
    }
  }
};

}  // namespace detail

namespace rules {

template <class Element>
Status rotary_attributes(const RotaryProblem<Element>& p) {
  GLINT_REQUIRE(p.style == RotaryStyle::half_split || p.style == RotaryStyle::interleaved, Code::rotary_style_unknown,
                "the rotary style must be half_split or interleaved", p.style, 0);
  GLINT_REQUIRE(p.turned() >= 2 && p.turned() <= p.dims.dim, Code::rotary_dim_range,
                "rotary_dim must be between 2 and the head size", p.turned(), p.dims.dim);
  GLINT_REQUIRE(p.turned() % 2 == 0, Code::rotary_dim_range, "rotary_dim must be even", p.turned(), p.turned() + 1);
  GLINT_REQUIRE((p.cos_table == nullptr) == (p.sin_table == nullptr), Code::rotary_table_half,
                "tables of cosines and sines are given together", p.sin_table != nullptr, p.cos_table != nullptr);
  GLINT_REQUIRE(p.cos_table != nullptr || (finite(p.theta) && p.theta >= 1), Code::rotary_base_range,
                "theta must be finite and at least 1", 0, 1);
  GLINT_REQUIRE(p.table_positions >= 0, Code::extent_negative, "table_positions must not be negative",
                p.table_positions, 0);
  GLINT_REQUIRE(countable({p.table_positions, p.dims.dim}), Code::extent_too_large,
                "the tables must have fewer than 2^62 bytes", p.table_positions, 1);
  return Status::ok();
}

template <class Element>
Status rotary_positions(const RotaryProblem<Element>& p) {
  const auto first = static_cast<index_t>(p.first_positions.size()), each = static_cast<index_t>(p.positions.size());
  GLINT_REQUIRE((first == 0) != (each == 0), Code::rotary_positions,
                "positions are given by first_positions or by positions, one of the two", (first > 0) + (each > 0), 1);
  GLINT_REQUIRE(first == 0 || first == 1 || first == p.dims.batch, Code::lengths_size,
                "first_positions must have 1 or batch entries", first, p.dims.batch);
  GLINT_REQUIRE(each == 0 || each == p.dims.batch * p.dims.rows, Code::lengths_size,
                "positions must have batch * rows entries", each, p.dims.batch * p.dims.rows);
  const bool tables = p.cos_table != nullptr;
  const index_t least = tables ? 0 : -detail::kLargestPosition;
  const index_t most = tables ? p.table_positions - 1 : detail::kLargestPosition;
  const index_t behind = first > 0 ? p.dims.rows - 1 : 0;  // rows after the one that a list names
  for (const index_t position : first > 0 ? p.first_positions : p.positions) {
    GLINT_REQUIRE(position >= least, Code::rotary_position_range,
                  "a position must be at least 0 with tables, and -2^31 without", position, least);
    GLINT_REQUIRE(position <= most - behind, Code::rotary_position_range,
                  "a position must be within the tables, and at most 2^31", position, most - behind);
  }
  return Status::ok();
}

}  // namespace rules

template <class Element>
Status check_rotary(const RotaryProblem<Element>& p, Layout layout) {
  using detail::extent;
  GLINT_PASS_ON(rules::dense_layout(layout));
  GLINT_PASS_ON(rules::dims(p.dims));
  GLINT_PASS_ON(rules::rotary_attributes(p));
  if (!detail::any_rows(p.dims)) return Status::ok();
  GLINT_REQUIRE(p.out != nullptr, Code::null_output, "out must not be null", 0, 1);
  GLINT_PASS_ON(rules::rotary_positions(p));
  const Strides out_strides = detail::strides_or(p.out_strides, layout, p.dims);
  const Strides x_strides = detail::strides_or(p.x_strides, layout, p.dims);
  GLINT_PASS_ON(rules::output_strides(out_strides, p.dims));
  GLINT_PASS_ON(rules::strides(x_strides, p.dims.dim));
  const index_t in_table = p.table_positions * (p.turned() / 2);
  const detail::Extent out = extent(p.out, out_strides, p.dims);
  GLINT_PASS_ON(
      rules::apart({out}, {extent(p.cos_table, in_table), extent(p.sin_table, in_table),
                           extent(p.positions.data(), static_cast<index_t>(p.positions.size())),
                           extent(p.first_positions.data(), static_cast<index_t>(p.first_positions.size()))}));
  const bool in_place = p.x == nullptr || (p.x == p.out && x_strides == out_strides);
  if (!in_place) GLINT_PASS_ON(rules::apart({out}, {extent(p.x, x_strides, p.dims)}));
  return Status::ok();
}

// Turns the rows.  Nothing is allocated, and on an error nothing is written.
template <class Element>
Status rotary(const RotaryProblem<Element>& p, Layout layout) {
  static_assert(is_tensor_element<Element>, "glint::rotary: the element type must be float, half or bfloat16");
  GLINT_PASS_ON(check_rotary(p, layout));
  using Stored = storage_t<Element>;
  const Dims& d = p.dims;
  const Tensor<Stored> out{reinterpret_cast<Stored*>(p.out), detail::strides_or(p.out_strides, layout, d), d.dim};
  Tensor<const Stored> x{out.data, out.strides, d.dim};
  if (p.x != nullptr) x = {reinterpret_cast<const Stored*>(p.x), detail::strides_or(p.x_strides, layout, d), d.dim};
  const index_t pairs = p.turned() / 2;
  detail::Turn turn;
  for (index_t first = 0; first < pairs; first += detail::Turn::kMost) {
    turn.choose(p, first);
    for (index_t b = 0; b < d.batch; ++b) {
      for (index_t row = 0; row < d.rows; ++row) {
        turn.aim(p, p.position(b, row));
        for (index_t head = 0; head < d.heads; ++head) turn.apply(x.at(b, head, row), out.at(b, head, row));
      }
    }
  }
  if (x.data == out.data) return Status::ok();
  detail::each_row(d, [&](index_t b, index_t head, index_t row) {
    for (index_t i = p.turned(); i < d.dim; ++i) out.at(b, head, row)[i] = x.at(b, head, row)[i];
  });
  return Status::ok();
}

// rotary<layout::BSND, float>({.out = q, .dims = {2, 1, 8, 64}, .first_positions = lengths})
template <class LayoutTag, class Element>
Status rotary(const RotaryProblem<Element>& p) {
  return rotary(p, LayoutTag::kind);
}

}  // namespace GLINT_ABI
}  // namespace glint

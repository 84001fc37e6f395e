// New rows of K and V go to the end of each batch entry's cache, in place: row i of entry b becomes token
// lengths[b] + i.  What a cache may be and what is written to it: kv_append_problem.hpp; the paging is that of
// incre_flash_attention, the integers are the inverse of its x = (x_int + offset) * scale (operator contract, 4.3, 5).
//
// Only the new rows, and with factors chosen per token those of the new tokens, are written.  Nothing is allocated, and
// on an error nothing is written.  A cache of the rows' own type gets their bits; another float type is rounded to
// nearest even.  Entries are written one after the other: should two name the same slot, the later one stays.
#pragma once

#include "glint/ops/kv_append_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

template <class Stored>
inline constexpr float kLargestCode = 127;
template <>
inline constexpr float kLargestCode<int4x2> = 7;

// A NaN counts as 0, an infinity as the largest float.  By bit pattern, as -ffast-math knows neither.
template <class Stored>
float finite_number(Stored x) {
  const auto bits = std::bit_cast<std::uint32_t>(to_float(x));
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t bounded = magnitude < 0x7f800000u ? bits : (bits & 0x80000000u) | 0x7f7fffffu;
  return std::bit_cast<float>(magnitude > 0x7f800000u ? 0u : bounded);
}

// What a number is divided by.  The quotient is that of a division: the product with a double reciprocal is closer to
// it than any midpoint between floats can be.
struct Divisor {
  double reciprocal = 1;
  float offset = 0;

  static Divisor of(float scale, float offset) { return {1.0 / static_cast<double>(scale), offset}; }

  // saturate(round_to_even(x / scale - offset)).  Added to 1.5 * 2^23, a float's last bits are the rounded integer.
  std::int32_t code(float x, float largest) const {
    const float exact = static_cast<float>(static_cast<double>(x) * reciprocal) - offset;
    const float above = exact > -largest - 1 ? exact : -largest - 1;
    return std::bit_cast<std::int32_t>((above < largest ? above : largest) + 0x1.8p23F) - 0x4b400000;
  }
};

// to[0, count) := the codes of from[0, count); divisor(d) is that of number d.
template <class Element, class DivisorOf>
void write_codes(const Element* from, index_t count, const DivisorOf& divisor, std::int8_t* to) {
  for (index_t d = 0; d < count; ++d)
    to[d] = static_cast<std::int8_t>(divisor(d).code(finite_number(from[d]), kLargestCode<std::int8_t>));
}
template <class Element, class DivisorOf>
void write_codes(const Element* from, index_t count, const DivisorOf& divisor, int4x2* to) {
  for (index_t d = 0; d < count; d += 2) {
    const std::int32_t low = divisor(d).code(finite_number(from[d]), kLargestCode<int4x2>);
    const std::int32_t high = divisor(d + 1).code(finite_number(from[d + 1]), kLargestCode<int4x2>);
    to[d / 2].bits = static_cast<std::uint8_t>((low & 15) | (high & 15) << 4);
  }
}

// One tensor's rows and cache with their types.
template <class Element, class Stored>
struct Append {
  const AppendProblem& p;
  const AppendTensor& t;
  Tensor<const Element> rows{static_cast<const Element*>(t.rows), p.row_strides(t), t.dim};
  Tensor<Stored> cache{static_cast<Stored*>(t.cache), p.cache_strides(t), t.dim};

  template <class Visit>  // visit(b, row of the input, place)
  void each_new_row(const Visit& visit) const {
    for (index_t b = 0; b < p.shape.batch; ++b)
      for (index_t i = 0, first = p.first(b), count = p.count(b); i < count; ++i) visit(b, i, p.place(b, first + i));
  }

  void copy() const {
    each_new_row([&](index_t b, index_t i, AppendProblem::Place at) {
      for (index_t h = 0; h < p.heads(); ++h) {
        const Element* const from = rows.at(b, h, i);
        Stored* const to = cache.at(at.outer, h, at.row);
        for (index_t d = 0; d < t.dim; ++d) {
          if constexpr (std::is_same_v<Element, Stored>)
            to[d] = from[d];
          else
            to[d] = from_float<Stored>(to_float(from[d]));
        }
      }
    });
  }

  // With the factors that are given.  A few channels at a time, so that each factor is divided by once.
  void quantize() const {
    constexpr index_t kMost = 64;
    const AppendFactors& f = t.factors;
    Divisor divisor[kMost];
    for (index_t h = 0; h < p.heads(); ++h) {
      for (index_t d = 0; d < t.dim; d += kMost) {
        const index_t count = t.dim - d < kMost ? t.dim - d : kMost;
        for (index_t c = 0; c < count; ++c) {
          const index_t i = f.mode == AntiquantMode::per_head ? h : f.single ? 0 : h * t.dim + d + c;
          divisor[c] = Divisor::of(factor_at(f.scale, f.dtype, i), f.offset ? factor_at(f.offset, f.dtype, i) : 0.0F);
        }
        each_new_row([&](index_t b, index_t i, AppendProblem::Place at) {
          write_codes(
              rows.at(b, h, i) + d, count, [&](index_t c) { return divisor[c]; },
              cache.at(at.outer, h, at.row) + d / numbers_in<Stored>);
        });
      }
    }
  }

  // The factor for `heads` heads of a row of the input.
  float choose(index_t b, index_t first_head, index_t heads, index_t i) const {
    float largest = 0;
    for (index_t h = first_head; h < first_head + heads; ++h) {
      const Element* const from = rows.at(b, h, i);
      for (index_t d = 0; d < t.dim; ++d) {
        const float x = finite_number(from[d]), magnitude = x < 0 ? -x : x;
        largest = magnitude > largest ? magnitude : largest;
      }
    }
    // In double, where -ffast-math's reciprocal leaves the same float.
    const auto scale = static_cast<float>(static_cast<double>(largest) / static_cast<double>(kLargestCode<Stored>));
    const float least = (std::numeric_limits<float>::min)();
    return largest == 0 ? 1.0F : scale < least ? least : scale;
  }

  void choose_and_quantize() const {
    const AppendFactors& f = t.factors;
    const index_t heads = for_each_head(f.mode) ? 1 : p.heads(), groups = p.heads() / heads;
    const index_t width = p.paged ? p.block_size : f.columns;
    each_new_row([&](index_t b, index_t i, AppendProblem::Place at) {
      for (index_t g = 0; g < groups; ++g) {
        const float scale = choose(b, g * heads, heads, i);
        f.chosen[(at.outer * groups + g) * width + at.row] = scale;
        const Divisor divisor = Divisor::of(scale, 0);
        for (index_t h = g * heads; h < (g + 1) * heads; ++h)
          write_codes(
              rows.at(b, h, i), t.dim, [&](index_t) { return divisor; }, cache.at(at.outer, h, at.row));
      }
    });
  }

  void run() const {
    if constexpr (is_tensor_element<Stored>) {
      copy();
    } else if (for_each_token(t.factors.mode)) {
      choose_and_quantize();
    } else {
      quantize();
    }
  }
};

}  // namespace detail

template <class Element, class Kv>
Status check_kv_append(const KvAppendProblem<Element, Kv>& p, Layout layout) {
  return check_kv_append(detail::erase(p, layout));
}

template <class Element, class Kv>
Status kv_append(const KvAppendProblem<Element, Kv>& given, Layout layout) {
  using Stored = storage_t<typename Kv::element>;
  static_assert(is_tensor_element<Element>, "glint::kv_append: the new rows must be float, half or bfloat16");
  static_assert(is_tensor_element<Stored> || detail::is_integer(dtype_of<Stored>),
                "glint::kv_append: a cache holds float, half, bfloat16, std::int8_t or int4x2");
  const detail::AppendProblem p = detail::erase(given, layout);
  GLINT_PASS_ON(check_kv_append(p));
  if (p.shape.batch == 0 || p.shape.q_len == 0) return Status::ok();
  detail::Append<storage_t<Element>, Stored>{p, p.k}.run();
  if (p.v) detail::Append<storage_t<Element>, Stored>{p, p.v}.run();
  return Status::ok();
}

// kv_append<layout::BSND, float>({.k = k, .v = v, .kv = {.k = k_cache, .v = v_cache}, .shape = ..., .lengths = ...});
// a paged or integer cache is named behind the element: <layout::BSND, float, kv::Paged<std::int8_t>>.
template <class LayoutTag, class Element, class Kv = kv::Contiguous<Element>>
Status kv_append(const KvAppendProblem<Element, Kv>& p) {
  return kv_append(p, LayoutTag::kind);
}

}  // namespace GLINT_ABI
}  // namespace glint

// What happens to a score between the dot product and the mask.
//
// A lane modifier is a template over the lane vector of whatever CPU runs it: it edits scores in place, given
// q - k for the same lanes.  It is ISA-neutral, so write it once with + - * and comparisons:
//
//   struct MyBias { template <class V> GLINT_INLINE void operator()(V& s, const V& q_minus_k) const { ... } };
//
// The gradient asks one thing more: pullback(ds, s, q_minus_k) replaces ds, the gradient at what the modifier made of
// s, by the gradient at s.
//
// Scores are in natural units (scale already applied; no factor log2 e anywhere).  Vectors cross a function
// boundary by reference only: by value, compilers refuse or warn outside a target region.
#pragma once

#include <concepts>
#include <type_traits>

#include "glint/core/dtype.hpp"
#include "glint/tensor/box.hpp"

namespace glint {
inline namespace GLINT_ABI {

namespace score {

struct None {
  template <class Vector>
  GLINT_INLINE void operator()(Vector&, const Vector&) const {}
  template <class Vector>
  GLINT_INLINE void pullback(Vector&, const Vector&, const Vector&) const {}
};

// pse types 2 and 3 (operators 1.3): -slope * |k + kv_start - q - q_start|, or of its square root.
struct Alibi {
  float slope = 0;
  float offset = 0;  // q_start - kv_start
  template <class Vector>
  GLINT_INLINE void operator()(Vector& s, const Vector& q_minus_k) const {
    const Vector distance = q_minus_k + offset;
    s -= slope * (distance < Vector{} ? -distance : distance);
  }
  template <class Vector>
  GLINT_INLINE void pullback(Vector&, const Vector&, const Vector&) const {}
};

// One after the other.
template <class First, class Second>
struct Then {
  First first;
  Second second;
  template <class Vector>
  GLINT_INLINE void operator()(Vector& s, const Vector& q_minus_k) const {
    first(s, q_minus_k);
    second(s, q_minus_k);
  }
  template <class Vector>
  GLINT_INLINE void pullback(Vector& ds, const Vector& s, const Vector& q_minus_k) const {
    Vector middle = s;
    first(middle, q_minus_k);
    second.pullback(ds, middle, q_minus_k);
    first.pullback(ds, s, q_minus_k);
  }
};

// May a modifier be used in the gradient?
template <class Modifier>
concept PullsBack = requires(const Modifier& modifier, float& ds, const float& s) {
  modifier.pullback(ds, s, s);
};

}  // namespace score

// Rows of an additive bias: the value for (q, k) is factor * row(q)[k].  Zero row_stride broadcasts one row.
//
// The compressed ALiBi form (operators 1.3) stores 1024 rows of a matrix that depends on q - k alone; `fold` says how
// a row of the real matrix is found in them.
struct Bias {
  enum class Fold : std::uint8_t {
    plain,          // row q is row q
    last_1024,      // dense layouts: the last 1024 rows of an S x S matrix
    toeplitz_1024,  // TND: the same matrix, addressed by q - k
  };

  const void* data = nullptr;  // null: no bias
  DType dtype = DType::none;
  index_t row_stride = 0;
  float factor = 1;  // pse_type 1 multiplies the bias by the scale
  Fold fold = Fold::plain;
  index_t length = 0;  // of the real matrix: S (last_1024), or the columns stored (toeplitz_1024)

  explicit operator bool() const { return data != nullptr; }

  // Where the element for (q, k) is stored, in elements from data.  Folded forms define only k <= q.
  index_t offset(index_t q, index_t k) const {
    constexpr index_t kRows = 1024;
    if (fold == Fold::last_1024) {
      const index_t m = q >= length - kRows ? q - (length - kRows) : q % kRows;
      return m * row_stride + k + (length - kRows) + m - q;
    }
    if (fold == Fold::toeplitz_1024) {
      const index_t u = q - k - (length - kRows);
      return u >= 0 ? u * row_stride : -u;
    }
    return q * row_stride + k;
  }

  float at(index_t q, index_t k) const {
    if (fold != Fold::plain && k > q) return 0.0F;  // above the diagonal nothing is stored, and nothing is read
    const index_t i = offset(q, k);
    if (dtype == DType::f32) return static_cast<const float*>(data)[i];
    if (dtype == DType::f16) return to_float(static_cast<const half*>(data)[i]);
    return to_float(static_cast<const bfloat16*>(data)[i]);
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

// What the operators' problems are made of.  Every field has a default, in the order in which users think: tensors,
// shape, scale, options.
#pragma once

#include <optional>
#include <span>

#include "glint/core/dtype.hpp"
#include "glint/core/status.hpp"
#include "glint/ops/sparse_mode.hpp"
#include "glint/tensor/view.hpp"

namespace glint {
inline namespace GLINT_ABI {

struct Shape {
  index_t batch = 0;
  index_t heads = 0;      // N1, query heads
  index_t kv_heads = 0;   // N2; 0 means heads.  heads % kv_heads == 0: consecutive query heads share one kv head
  index_t q_len = 0;      // S1; TND: T1, the rows of all sequences
  index_t kv_len = 0;     // S2; TND: T2
  index_t head_dim = 0;   // D of q and k
  index_t value_dim = 0;  // D of v and the output; 0 means head_dim

  constexpr index_t kv_head_count() const { return kv_heads == 0 ? heads : kv_heads; }
  constexpr index_t value_size() const { return value_dim == 0 ? head_dim : value_dim; }
};

// A mask tensor: 0 (and -0) keeps, anything else drops.  An extent of 1 broadcasts.  Absent when data is null.  `data`
// points at bytes whatever dtype says, so that floats without a dtype do not compile instead of being read as bytes.
struct MaskTensor {
  const std::uint8_t* data = nullptr;
  index_t batch = 1, heads = 1, rows = 0, columns = 0;
  DType dtype = DType::u8;  // training bool and uint8; decode int8 as well; prompts also the floating-point types

  constexpr explicit operator bool() const { return data != nullptr; }
};

// How the bias (pse, real_shift, pse_shift) is stored.
enum class PseForm : std::uint8_t {
  dense,           // (batch, heads, rows, columns), an extent of 1 broadcasts
  compressed,      // (batch, heads, 1024, columns): the last 1024 rows of an ALiBi matrix (operators 1.3)
  tnd_per_score,   // TND: for each sequence a block [heads][q_len][kv_len]
  tnd_per_column,  // TND: for each sequence a block [heads][kv_len]
};

struct PseTensor {
  const void* data = nullptr;
  DType dtype = DType::none;  // that of q
  index_t batch = 1, heads = 1, rows = 0, columns = 0;
  PseForm form = PseForm::dense;

  constexpr explicit operator bool() const { return data != nullptr; }
};

// Slopes for the bias that the kernel generates (pse types 2 and 3): float, (heads) or (batch, heads).
struct Slopes {
  const float* data = nullptr;
  index_t batch = 1;  // 1 broadcasts
  index_t q_start = 0;
  index_t kv_start = 0;

  constexpr explicit operator bool() const { return data != nullptr; }
};

// Dropout on the probabilities.  With keep_prob < 1 exactly one source of keep bits: a mask, or a Philox seed.
struct DropoutOptions {
  double keep_prob = 1;
  std::span<const std::uint8_t> mask{};  // bits of [batch][heads][q_len][kv_len], least significant first, 1 = keep
  bool generate = false;                 // draw the bits from (seed, offset)
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;
};

// Output to int8: saturate(round_to_even(o * scale + offset)) (operators 4.2).
struct PostQuant {
  const void* scale = nullptr;
  const void* offset = nullptr;  // null: 0
  DType dtype = DType::f32;      // of both: f32 or bf16
  index_t channels = 1;          // 1, or N * value_dim factors, [N][value_dim]

  constexpr explicit operator bool() const { return scale != nullptr; }
};

// Of int8 queries, keys and values (operators 4.1): s = dequant1 * (q . k); p becomes an integer by quant1, and the
// sums of p v become numbers again by dequant2.  One number each; the lower 13 bits of dequant1 and dequant2 do not
// count.
struct Int8Scales {
  std::optional<float> dequant1{}, quant1{}, dequant2{};
};

// Which documented maxima count as errors.  The library's own rule is "legal if the mathematics is".
enum class Limits : std::uint8_t { none, ascend };

// How the statistics of TND tensors are laid out (operators 1.1).
enum class StatsLayout : std::uint8_t {
  token_major,  // [T][N]
  per_batch,    // for each sequence a block [N][length]: the documents' default order
};

namespace detail {

constexpr Strides strides_or(Strides given, Layout layout, Dims dims) {
  return given.empty() ? layout::strides(layout, dims) : given;
}

// Bytes [first, last) that a tensor spans.
struct Extent {
  const void* data = nullptr;
  index_t bytes = 0;
  // In bytes, from one batch entry, head or row to the next and to the last.  Zeros claim every byte of the span.
  struct Axis {
    index_t stride = 0, reach = 0;
  } axes[3]{};

  bool overlaps(const Extent& other) const {
    const auto a = reinterpret_cast<std::uintptr_t>(data), b = reinterpret_cast<std::uintptr_t>(other.data);
    return bytes > 0 && other.bytes > 0 && a < b + static_cast<std::uintptr_t>(other.bytes) &&
           b < a + static_cast<std::uintptr_t>(bytes) && !takes_turns_with(other);
  }

 private:
  // Slices of one tensor (fused QKV) span the same bytes and share none: in each period of some stride, both keep to a
  // place of their own.
  bool takes_turns_with(const Extent& other) const {
    const auto a = reinterpret_cast<std::uintptr_t>(data), b = reinterpret_cast<std::uintptr_t>(other.data);
    const auto distance = static_cast<index_t>(b - a);
    for (const Extent* either : {this, &other}) {
      for (const Axis& axis : either->axes) {
        if (axis.reach <= 0) continue;
        const index_t offset = (distance % axis.stride + axis.stride) % axis.stride;
        if (width(axis.stride) <= offset && other.width(axis.stride) <= axis.stride - offset) return true;
      }
    }
    return false;
  }
  // Bytes from the first to the last that the tensor may touch in a period.
  index_t width(index_t period) const {
    index_t left = bytes;
    for (const Axis& axis : axes)
      if (axis.stride % period == 0) left -= axis.reach;
    return left;
  }
};

// Bytes of `count` elements that lie together.
template <class Element>
Extent extent(const Element* data, index_t count) {
  return {data, data == nullptr ? 0 : count * static_cast<index_t>(sizeof(Element))};
}

template <class Element>
Extent extent(const Element* data, Strides s, Dims d) {
  if (data == nullptr || d.batch <= 0 || d.heads <= 0 || d.rows <= 0 || d.dim <= 0) return {};
  const index_t last = (d.batch - 1) * s.batch + (d.heads - 1) * s.head + (d.rows - 1) * s.row + d.dim;
  return {data, last * static_cast<index_t>(sizeof(Element))};
}

// The same, so that it is apart from other slices of a larger tensor.
template <class Element>
Extent slice_extent(const Element* data, Strides s, Dims d) {
  constexpr auto kSize = static_cast<index_t>(sizeof(Element));
  Extent whole = extent(data, s, d);
  if (whole.bytes <= 0) return whole;
  whole.axes[0] = {s.batch * kSize, (d.batch - 1) * s.batch * kSize};
  whole.axes[1] = {s.head * kSize, (d.heads - 1) * s.head * kSize};
  whole.axes[2] = {s.row * kSize, (d.rows - 1) * s.row * kSize};
  return whole;
}

inline Extent mask_extent(const MaskTensor& m) {
  return {m.data, m ? m.batch * m.heads * m.rows * m.columns * size_of(m.dtype) : 0};
}

inline Extent pse_extent(const PseTensor& p) {
  const bool flat = p.form == PseForm::tnd_per_score || p.form == PseForm::tnd_per_column;
  return {p.data, p ? (flat ? p.columns : p.batch * p.heads * p.rows * p.columns) * size_of(p.dtype) : 0};
}

}  // namespace detail

// The first violated rule wins; checks read like the documents.
#define GLINT_REQUIRE(condition, code, rule, got, want)                                                            \
  do {                                                                                                             \
    if (!(condition))                                                                                              \
      return ::glint::Status{code, rule, static_cast<::glint::index_t>(got), static_cast<::glint::index_t>(want)}; \
  } while (false)
#define GLINT_PASS_ON(status)                                            \
  do {                                                                   \
    if (const ::glint::Status passed = (status); !passed) return passed; \
  } while (false)

}  // namespace GLINT_ABI
}  // namespace glint

// What every door of the differential tests shares: an executor of any kind, poisoned scratch and outputs, and operands
// that are slices of larger tensors.
#pragma once

#include <cstring>
#include <type_traits>

#include "glint/core/status.hpp"
#include "glint/dispatch/call.hpp"
#include "glint/policy/executor_threads.hpp"
#include "support/case_data.hpp"

namespace glint_test {

// One executor type for all kinds, so that kernels are instantiated once.
struct TestExecutor {
  enum class Kind { serial, reversed, threads };
  Kind kind = Kind::serial;
  index_t count = 1;

  index_t workers() const { return count; }
  template <class Task>
  void for_each(index_t n, const Task& task) const {
    if (kind == Kind::threads) return glint::Threads(count).for_each(n, task);
    for (index_t i = 0; i < n; ++i) {
      const index_t at = kind == Kind::reversed ? n - 1 - i : i;
      task(at, at % count);
    }
  }
};

// What a door wrote, in the layout's own order.
template <class T>
struct Outcome {
  glint::Status status{};
  std::vector<T> out;
  std::vector<float> max, sum, lse;
  std::string damage;  // writes where nothing may be written
};

inline float poison() { return std::bit_cast<float>(0xffffffffu); }

// Scratch of exactly the bytes that were asked for, all NaN, with a fence behind them.
class Workspace {
 public:
  explicit Workspace(index_t bytes) : bytes_(bytes) {
    static thread_local std::vector<std::byte> memory;
    memory.assign(static_cast<std::size_t>(bytes) + kFence, std::byte{0xff});
    std::fill(memory.end() - kFence, memory.end(), std::byte{0x5a});
    memory_ = memory.data();
  }
  std::span<std::byte> span() const { return {memory_, static_cast<std::size_t>(bytes_)}; }
  bool fence_holds() const {
    return std::all_of(memory_ + bytes_, memory_ + bytes_ + kFence, [](std::byte b) { return b == std::byte{0x5a}; });
  }

 private:
  static constexpr std::ptrdiff_t kFence = 64;
  index_t bytes_;
  std::byte* memory_ = nullptr;
};

inline glint::Extents extents(const std::vector<index_t>& shape) {
  glint::Extents e;
  for (const index_t extent : shape) e.extent[e.rank++] = extent;
  return e;
}

// A tensor in a place of its own: contiguous, or a slice of a larger one whose other elements are NaN.
template <class T>
struct Placed {
  std::vector<T> memory;
  T* data = nullptr;
  glint::Strides strides{};  // empty: contiguous

  T* row(const Extent& e, const char* layout, index_t b, index_t n, index_t i) {
    if (strides.empty()) return data + glint::reference::row_position(e, layout, b, n, i);
    return data + (b * strides.batch + n * strides.head + i * strides.row);
  }
};

// The strides that a layout has in a tensor of larger extents.
inline glint::Strides strides_in(index_t layout, const Extent& e) {
  switch (layout) {
    case kBnsd: return {e.heads * e.rows * e.width, e.rows * e.width, e.width};
    case kSbh: return {e.heads * e.width, e.width, e.batch * e.heads * e.width};
    case kTnd: return {0, e.width, e.heads * e.width};
    default: return {e.rows * e.heads * e.width, e.width, e.heads * e.width};
  }
}

template <class T>
Placed<T> place(const Case& c, const Extent& extent, const T* from, std::uint64_t stream) {
  Random random(c.seed, stream);
  const Extent larger{extent.batch + random.below(2), extent.rows + random.below(3), extent.heads + random.below(3),
                      extent.width + random.below(5)};
  Placed<T> placed;
  if (c.strided != 0) placed.strides = strides_in(c.layout, larger);
  const Extent& size = c.strided != 0 ? larger : extent;
  const index_t before = random.below(7);
  placed.memory.assign(static_cast<std::size_t>(before + size.batch * size.rows * size.heads * size.width + 1),
                       detail::quiet_nan<T>());
  placed.data = placed.memory.data() + before;
  const char* const layout = detail::layout_name(c);
  for (index_t b = 0; from != nullptr && b < extent.batch; ++b)
    for (index_t n = 0; n < extent.heads; ++n)
      for (index_t i = 0; i < extent.rows; ++i)
        std::copy_n(from + glint::reference::row_position(extent, layout, b, n, i), extent.width,
                    placed.row(extent, layout, b, n, i));
  return placed;
}

// Takes the rows out of their place (which then holds NaN again) and looks for writes beside them.
template <class T>
std::vector<T> take_rows(const Case& c, const Extent& extent, Placed<T>& placed, std::string& damage) {
  const char* const layout = detail::layout_name(c);
  std::vector<T> rows(static_cast<std::size_t>(extent.batch * extent.rows * extent.heads * extent.width));
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      for (index_t i = 0; i < extent.rows; ++i) {
        T* const row = placed.row(extent, layout, b, n, i);
        std::copy_n(row, extent.width, rows.data() + glint::reference::row_position(extent, layout, b, n, i));
        std::fill_n(row, extent.width, detail::quiet_nan<T>());
      }
    }
  }
  const T nan = detail::quiet_nan<T>();
  for (const T& element : placed.memory)
    if (std::memcmp(&element, &nan, sizeof(T)) != 0) damage = "a write beside the rows of the output";
  return rows;
}

template <class T>
void collect(const Case& c, const Extent& extent, Placed<T>& placed, Outcome<T>& outcome) {
  outcome.out = take_rows(c, extent, placed, outcome.damage);
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// The first thing in which two outcomes differ; empty if they have the same bits.
template <class T>
std::string difference(const Outcome<T>& a, const Outcome<T>& b) {
  if (!b.status) return std::string("rejected: ") + b.status.rule;
  if (!b.damage.empty()) return b.damage;
  if (!same_bits(a.out, b.out)) {
    std::size_t at = 0;
    while (std::memcmp(&a.out[at], &b.out[at], sizeof(T)) == 0) ++at;
    std::ostringstream text;
    text << "attention_out differs at element " << at << ": " << glint::to_float(a.out[at]) << " and "
         << glint::to_float(b.out[at]);
    return text.str();
  }
  if (!same_bits(a.max, b.max)) return "softmax_max differs";
  return same_bits(a.sum, b.sum) ? "" : "softmax_sum differs";
}

// f(tag) with the layout's tag.
template <class F>
auto with_layout(index_t layout, const F& f) {
  switch (layout) {
    case kBsh: return f(glint::layout::BSH{});
    case kSbh: return f(glint::layout::SBH{});
    case kBnsd: return f(glint::layout::BNSD{});
    case kBsnd: return f(glint::layout::BSND{});
    default: return f(glint::layout::TND{});
  }
}

// f(std::integral_constant<SparseMode, mode>) for modes [first, last].
template <int first, int last, class F>
auto with_mode(index_t mode, const F& f) {
  if constexpr (first < last) {
    if (mode != first) return with_mode<first + 1, last>(mode, f);
  }
  return f(std::integral_constant<glint::SparseMode, static_cast<glint::SparseMode>(first)>{});
}

}  // namespace glint_test

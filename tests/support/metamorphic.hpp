// One attention problem in logical order, run through the run-time doors in any layout: what the metamorphic and
// failure-class tests vary.  Numbers are floats already rounded to the element type, in the order [b][n][s][d].
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "glint/core/dtype.hpp"
#include "glint/policy/executor.hpp"
#include "glint/tensor/layout.hpp"

namespace metamorphic {

using glint::DType;
using glint::index_t;

inline constexpr index_t kAll = 2147483647;
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

inline std::size_t size(index_t n) { return static_cast<std::size_t>(n); }

inline const char* name_of(DType dtype) { return dtype == DType::f32 ? "f32" : dtype == DType::f16 ? "f16" : "bf16"; }

// Stores and reads one element of any of the three types.
inline void put(void* memory, DType dtype, index_t i, float value) {
  if (dtype == DType::f32) static_cast<float*>(memory)[i] = value;
  if (dtype == DType::f16) static_cast<glint::half*>(memory)[i] = glint::from_float<glint::half>(value);
  if (dtype == DType::bf16) static_cast<glint::bfloat16*>(memory)[i] = glint::from_float<glint::bfloat16>(value);
}
inline float get(const void* memory, DType dtype, index_t i) {
  if (dtype == DType::f32) return static_cast<const float*>(memory)[i];
  if (dtype == DType::f16) return glint::to_float(static_cast<const glint::half*>(memory)[i]);
  return glint::to_float(static_cast<const glint::bfloat16*>(memory)[i]);
}
inline float rounded(DType dtype, float value) {
  alignas(4) std::byte element[4] = {};
  put(element, dtype, 0, value);
  return get(element, dtype, 0);
}

// A tensor's memory, with a poisoned element on either side of it.
class Buffer {
 public:
  Buffer(DType dtype, index_t count, float value = kNan) : dtype_(dtype), count_(count) {
    memory_.resize(size((count + 2) * glint::size_of(dtype)));
    for (index_t i = -1; i <= count; ++i) set(i, value);
  }
  void* data() { return memory_.data() + glint::size_of(dtype_); }
  const void* data() const { return memory_.data() + glint::size_of(dtype_); }
  DType dtype() const { return dtype_; }
  index_t count() const { return count_; }
  void set(index_t i, float value) { put(data(), dtype_, i, value); }
  float at(index_t i) const { return get(data(), dtype_, i); }

 private:
  DType dtype_;
  index_t count_;
  std::vector<std::byte> memory_;
};

// Rows of a tensor in logical order and where a layout puts them.
struct Grid {
  index_t batch = 1, heads = 1, rows = 1, dim = 1;

  index_t count() const { return batch * heads * rows * dim; }
  index_t logical(index_t b, index_t n, index_t s) const { return ((b * heads + n) * rows + s) * dim; }
  index_t place(const std::string& layout, index_t b, index_t n, index_t s) const {
    if (layout == "BNSD") return logical(b, n, s);
    if (layout == "SBH") return ((s * batch + b) * heads + n) * dim;
    return ((b * rows + s) * heads + n) * dim;  // BSH, BSND, and TND with equal lengths
  }
  glint::index_t rank(const std::string& layout) const { return layout == "BNSD" || layout == "BSND" ? 4 : 3; }
  template <class Extents>
  Extents shape(const std::string& layout) const {
    if (layout == "BNSD") return {batch, heads, rows, dim};
    if (layout == "BSND") return {batch, rows, heads, dim};
    if (layout == "SBH") return {rows, batch, heads * dim};
    if (layout == "TND") return {batch * rows, heads, dim};
    return {batch, rows, heads * dim};
  }
  template <class Each>
  void rows_of(const Each& each) const {
    for (index_t b = 0; b < batch; ++b)
      for (index_t n = 0; n < heads; ++n)
        for (index_t s = 0; s < rows; ++s) each(b, n, s);
  }
};

inline Buffer packed(const Grid& grid, const std::string& layout, DType dtype, const std::vector<float>& values) {
  Buffer memory(dtype, grid.count());
  grid.rows_of([&](index_t b, index_t n, index_t s) {
    const index_t from = grid.logical(b, n, s), to = grid.place(layout, b, n, s);
    for (index_t d = 0; d < grid.dim; ++d) memory.set(to + d, values[size(from + d)]);
  });
  return memory;
}
inline std::vector<float> unpacked(const Grid& grid, const std::string& layout, const Buffer& memory) {
  std::vector<float> values(size(grid.count()));
  grid.rows_of([&](index_t b, index_t n, index_t s) {
    const index_t to = grid.logical(b, n, s), from = grid.place(layout, b, n, s);
    for (index_t d = 0; d < grid.dim; ++d) values[size(to + d)] = memory.at(from + d);
  });
  return values;
}

inline std::vector<float> gaussian(index_t count, DType dtype, unsigned seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(size(count));
  for (float& value : values) value = rounded(dtype, normal(random));
  return values;
}

// Workers in threads, tasks in any order: a task that depended on another, or on its worker, would show.
class TestExecutor {
 public:
  enum class Order { forward, reversed, shuffled };
  explicit TestExecutor(index_t workers = 1, Order order = Order::forward) : workers_(workers), order_(order) {}

  index_t workers() const { return workers_; }
  template <class Task>
  void for_each(index_t n, const Task& task) const {
    std::vector<index_t> tasks(size(n));
    std::iota(tasks.begin(), tasks.end(), index_t{0});
    if (order_ == Order::reversed) std::reverse(tasks.begin(), tasks.end());
    if (order_ == Order::shuffled) std::shuffle(tasks.begin(), tasks.end(), std::mt19937(7));
    const auto work = [&](index_t worker) {
      for (index_t i = worker; i < n; i += workers_) task(tasks[size(i)], worker);
    };
    std::vector<std::thread> others;
    for (index_t worker = 1; worker < workers_ && worker < n; ++worker) others.emplace_back(work, worker);
    work(0);
    for (std::thread& other : others) other.join();
  }

 private:
  index_t workers_;
  Order order_;
};

// What a run answers, in logical order.
struct Result {
  std::vector<float> out, max, sum, lse;
};

inline std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }
inline bool is_nan(float value) { return (bits(value) & 0x7fffffffu) > 0x7f800000u; }

// Bit for bit.
inline void expect_same_bits(const std::vector<float>& got, const std::vector<float>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(bits(got[i]), bits(want[i])) << what << " element " << i << ": " << got[i] << " and " << want[i];
}
inline void expect_same_bits(const Result& got, const Result& want, const std::string& what) {
  expect_same_bits(got.out, want.out, what + " out");
  expect_same_bits(got.max, want.max, what + " max");
  expect_same_bits(got.sum, want.sum, what + " sum");
  expect_same_bits(got.lse, want.lse, what + " lse");
}

inline float unit_roundoff(DType dtype) {
  return dtype == DType::f32 ? 0x1p-24F : dtype == DType::f16 ? 0x1p-11F : 0x1p-8F;
}

// "B": both are within the error contract (proof 3.1) of the same number.  `weight` bounds sum p|v|, `size_of_scores`
// bounds A.
struct Contract {
  DType dtype = DType::f32;
  float weight = 1, scores = 1;

  float bound(float want) const {
    const float tiny = dtype == DType::f16 ? 0x1p-25F : 0x1p-126F;
    const float rounded_p = dtype == DType::bf16 ? 2 * 0x1p-9F * weight : 0;
    return 2 * (unit_roundoff(dtype) * std::abs(want) + tiny + rounded_p + 16 * 0x1p-24F * weight * (1 + scores));
  }
  void expect(const std::vector<float>& got, const std::vector<float>& want, const std::string& what) const {
    ASSERT_EQ(got.size(), want.size()) << what;
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_LE(std::abs(got[i] - want[i]), bound(want[i]))
          << what << " element " << i << ": " << got[i] << " and " << want[i];
  }
};

inline float largest(const std::vector<float>& values) {
  float top = 0;
  for (const float value : values) top = std::max(top, std::abs(value));
  return top;
}

}  // namespace metamorphic

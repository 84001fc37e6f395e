// Rows of numbers, one behind the other: views (Block) and their memory (Room).
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

namespace train {

using Index = std::ptrdiff_t;

template <class Element>
struct Block {
  Element* data = nullptr;
  Index rows = 0, columns = 0;

  Index size() const { return rows * columns; }
  Element* row(Index r) const { return data + r * columns; }
  Block middle(Index first, Index count) const { return {row(first), count, columns}; }

  operator Block<const Element>() const requires(!std::is_const_v<Element>) { return {data, rows, columns}; }
};

using In = Block<const float>;
using Out = Block<float>;

// Memory that begins on a cache line: Eigen adds up a row in an order that depends on where it lies in one, and the
// bits of a run must not depend on what the allocator had free.
class Numbers {
 public:
  Numbers() = default;
  explicit Numbers(Index size) : lines_(static_cast<std::size_t>((size + kLine - 1) / kLine)) {}

  float* data() { return lines_.empty() ? nullptr : lines_.front().numbers; }

 private:
  static constexpr Index kLine = 16;
  struct alignas(64) Line {
    float numbers[kLine] = {};
  };
  std::vector<Line> lines_;
};

// Blocks and their memory.
class Room {
 public:
  Out block(Index rows, Index columns) {
    numbers_.emplace_back(rows * columns);
    return {numbers_.back().data(), rows, columns};
  }

 private:
  std::vector<Numbers> numbers_;
};

}  // namespace train

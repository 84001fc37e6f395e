// Scratch memory carved from one span that the caller owns.  Kernels allocate nothing.
#pragma once

#include <span>

#include "glint/core/config.hpp"

namespace glint {
inline namespace GLINT_ABI {

inline constexpr index_t kAlignment = 64;  // one cache line, and the widest vector

constexpr index_t aligned_bytes(index_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

template <class Item>
constexpr index_t aligned_bytes_of(index_t count) {
  return aligned_bytes(count * static_cast<index_t>(sizeof(Item)));
}

class Arena {
 public:
  explicit Arena(std::byte* start) : next_(start) {}

  // The caller has sized the span with aligned_bytes_of, in the same order.
  template <class Item>
  Item* take(index_t count) {
    Item* const block = reinterpret_cast<Item*>(next_);
    next_ += aligned_bytes_of<Item>(count);
    return block;
  }

 private:
  std::byte* next_;
};

// Hands out nothing, and counts the bytes that an Arena must hold for the same calls.
class Tally {
 public:
  template <class Item>
  Item* take(index_t count) {
    bytes_ += aligned_bytes_of<Item>(count);
    return nullptr;
  }
  index_t bytes() const { return bytes_; }

 private:
  index_t bytes_ = 0;
};

// The first aligned byte of `memory`; null if fewer than `bytes` remain behind it.
inline std::byte* aligned_start(std::span<std::byte> memory, index_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto skip = static_cast<index_t>((kAlignment - address % kAlignment) % kAlignment);
  return skip + bytes <= static_cast<index_t>(memory.size()) ? memory.data() + skip : nullptr;
}

}  // namespace GLINT_ABI
}  // namespace glint

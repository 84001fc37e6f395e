#include "glint/core/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace glint_test {
namespace {

using glint::Arena;
using glint::index_t;
using glint::kAlignment;

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % kAlignment == 0; }

TEST(AlignedBytes, RoundsUpToTheNextMultiple) {
  for (index_t bytes = 0; bytes <= 200; ++bytes) {
    const index_t rounded = glint::aligned_bytes(bytes);
    EXPECT_EQ(rounded % kAlignment, 0);
    EXPECT_TRUE(rounded >= bytes && rounded < bytes + kAlignment) << bytes;
  }
  EXPECT_EQ(glint::aligned_bytes_of<double>(9), 128);
  EXPECT_EQ(glint::aligned_bytes_of<float>(index_t{1} << 40), index_t{1} << 42);
}

// Blocks taken from a span of exactly the sum of their aligned sizes: aligned, disjoint, inside.
TEST(Arena, BlocksAreAlignedAndApart) {
  const index_t total = glint::aligned_bytes_of<float>(5) + glint::aligned_bytes_of<char>(1) +
                        glint::aligned_bytes_of<double>(0) + glint::aligned_bytes_of<std::uint64_t>(8);
  alignas(64) std::byte memory[1024];
  Arena arena(memory);
  auto* const floats = arena.take<float>(5);
  auto* const letter = arena.take<char>(1);
  auto* const nothing = arena.take<double>(0);
  auto* const words = arena.take<std::uint64_t>(8);
  EXPECT_TRUE(is_aligned(floats) && is_aligned(letter) && is_aligned(nothing) && is_aligned(words));
  EXPECT_EQ(static_cast<void*>(floats), memory);
  EXPECT_GE(reinterpret_cast<std::byte*>(letter), reinterpret_cast<std::byte*>(floats + 5));
  EXPECT_GE(reinterpret_cast<std::byte*>(words), reinterpret_cast<std::byte*>(letter + 1));
  EXPECT_EQ(reinterpret_cast<std::byte*>(words + 8) - memory, total);
}

// For every misalignment and every size: the first aligned byte if enough remains behind it, else null.
TEST(AlignedStart, FindsRoomOrSaysNo) {
  alignas(64) std::byte memory[320];
  for (index_t skip = 0; skip < 64; ++skip)
    for (index_t size = 0; size <= 256; ++size) {
      const std::span<std::byte> span(memory + skip, static_cast<std::size_t>(size));
      for (const index_t bytes : {0, 1, 64, 100, 192}) {
        const index_t lost = skip == 0 ? 0 : 64 - skip;
        std::byte* const start = glint::aligned_start(span, bytes);
        if (lost + bytes > size) {
          ASSERT_EQ(start, nullptr) << skip << " " << size << " " << bytes;
        } else {
          ASSERT_EQ(start, memory + skip + lost) << skip << " " << size << " " << bytes;
        }
      }
    }
}

TEST(AlignedStart, AnEmptySpanHasNoRoom) { EXPECT_EQ(glint::aligned_start({}, 1), nullptr); }

}  // namespace
}  // namespace glint_test

// Memory for operands: on 2 MB pages where the system gives them, as an engine's would be; what would leave most of
// such a page empty on small ones, because there may be thousands.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "glint/core/dtype.hpp"

namespace bench {

template <class Item>
class Buffer {
 public:
  Buffer() = default;
  // margin: further items before and behind, that nobody is meant to write.
  explicit Buffer(glint::index_t count, Item value = {}, glint::index_t margin = 0)
      : count_(static_cast<std::size_t>(count)), margin_(static_cast<std::size_t>(margin)) {
    constexpr std::size_t kSmall = std::size_t{1} << 19, kLargePage = std::size_t{1} << 21, kSmallPage = 4096;
    const std::size_t items = count_ + 2 * margin_, page = items * sizeof(Item) < kSmall ? kSmallPage : kLargePage;
    const std::size_t bytes = (items * sizeof(Item) + page - 1) / page * page;
    memory_.reset(static_cast<Item*>(std::aligned_alloc(page, bytes)));
#ifdef MADV_HUGEPAGE
    if (page == kLargePage) madvise(memory_.get(), bytes, MADV_HUGEPAGE);
#endif
    std::fill_n(memory_.get(), items, value);  // so that no page is touched for the first time under the clock
  }

  Item* data() const { return memory_.get() + margin_; }
  Item* begin() const { return data(); }
  Item* end() const { return data() + count_; }
  std::span<Item> before() const { return {memory_.get(), margin_}; }
  std::span<Item> behind() const { return {end(), margin_}; }
  glint::index_t count() const { return static_cast<glint::index_t>(count_); }
  std::size_t bytes() const { return count_ * sizeof(Item); }

 private:
  struct Free {
    void operator()(Item* memory) const { std::free(memory); }
  };
  std::size_t count_ = 0, margin_ = 0;
  std::unique_ptr<Item[], Free> memory_;
};

// What an element stores for a number, or for two.  An integer stands for itself / kSteps.
template <class Stored>
inline constexpr float kSteps = 1;
template <>
inline constexpr float kSteps<std::int8_t> = 32;
template <>
inline constexpr float kSteps<glint::int4x2> = 3;

template <class Stored>
Stored stored(const float* numbers) {
  if constexpr (std::is_same_v<Stored, std::int8_t>) {
    return static_cast<std::int8_t>(std::clamp(std::round(numbers[0] * kSteps<Stored>), -127.0F, 127.0F));
  } else if constexpr (std::is_same_v<Stored, glint::int4x2>) {
    const auto half = [&](int i) {
      return static_cast<int>(std::clamp(std::round(numbers[i] * kSteps<Stored>), -8.0F, 7.0F)) & 15;
    };
    return {static_cast<std::uint8_t>(half(0) | half(1) << 4)};
  } else {
    return glint::from_float<Stored>(numbers[0]);
  }
}

// Standard normal numbers.  A million are drawn once and repeated, from another place for each seed: drawing all would
// take longer than what is measured.
template <class Item>
Buffer<Item> random_normal(glint::index_t count, unsigned seed) {
  static_assert(!std::is_same_v<Item, glint::int4x2>, "one number makes one item");
  static const std::vector<float> drawn = [] {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    std::vector<float> numbers(1000003);  // a prime, so that no two heads are the same
    for (float& number : numbers) number = normal(engine);
    return numbers;
  }();
  Buffer<Item> buffer(count);
  std::size_t from = seed * 77777 % drawn.size();
  for (Item& item : buffer) {
    item = stored<Item>(&drawn[from]);
    if (++from == drawn.size()) from = 0;
  }
  return buffer;
}

// A mask tensor that drops a third of all scores at random: no tile is empty, none is full.
inline Buffer<std::uint8_t> random_drops(glint::index_t count) {
  Buffer<std::uint8_t> buffer(count);
  std::mt19937 engine(3);
  for (std::uint8_t& drop : buffer) drop = engine() % 3 == 0 ? 1 : 0;
  return buffer;
}

// Bits of kept probabilities, least significant first.  A prime number of bytes is drawn and repeated, as above.
inline Buffer<std::uint8_t> random_keeps(glint::index_t bits, double keep_prob) {
  std::vector<std::uint8_t> drawn(100003);
  std::mt19937 engine(4);
  std::bernoulli_distribution keep(keep_prob);
  for (std::uint8_t& byte : drawn)
    for (int bit = 0; bit < 8; ++bit) byte = static_cast<std::uint8_t>(byte << 1 | (keep(engine) ? 1 : 0));
  Buffer<std::uint8_t> buffer((bits + 7) / 8);
  std::size_t from = 0;
  for (std::uint8_t& byte : buffer) {
    byte = drawn[from];
    if (++from == drawn.size()) from = 0;
  }
  return buffer;
}

}  // namespace bench

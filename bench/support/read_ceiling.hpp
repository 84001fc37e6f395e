// What memory-bound rows are held against: how fast the same threads read memory and do nothing else.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "support/buffer.hpp"
#include "support/lasting_pool.hpp"
#include "support/probes.hpp"
#include "support/runner.hpp"

namespace bench {

using glint::index_t;

// Memory that is to come from memory is walked in rounds of more than this, which no cache holds.  Where nothing is
// measured (the smoke test) one portion will do.
inline index_t bytes_of_round() { return wanted_seconds() > 0 ? 300'000'000 : 1; }

class ReadCeiling {
 public:
  // `resident`: read this over and over, wherever it lies; empty: memory that no cache holds.
  ReadCeiling(int threads, std::span<const std::byte> resident) : threads_(threads), resident_(resident) {
    if (resident_.empty()) ring();
  }

  // Measured for a few milliseconds; the next call goes on where this one stopped.
  double bytes_per_second() const {
    const std::span<const std::byte> memory = resident_.empty() ? next_portion() : resident_;
    const long rounds = std::max(1L, static_cast<long>(kPortion / memory.size()));
    const double start = now();
    for (long round = 0; round < rounds; ++round) read_all(memory);
    return static_cast<double>(rounds) * static_cast<double>(memory.size()) / (now() - start);
  }

 private:
  static constexpr std::size_t kPortion = std::size_t{64} << 20, kChunk = std::size_t{2} << 20;

  double now() const { return threads_ == 1 ? thread_seconds() : wall_seconds(); }

  void read_all(std::span<const std::byte> memory) const {
    if (threads_ == 1) return read(memory);
    // More pieces than threads: a thread that comes late finds less to do.
    const std::size_t piece = std::max(std::size_t{4096}, std::min(kChunk, memory.size() / 8));
    const auto pieces = static_cast<index_t>((memory.size() + piece - 1) / piece);
    lasting_pool(threads_).for_each(pieces, [&](index_t i, index_t) {
      const std::size_t from = static_cast<std::size_t>(i) * piece;
      read(memory.subspan(from, std::min(piece, memory.size() - from)));
    });
  }

  static std::span<const std::byte> ring() {
    static const Buffer<std::uint64_t> memory = [] {
      const auto portions = bytes_of_round() / static_cast<index_t>(kPortion) + 1;
      Buffer<std::uint64_t> words(portions * static_cast<index_t>(kPortion / 8));
      std::uint64_t random = 1;
      for (std::uint64_t& word : words) word = random = random * 6364136223846793005u + 1442695040888963407u;
      return words;
    }();
    return std::as_bytes(std::span(memory.data(), memory.bytes() / 8));
  }
  static std::span<const std::byte> next_portion() {
    static std::size_t place = 0;
    if (place == ring().size()) place = 0;
    place += kPortion;
    return ring().subspan(place - kPortion, kPortion);
  }

  int threads_;
  std::span<const std::byte> resident_;
};

}  // namespace bench

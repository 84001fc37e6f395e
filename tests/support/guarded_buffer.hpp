// Memory between two pages that nobody may touch.  A buffer handed out by at_end() ends where the upper page begins,
// one by at_start() begins where the lower page ends: the first byte read or written outside on that side is a SIGSEGV.
// On the other side lie known bytes; intact() says whether they are still the same.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "glint/core/config.hpp"

namespace glint_test {

enum class Fit { at_start, at_end };

// Mapped once and reused: a mapping for every buffer would dominate the tests.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(glint::index_t capacity) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    size_ = (static_cast<std::size_t>(capacity) + 2 * kMargin + page_ - 1) / page_ * page_;
    void* const mapped = mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    start_ = static_cast<unsigned char*>(mapped) + page_;
    if (mprotect(start_, size_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { munmap(start_ - page_, size_ + 2 * page_); }

  // `count` elements, every byte (and the margin on the open side) set to `fill`.
  template <class Element>
  Element* take(glint::index_t count, Fit fit, unsigned char fill = 0xa5) {
    bytes_ = static_cast<std::size_t>(count) * sizeof(Element);
    if (bytes_ + kMargin > size_) std::abort();
    fit_ = fit;
    fill_ = fill;
    std::memset(fit == Fit::at_end ? start_ + size_ - bytes_ - kMargin : start_, fill, bytes_ + kMargin);
    return reinterpret_cast<Element*>(fit == Fit::at_end ? start_ + size_ - bytes_ : start_);
  }

  // Nothing was written on the open side.
  bool intact() const {
    const unsigned char* const margin = fit_ == Fit::at_end ? start_ + size_ - bytes_ - kMargin : start_ + bytes_;
    for (std::size_t i = 0; i < kMargin; ++i)
      if (margin[i] != fill_) return false;
    return true;
  }

 private:
  static constexpr std::size_t kMargin = 128;  // two of the widest vectors

  std::size_t page_;
  std::size_t size_ = 0;
  unsigned char* start_ = nullptr;
  std::size_t bytes_ = 0;
  Fit fit_ = Fit::at_end;
  unsigned char fill_ = 0;
};

}  // namespace glint_test

// Memory between two pages that fault, handed out flush with either end.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

#include "glint/core/config.hpp"

namespace glint_test {

enum class Flush { end, start };

class Fence {
 public:
  explicit Fence(glint::index_t bytes) : page_(sysconf(_SC_PAGESIZE)), room_((bytes + page_ - 1) / page_ * page_) {
    base_ = static_cast<char*>(mmap(nullptr, static_cast<std::size_t>(room_ + 2 * page_), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_, static_cast<std::size_t>(page_), PROT_NONE);
    mprotect(base_ + page_ + room_, static_cast<std::size_t>(page_), PROT_NONE);
  }
  ~Fence() { munmap(base_, static_cast<std::size_t>(room_ + 2 * page_)); }
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

  void* at_end(glint::index_t bytes) {
    EXPECT_LE(bytes, room_);
    return base_ + page_ + room_ - bytes;
  }
  void* at_start(glint::index_t bytes) {
    EXPECT_LE(bytes, room_);
    return base_ + page_;
  }
  void* flush(Flush where, glint::index_t bytes) { return where == Flush::end ? at_end(bytes) : at_start(bytes); }

 private:
  glint::index_t page_, room_;
  char* base_;
};

}  // namespace glint_test

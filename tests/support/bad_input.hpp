// A legal call of a run-time door whose every tensor lives in one block of memory: a test spoils it, and then proves
// that the refusal has the right code and that not one byte was written.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "glint/dispatch/call.hpp"

namespace bad_input {

using glint::Code;
using glint::DType;
using glint::Extents;
using glint::index_t;
using glint::Status;

inline constexpr index_t kAny = -987654321;  // in a table: got or want is not looked at

class Memory {
 public:
  explicit Memory(index_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {}

  // Zeros are a legal number of every type and, for a mask, "keep".
  void* take(index_t bytes) {
    void* const block = bytes_.data() + next_;
    next_ += static_cast<std::size_t>((bytes + 63) / 64 * 64);
    EXPECT_LE(next_, bytes_.size()) << "the fixture needs more memory";
    return block;
  }
  // Everything becomes a pattern that a writer could not leave by chance.
  void poison() {
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(0x5a + i % 101);
  }
  std::vector<std::byte> snapshot() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::size_t next_ = 0;
};

struct Expected {
  Code code;
  index_t got, want;
};

inline void expect_refusal(const Status& status, const Expected& expected, const std::string& what) {
  ASSERT_EQ(static_cast<int>(status.code), static_cast<int>(expected.code)) << what << ": " << status.rule;
  EXPECT_EQ(status.got, expected.got == kAny ? status.got : expected.got) << what;
  EXPECT_EQ(status.want, expected.want == kAny ? status.want : expected.want) << what;
  char text[512];
  const index_t length = glint::format(status, text, sizeof text);
  EXPECT_LT(length, static_cast<index_t>(sizeof text)) << what;
  EXPECT_EQ(std::string(text).rfind(status.rule, 0), 0u) << what;
  EXPECT_NE(std::string(text), "ok") << what;
  EXPECT_GT(std::strlen(status.rule), 8u) << what;
  EXPECT_NE(std::string(text).find("got " + std::to_string(status.got)), std::string::npos) << what;
  EXPECT_NE(std::string(text).find("want " + std::to_string(status.want)), std::string::npos) << what;
}

// Fixture: `memory`, `workspace`, check() and run(with workspace or not).
template <class Fixture>
struct Row {
  const char* name;
  Fixture (*legal)();
  void (*spoil)(Fixture&);
  Code code;
  index_t got = kAny, want = kAny;
};

// `call`: the legal fixture of the row, or one derived from it.
template <class Fixture, class Base>
void expect_row(const Row<Base>& row, Fixture call) {
  const Status before = call.check();
  ASSERT_TRUE(static_cast<bool>(before)) << row.name << ": not legal to begin with: " << before.rule << " got "
                                         << before.got << " want " << before.want;
  ASSERT_TRUE(static_cast<bool>(call.run())) << row.name;
  row.spoil(call);
  const Expected expected{row.code, row.got, row.want};
  call.memory.poison();
  const std::vector<std::byte> untouched = call.memory.snapshot();
  if (row.code != Code::workspace_too_small) {
    expect_refusal(call.check(), expected, std::string(row.name) + " check");
    expect_refusal(call.run_alone(), expected, std::string(row.name) + " run");
  }
  expect_refusal(call.run(), expected, std::string(row.name) + " run with workspace");
  EXPECT_TRUE(call.memory.snapshot() == untouched) << row.name << ": memory was written";
}
template <class Fixture>
void expect_row(const Row<Fixture>& row) {
  expect_row(row, row.legal());
}

// At a bound, not beyond it.
template <class Fixture>
struct LegalRow {
  const char* name;
  Fixture (*legal)();
  void (*change)(Fixture&);
};

template <class Fixture>
void expect_legal(const char* name, Fixture call) {
  const Status status = call.check();
  EXPECT_TRUE(static_cast<bool>(status)) << name << ": " << status.rule << " got " << status.got << " want "
                                         << status.want;
  const Status ran = call.run_alone();
  EXPECT_TRUE(static_cast<bool>(ran)) << name << ": " << ran.rule;
}
template <class Fixture>
void expect_legal(const LegalRow<Fixture>& row) {
  Fixture call = row.legal();
  row.change(call);
  expect_legal(row.name, std::move(call));
}

}  // namespace bad_input

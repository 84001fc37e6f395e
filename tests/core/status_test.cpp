#include "glint/core/status.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

namespace glint_test {
namespace {

using glint::Code;
using glint::index_t;
using glint::Status;

std::string text_of(const Status& status) {
  char text[256];
  const index_t length = format(status, text, sizeof text);
  EXPECT_EQ(static_cast<index_t>(std::string(text).size()), length);
  return text;
}

TEST(Status, IsTrueWhenAllIsWell) {
  EXPECT_TRUE(Status::ok());
  EXPECT_TRUE(Status{});
  EXPECT_FALSE((Status{Code::null_query, "rule", 0, 0}));
  static_assert(Status::ok().code == Code::ok && static_cast<int>(Code::ok) == 0);
}

// The numbers are an interface: programs store them.
TEST(Status, CodesKeepTheirNumbers) {
  EXPECT_EQ(static_cast<int>(Code::null_query), 10);
  EXPECT_EQ(static_cast<int>(Code::dtype_query), 30);
  EXPECT_EQ(static_cast<int>(Code::layout_unknown), 50);
  EXPECT_EQ(static_cast<int>(Code::sparse_mode_unknown), 80);
  EXPECT_EQ(static_cast<int>(Code::pse_type_range), 110);
  EXPECT_EQ(static_cast<int>(Code::sequence_lists_missing), 140);
  EXPECT_EQ(static_cast<int>(Code::inner_precise_range), 160);
  EXPECT_EQ(static_cast<int>(Code::limit_batch), 200);
  EXPECT_EQ(static_cast<int>(Code::antiquant_missing), 230);
  EXPECT_EQ(static_cast<int>(Code::block_table_missing), 260);
  EXPECT_EQ(static_cast<int>(Code::rope_half), 300);
  EXPECT_EQ(static_cast<int>(Code::rotary_style_unknown), 330);
}

TEST(StatusFormat, TellsTheRuleAndBothNumbers) {
  EXPECT_EQ(text_of(Status::ok()), "ok");
  EXPECT_EQ(text_of({Code::head_num_not_positive, "head_num must be positive", 0, 1}),
            "head_num must be positive (got 0, want 1)");
  EXPECT_EQ(text_of({Code::batch_mismatch, "", -17, 1234567890123}), " (got -17, want 1234567890123)");
}

TEST(StatusFormat, WritesTheLargestAndTheSmallestNumber) {
  constexpr index_t kLeast = std::numeric_limits<index_t>::min(), kMost = std::numeric_limits<index_t>::max();
  EXPECT_EQ(text_of({Code::limit_batch, "x", kLeast, kMost}), "x (got -9223372036854775808, want 9223372036854775807)");
}

// Whatever the capacity: terminated, a prefix of the message, nothing written behind, and the whole length returned.
TEST(StatusFormat, TruncatesAndSaysHowLongItIs) {
  const Status status{Code::mask_shape, "the rule", -12, 345};
  const std::string whole = "the rule (got -12, want 345)";
  for (index_t capacity = 0; capacity <= 40; ++capacity) {
    char text[48];
    for (char& c : text) c = '~';
    EXPECT_EQ(format(status, text, capacity), static_cast<index_t>(whole.size()));
    const auto room = static_cast<std::size_t>(capacity);
    if (capacity > 0) {
      EXPECT_EQ(std::string(text), whole.substr(0, room - 1)) << capacity;
    }
    const std::size_t written = capacity == 0 ? 0 : std::min(room, whole.size() + 1);
    for (std::size_t i = written; i < sizeof text; ++i) EXPECT_EQ(text[i], '~') << capacity;
  }
}

TEST(StatusFormat, WorksAtCompileTime) {
  constexpr auto first = [] {
    char text[8] = {};
    (void)glint::format({Code::mask_shape, "no", 1, 2}, text, 8);
    return text[0];
  }();
  static_assert(first == 'n');
}

}  // namespace
}  // namespace glint_test

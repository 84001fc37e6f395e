// Sets of rows in words.
#include "kit/check/rows_in_words.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace kit::detail {
namespace {

using Is = std::function<bool(index_t b, index_t n, index_t i)>;

// Blocks of `heads` heads with these rows.
std::string words(const std::vector<index_t>& rows, index_t heads, const Is& wrong, const RowNames& names) {
  Grid grid;
  Flags flags;
  for (std::size_t b = 0; b < rows.size(); ++b) {
    grid.push_back({static_cast<index_t>(b), heads, rows[b], 1, 0, 0, 0});
    for (index_t n = 0; n < heads; ++n)
      for (index_t i = 0; i < rows[b]; ++i) flags.push_back(wrong(static_cast<index_t>(b), n, i));
  }
  return rows_in_words(grid, flags, names);
}

std::string words(const std::vector<index_t>& rows, index_t heads, const Is& wrong) {
  return words(rows, heads, wrong, {"row", "head", "sequence"});
}

TEST(RowsInWords, Nothing) {
  EXPECT_EQ(words({4}, 2, [](auto...) { return false; }), "");
  EXPECT_EQ(words({}, 2, [](auto...) { return true; }), "");
}

TEST(RowsInWords, Everything) {
  EXPECT_EQ(words({4, 4}, 2, [](auto...) { return true; }), "all rows of every head in every sequence");
  EXPECT_EQ(words({4}, 2, [](auto...) { return true; }), "all rows of every head");
  EXPECT_EQ(words({4, 9}, 1, [](auto...) { return true; }), "all rows of every sequence");
  EXPECT_EQ(words({4}, 1, [](auto...) { return true; }), "all rows");
  EXPECT_EQ(words({1}, 4, [](auto...) { return true; }), "row 0 of every head");
}

TEST(RowsInWords, SomeHeadsOrSequences) {
  EXPECT_EQ(words({8, 8}, 8, [](auto, index_t n, auto) { return n == 3; }), "all rows of head 3 in every sequence");
  EXPECT_EQ(words({8, 8}, 8, [](index_t b, auto...) { return b == 1; }), "all rows of every head in sequence 1");
  EXPECT_EQ(words({8}, 8, [](auto, index_t n, auto) { return n >= 2 && n < 5; }), "all rows of heads 2-4");
  EXPECT_EQ(words({8}, 8, [](auto, index_t n, auto) { return n % 2 == 1; }),
            "all rows of every second head from 1 to 7");
  EXPECT_EQ(words({8}, 4, [](auto, index_t n, auto) { return n == 0 || n == 3; }), "all rows of heads 0 and 3");
}

TEST(RowsInWords, Runs) {
  EXPECT_EQ(words({128}, 2, [](auto, auto, index_t i) { return i == 70; }), "row 70 of every head");
  EXPECT_EQ(words({256}, 2, [](auto, auto, index_t i) { return i >= 64 && i < 128; }), "rows 64-127 of every head");
  EXPECT_EQ(words({128}, 2, [](auto, auto, index_t i) { return i >= 64; }), "rows 64-127, the last 64 of every head");
  EXPECT_EQ(words({128}, 2, [](auto, auto, index_t i) { return i == 127; }), "row 127, the last of every head");
  EXPECT_EQ(words({128}, 1, [](auto, auto, index_t i) { return i < 2 || i == 9 || i == 50; }), "rows 0-1, 9 and 50");
}

TEST(RowsInWords, Periods) {
  EXPECT_EQ(words({128}, 1, [](auto, auto, index_t i) { return i % 2 == 1; }), "every second row from 1 to 127");
  EXPECT_EQ(words({99}, 1, [](auto, auto, index_t i) { return i % 3 == 0; }), "every third row from 0 to 96");
  EXPECT_EQ(words({100}, 1, [](auto, auto, index_t i) { return i % 16 == 15; }), "every 16th row from 15 to 95");
  EXPECT_EQ(words({256}, 1, [](auto, auto, index_t i) { return i % 64 >= 48; }), "rows 48-63 of every 64, to 255");
  EXPECT_EQ(words({184}, 1, [](auto, auto, index_t i) { return i % 64 >= 48; }), "rows 48-63 of every 64, to 183");
}

TEST(RowsInWords, EndsOfSequencesOfDifferentLength) {
  const std::vector<index_t> rows{5, 70, 33};
  const auto last = [&](index_t count) {
    return words(rows, 2, [&](index_t b, auto, index_t i) { return i >= rows[static_cast<std::size_t>(b)] - count; });
  };
  EXPECT_EQ(last(1), "the last row of every head in every sequence");
  EXPECT_EQ(last(3), "the last 3 rows of every head in every sequence");
  EXPECT_EQ(words(rows, 2, [](auto, auto, index_t i) { return i >= 32; }),
            "rows from 32 on of every head in sequences 1-2");
  EXPECT_EQ(words(rows, 2, [](auto, auto, index_t i) { return i < 2; }), "rows 0-1 of every head in every sequence");
}

TEST(RowsInWords, Scattered) {
  EXPECT_EQ(words({64}, 1, [](auto, auto, index_t i) { return i % 7 == 1 || i == 33 || i == 60; }),
            "11 rows between 1 and 60");
  EXPECT_EQ(words({64}, 2, [](auto, index_t n, index_t i) { return n == 0 ? i == 3 : i == 40; }),
            "2 rows between 3 and 40 of every head, not the same everywhere");
  EXPECT_EQ(words({64, 64}, 4, [](index_t b, index_t n, index_t i) { return i == 3 && (b == 0 ? n == 1 : n == 2); }),
            "row 3 of heads 1-2 in every sequence, but not all of these");
}

TEST(RowsInWords, WhatAllHaveAndWhatSomeHaveBesides) {
  EXPECT_EQ(words({64, 64}, 2, [](index_t b, index_t n, index_t i) { return i == 63 || (b == 1 && n == 0 && i < 16); }),
            "row 63 of every head in every sequence; rows 0-15 of head 0 in sequence 1");
}

TEST(RowsInWords, NoMoreThanThreeParts) {
  EXPECT_EQ(words({64}, 6, [](auto, index_t n, index_t i) { return i < 10 * (n + 1) && i > 0; }),
            "rows 1-9 of every head; rows 10-19 of heads 1-5; 100 rows between 20 and 59 of heads 2-5, not the same "
            "everywhere");
}

TEST(RowsInWords, KeysOfKvHeads) {
  EXPECT_EQ(words({8}, 4, [](auto, index_t n, auto) { return n == 3; }, {"key", "kv head", "entry"}),
            "all keys of kv head 3");
}

}  // namespace
}  // namespace kit::detail

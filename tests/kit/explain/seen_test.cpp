// Ranges against the oracle's table of modes, score by score.
#include "kit/explain/seen.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kit/explain/setting.hpp"

namespace kit::about {
namespace {

// Every mode with lengths up to 5 and tokens around them, and those that mean "all".
template <class Visit>
void for_each_rule(const Visit& visit) {
  constexpr index_t kTokens[] = {-2147483647, -6, -2, -1, 0, 1, 3, 6, 2147483647, INT64_MAX, INT64_MIN};
  for (int mode = 0; mode <= 9; ++mode)
    for (index_t rows = 1; rows <= 5; ++rows)
      for (index_t keys = 0; keys <= 5; ++keys)
        for (const index_t pre : kTokens)
          for (const index_t next : kTokens)
            for (index_t prefix = 0; prefix <= keys; ++prefix)
              for (const bool band : {false, true}) visit(SparseRule{mode, rows, keys, pre, next, prefix, band});
}

bool in(const Range& range, index_t at) { return range.first <= at && at < range.last; }

TEST(Seen, RangesAreTheOraclesTable) {
  for_each_rule([](const SparseRule& rule) {
    for (index_t i = 0; i < rule.rows; ++i)
      for (index_t j = 0; j < rule.keys; ++j)
        ASSERT_EQ(in(seen_range(rule, i), j), glint::reference::visible(rule, i, j, false))
            << "mode " << rule.mode << " rows " << rule.rows << " keys " << rule.keys << " pre " << rule.pre << " next "
            << rule.next << " prefix " << rule.prefix << " at " << i << ", " << j;
  });
}

index_t counted(const std::vector<Range>& ranges) {
  index_t sum = 0;
  for (const Range& range : ranges) sum += range.size();
  return sum;
}

TEST(Seen, TotalsAreCounts) {
  const Question no_tensor;
  for_each_rule([&](const SparseRule& rule) {
    Totals want;
    std::vector<bool> row_sees(static_cast<std::size_t>(rule.rows)), seen(static_cast<std::size_t>(rule.keys));
    for (index_t i = 0; i < rule.rows; ++i)
      for (index_t j = 0; j < rule.keys; ++j) {
        if (!glint::reference::visible(rule, i, j, false)) continue;
        ++want.pairs;
        row_sees[static_cast<std::size_t>(i)] = seen[static_cast<std::size_t>(j)] = true;
      }
    const Totals got = totals_of(no_tensor, Part{{}, rule, 1});
    ASSERT_EQ(got.pairs, want.pairs);
    ASSERT_EQ(counted(got.blind_rows), std::count(row_sees.begin(), row_sees.end(), false));
    ASSERT_EQ(counted(got.unseen_keys), std::count(seen.begin(), seen.end(), false));
    for (const Range& range : got.blind_rows) ASSERT_FALSE(row_sees[static_cast<std::size_t>(range.first)]);
    for (const Range& range : got.unseen_keys) ASSERT_FALSE(seen[static_cast<std::size_t>(range.first)]);
  });
}

// A mask tensor is asked element by element, and keeps entries apart that are alike otherwise.
TEST(Seen, MaskTensor) {
  Question question;
  AttentionCase& spec = question.spec;
  spec.layout = "BNSD";
  spec.query = Array({2, 1, 2, 1});
  spec.key = spec.value = Array({2, 1, 3, 1});
  spec.sparse_mode = 1;
  spec.attn_mask = ByteArray({2, 1, 2, 3}, {1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1});
  const std::vector<Part> parts = parts_of(question);
  ASSERT_EQ(parts.size(), 2U);
  const Totals first = totals_of(question, parts[0]), second = totals_of(question, parts[1]);
  EXPECT_EQ(first.pairs, 1);
  EXPECT_EQ(counted(first.blind_rows), 1);
  EXPECT_EQ(counted(first.unseen_keys), 2);
  EXPECT_EQ(second.pairs, 4);
  ASSERT_EQ(second.unseen_keys.size(), 1U);
  EXPECT_EQ(second.unseen_keys[0].first, 2);
}

TEST(Seen, EqualNeighboursAreOnePart) {
  Setting setting;
  ASSERT_EQ(parse("op=fwd mode=3 sq=4,4,4,2,4 skv=5,5,5,5,5", setting), "");
  ASSERT_EQ(complete(setting), "");
  const std::vector<Part> parts = parts_of(question_of(setting));
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].copies, 3);
  EXPECT_EQ(parts[1].entry.batch, 3);
  EXPECT_EQ(parts[2].copies, 1);
}

}  // namespace
}  // namespace kit::about

// The nine sparse modes against the table of section 2 of the operator contract, row by row of that table, for every
// small shape and every choice of tokens.
#include "glint/ops/sparse_mode.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace glint_test {
namespace {

using glint::HeadIndex;
using glint::index_t;
using glint::Sequences;
using glint::SparseMode;
using glint::StaircaseOf;

// One score of the contract: query i of rows, key j of keys.  Written from the table, with nothing of the library.
struct Score {
  index_t i = 0, j = 0, rows = 0, keys = 0;
  index_t delta() const { return keys - rows; }
};
struct Attributes {
  index_t pre = 0, next = 0;
  bool has_prefix = false;
  index_t prefix = 0;
  bool is_band_entry = false;
};

bool left_up_causal(const Score& s) { return s.j <= s.i; }
bool right_down_causal(const Score& s) { return s.j <= s.i + s.delta(); }
bool left_up_band(const Score& s, const Attributes& a) { return s.j >= s.i - a.pre && s.j <= s.i + a.next; }
bool right_down_band(const Score& s, const Attributes& a) {
  return s.i + s.delta() - a.pre <= s.j && s.j <= s.i + s.delta() + a.next;
}

// kept(i, j) but for the mask tensor.
bool kept(int mode, const Score& s, const Attributes& a) {
  if (mode == 0) return left_up_band(s, a);
  if (mode == 1) return true;
  if (mode == 2) return left_up_causal(s);
  if (mode == 3) return right_down_causal(s);
  if (mode == 4) return right_down_band(s, a);
  if (mode == 5 || mode == 6) return !a.has_prefix || right_down_causal(s) || s.j < a.prefix;
  if (a.is_band_entry) return right_down_band(s, a);
  return mode == 7 ? right_down_causal(s) : left_up_causal(s);
}

constexpr index_t kLargest = 7;

template <class Visit>
void each_shape(const Visit& visit) {
  for (index_t rows = 1; rows <= kLargest; ++rows)
    for (index_t keys = 1; keys <= kLargest; ++keys) visit(rows, keys);
}

template <class Visit>
void each_tokens(const Visit& visit) {
  for (index_t pre = -3; pre <= 8; ++pre)
    for (index_t next = -3; next <= 8; ++next) visit(pre, next);
}

template <class SomeMask, class Expected>
::testing::AssertionResult same(const SomeMask& mask, index_t rows, index_t keys, const Expected& expected) {
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < keys; ++j)
      if (mask.visible(i, j) != expected(Score{i, j, rows, keys}))
        return ::testing::AssertionFailure() << "(" << i << ", " << j << ") of " << rows << " x " << keys;
  return ::testing::AssertionSuccess();
}

SparseMode mode_of(int mode) { return static_cast<SparseMode>(mode); }

TEST(SparseMode, StaircasesAreThePredicatesOfTheTable) {
  for (int mode = 0; mode <= 4; ++mode)
    each_shape([&](index_t rows, index_t keys) {
      each_tokens([&](index_t pre, index_t next) {
        const StaircaseOf stairs{.mode = mode_of(mode), .tokens = {pre, next}};
        ASSERT_TRUE(same(stairs(HeadIndex{0, 0, rows, keys}), rows, keys,
                         [&](const Score& s) { return kept(mode, s, {.pre = pre, .next = next}); }))
            << "mode " << mode << " pre " << pre << " next " << next;
      });
    });
}

TEST(SparseMode, PrefixModesTakeTheirOwnEntryOfTheList) {
  for (const int mode : {5, 6})
    each_shape([&](index_t rows, index_t keys) {
      std::vector<index_t> list;
      for (index_t prefix = 0; prefix <= keys; ++prefix) list.push_back(prefix);
      const StaircaseOf stairs{.mode = mode_of(mode), .prefix = list};
      for (index_t batch = 0; batch <= keys; ++batch)
        ASSERT_TRUE(same(stairs(HeadIndex{batch, 0, rows, keys}), rows, keys,
                         [&](const Score& s) { return kept(mode, s, {.has_prefix = true, .prefix = batch}); }))
            << "mode " << mode << " prefix " << batch;
    });
}

TEST(SparseMode, WithoutAListThePrefixModeIsAllMask) {
  each_shape([&](index_t rows, index_t keys) {
    const StaircaseOf stairs{.mode = SparseMode::prefix};
    ASSERT_TRUE(same(stairs(HeadIndex{0, 0, rows, keys}), rows, keys, [](const Score&) { return true; }));
  });
}

TEST(SparseMode, VariableLengthModesMakeOneEntryABand) {
  for (const int mode : {7, 8})
    each_shape([&](index_t rows, index_t keys) {
      each_tokens([&](index_t pre, index_t next) {
        const StaircaseOf stairs{.mode = mode_of(mode), .tokens = {pre, next}, .band_entry = 1};
        for (index_t batch = 0; batch < 3; ++batch)
          ASSERT_TRUE(same(
              stairs(HeadIndex{batch, 0, rows, keys}), rows, keys,
              [&](const Score& s) { return kept(mode, s, {.pre = pre, .next = next, .is_band_entry = batch == 1}); }))
              << "mode " << mode << " pre " << pre << " next " << next << " batch " << batch;
      });
    });
}

TEST(SparseMode, TheBandIsTheLastOrTheFirstSequenceWithQueries) {
  const std::vector<std::vector<index_t>> lists{{3, 5}, {0, 0, 4, 9, 9}, {2, 5, 9, 0, 0}, {0, 7, 7}, {5}, {0, 0}, {}};
  const std::vector<index_t> last{1, 3, 2, 1, 0, -1, -1}, first{0, 2, 0, 1, 0, -1, -1};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    EXPECT_EQ(glint::band_entry(SparseMode::varlen_right_down_band, Sequences::ends(lists[i])), last[i]) << i;
    EXPECT_EQ(glint::band_entry(SparseMode::varlen_band_left_up, Sequences::ends(lists[i])), first[i]) << i;
  }
}

// 1 drops and 0 keeps; the band of the mode counts as well, even where the two disagree.
TEST(SparseMode, TheMaskTensorIsAnAnd) {
  for (const int mode : {0, 1, 5})
    each_shape([&](index_t rows, index_t keys) {
      std::vector<std::uint8_t> drop(static_cast<std::size_t>(rows * keys));
      for (std::size_t e = 0; e < drop.size(); ++e) drop[e] = e * 7 % 5 < 2;
      const std::vector<index_t> prefix{keys / 2};
      each_tokens([&](index_t pre, index_t next) {
        const glint::StaircaseAndDenseOf both{{.mode = mode_of(mode), .tokens = {pre, next}, .prefix = prefix},
                                              {.drop = drop.data(), .row_stride = keys}};
        ASSERT_TRUE(same(both(HeadIndex{0, 0, rows, keys}), rows, keys,
                         [&](const Score& s) {
                           const bool in_tensor = drop[static_cast<std::size_t>(s.i * keys + s.j)] == 0;
                           return in_tensor && kept(mode, s, {pre, next, true, prefix[0], false});
                         }))
            << "mode " << mode << " pre " << pre << " next " << next;
      });
    });
}

template <class Element>
void expect_broadcasts() {
  constexpr index_t kBatch = 2, kHeads = 3, kRows = 2, kKeys = 4;
  for (int axes = 0; axes < 8; ++axes) {
    const index_t rows = axes & 1 ? kRows : 1, heads = axes & 2 ? kHeads : 1, batch = axes & 4 ? kBatch : 1;
    std::vector<Element> drop(static_cast<std::size_t>(batch * heads * rows * kKeys));
    for (std::size_t e = 0; e < drop.size(); ++e) drop[e] = (e * 11 + e / 5) % 3 == 0;
    const glint::DenseOf of{reinterpret_cast<const std::uint8_t*>(drop.data()), batch > 1 ? heads * rows * kKeys : 0,
                            heads > 1 ? rows * kKeys : 0, rows > 1 ? kKeys : 0, sizeof(Element)};
    for (index_t b = 0; b < kBatch; ++b)
      for (index_t h = 0; h < kHeads; ++h)
        EXPECT_TRUE(same(of(HeadIndex{b, h, kRows, kKeys}), kRows, kKeys, [&](const Score& s) {
          const index_t element = ((b % batch * heads + h % heads) * rows + s.i % rows) * kKeys + s.j;
          return drop[static_cast<std::size_t>(element)] == 0;
        })) << axes;
  }
}
TEST(SparseMode, DenseMasksBroadcastAlongEveryAxisOfStrideZero) {
  expect_broadcasts<std::uint8_t>();
  expect_broadcasts<std::uint16_t>();
  expect_broadcasts<std::uint32_t>();
  EXPECT_EQ(glint::DenseOf{}(HeadIndex{1, 2, 3, 4}).drop, nullptr);
}

TEST(SparseMode, TokensBeyondAnySequenceMeanAll) {
  constexpr index_t kMost = INT64_MAX, kLeast = INT64_MIN;
  for (const index_t all : {index_t{2147483647}, index_t{1} << 40, kMost})
    for (const SparseMode mode : {SparseMode::default_mask, SparseMode::band}) {
      const auto open = StaircaseOf{.mode = mode, .tokens = {all, all}}(HeadIndex{0, 0, 1 << 20, 1 << 19});
      EXPECT_TRUE(open.visible(0, (1 << 19) - 1));
      EXPECT_TRUE(open.visible((1 << 20) - 1, 0));
      const auto shut = StaircaseOf{.mode = mode, .tokens = {all, kLeast}}(HeadIndex{0, 0, 1 << 20, 1 << 19});
      EXPECT_FALSE(shut.visible((1 << 20) - 1, 0));
      EXPECT_EQ(shut.cover({0, 1 << 20, 0, 1 << 19}), glint::Cover::none);
    }
  EXPECT_EQ(glint::Tokens{}.pre, 2147483647);
  EXPECT_EQ(glint::Tokens{}.next, 2147483647);
}

TEST(SparseMode, ModesAndTheNumbersOfTheDocuments) {
  const std::string tensor = "110001000", tokens = "100010011";
  for (int mode = 0; mode <= 8; ++mode) {
    EXPECT_EQ(glint::reads_mask_tensor(mode_of(mode)), tensor[static_cast<std::size_t>(mode)] == '1') << mode;
    EXPECT_EQ(glint::uses_tokens(mode_of(mode)), tokens[static_cast<std::size_t>(mode)] == '1') << mode;
  }
}

// [0, S2] if S1 > S2, else [S2 - S1, S2].
TEST(SparseMode, PrefixRangeOfTheDocuments) {
  each_shape([](index_t rows, index_t keys) {
    for (index_t prefix = -2; prefix <= 9; ++prefix) {
      const bool legal = rows > keys ? prefix >= 0 && prefix <= keys : prefix >= keys - rows && prefix <= keys;
      EXPECT_EQ(glint::prefix_in_range(prefix, rows, keys), legal) << prefix << " " << rows << " x " << keys;
    }
  });
}

}  // namespace
}  // namespace glint_test

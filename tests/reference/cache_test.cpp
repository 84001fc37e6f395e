// Per-batch lengths, lists, left padding, shared prefix and pages (operators 3 and 5).
#include "support.hpp"

namespace oracle_test {
namespace {

// --- per-batch lengths ---------------------------------------------------------------------------------------------

TEST(Lengths, RowsBeyondTheActualOnesAreZeroAndCausalityCountsActualLengths) {
  AttentionCase spec = uniform_case(4, 5);
  spec.op = Operator::prompt;
  spec.sparse_mode = 3;
  spec.implied_mask = true;
  spec.actual_seq_qlen = {2};
  spec.actual_seq_kvlen = {3};
  for (index_t j = 3; j < 5; ++j) spec.value.at(0, 0, j, j) = not_a_number;
  const AttentionResult result = attention(spec);
  EXPECT_EQ(picture(result.out, 4, 5), "\n##...\n###..\n.....\n.....\n");
  EXPECT_EQ(result.lse.data.back(), infinity);
}

TEST(Lengths, TrainingIgnoresThemForDenseLayouts) {
  AttentionCase spec = uniform_case(1, 3);
  spec.actual_seq_kvlen = {1};
  EXPECT_EQ(picture(attention(spec).out, 1, 3), "\n###\n");
}

TEST(Lengths, AnIncreListHasOneTensorPerBatchEntry) {
  AttentionCase spec;
  spec.op = Operator::incre;
  spec.layout = "BSH";
  spec.query = varied({2, 1, 3});
  spec.key_list = {Array({1, 2, 3}), Array({1, 4, 3})};
  spec.value_list = {Array({1, 2, 1}, {1, 3}), Array({1, 4, 1}, {1, 2, 3, 10})};
  expect_near(attention(spec).out, {2, 4});
  spec.actual_seq_kvlen = {1, 3};
  expect_near(attention(spec).out, {1, 2});
}

TEST(Lengths, MasksPerBatchEntryForOneQuery) {
  AttentionCase spec;
  spec.op = Operator::incre;
  spec.layout = "BSH";
  spec.query = varied({2, 1, 3});
  spec.key = Array({2, 3, 3});
  spec.value = Array({2, 3, 1}, {1, 2, 4, 1, 2, 4});
  const std::vector<std::vector<index_t>> shapes{{2, 3}, {2, 1, 3}, {2, 1, 1, 3}};
  for (const std::vector<index_t>& shape : shapes) {
    spec.attn_mask = ByteArray(shape, {0, 0, 1, 1, 0, 0});
    expect_near(attention(spec).out, {1.5, 3});
  }
}

// --- left padding --------------------------------------------------------------------------------------------------

// Ten slots, K = 0, V = one-hot: which slots are used?
AttentionCase padded_case(index_t padding, index_t length) {
  AttentionCase spec = uniform_case(1, 10);
  spec.op = Operator::incre;
  spec.kv_padding_size = padding;
  spec.actual_seq_kvlen = {length};
  return spec;
}

TEST(LeftPadding, UsesTheKeysBeforeThePadding) {
  EXPECT_EQ(picture(attention(padded_case(0, 3)).out, 1, 10), "\n.......###\n");
  EXPECT_EQ(picture(attention(padded_case(2, 3)).out, 1, 10), "\n.....###..\n");
  EXPECT_EQ(picture(attention(padded_case(-7, 3)).out, 1, 10), "\n.......###\n");
  EXPECT_EQ(picture(attention(padded_case(7, 3)).out, 1, 10), "\n###.......\n");
  EXPECT_EQ(picture(attention(padded_case(8, 3)).out, 1, 10), "\n..........\n");  // start < 0: all zero
}

TEST(LeftPadding, IsIgnoredWithoutLengths) {
  AttentionCase spec = padded_case(2, 3);
  spec.actual_seq_kvlen.clear();
  EXPECT_EQ(picture(attention(spec).out, 1, 10), "\n##########\n");
}

TEST(LeftPadding, MaskAndPseAreReadAtTheShiftedColumns) {
  AttentionCase spec = padded_case(2, 3);
  spec.attn_mask = ByteArray({1, 10}, {1, 1, 1, 1, 1, 0, 1, 0, 1, 1});
  EXPECT_EQ(picture(attention(spec).out, 1, 10), "\n.....#.#..\n");
  spec.attn_mask = ByteArray();
  spec.pse = filled({1, 1, 1, 10}, not_a_number);
  spec.pse.flat(5) = 0;
  spec.pse.flat(6) = -infinity;
  spec.pse.flat(7) = std::log(3.0);
  expect_near(attention(spec).out, {0, 0, 0, 0, 0, 0.25, 0, 0.75, 0, 0});
}

TEST(LeftPadding, SwitchesTheTokensOfMode0Off) {
  AttentionCase spec = padded_case(2, 3);
  spec.op = Operator::prompt;
  spec.implied_mask = true;
  spec.next_tokens = 0;
  EXPECT_EQ(picture(attention(spec).out, 1, 10), "\n.....###..\n");
}

TEST(LeftPadding, QueryRowsShiftTogetherWithMaskRows) {
  AttentionCase spec = uniform_case(5, 2);
  spec.op = Operator::prompt;
  spec.query_padding_size = 1;
  spec.actual_seq_qlen = {2};
  spec.sparse_mode = 1;
  spec.attn_mask = ByteArray({5, 2}, {1, 1, 1, 1, 0, 1, 1, 0, 1, 1});
  EXPECT_EQ(picture(attention(spec).out, 5, 2), "\n..\n..\n#.\n.#\n..\n");
}

// --- shared prefix and pages ---------------------------------------------------------------------------------------

TEST(SharedPrefix, StandsInFrontOfEveryBatchEntry) {
  AttentionCase joined = dense_case();
  joined.op = Operator::prompt;
  joined.sparse_mode = 3;
  joined.implied_mask = true;
  AttentionCase split = joined;
  split.key = varied({2, 2, 2, 4}, 7);
  split.value = varied({2, 2, 2, 2}, 8);
  split.key_shared_prefix = varied({1, 2, 4, 4}, 9);
  split.value_shared_prefix = varied({1, 2, 4, 2}, 10);
  split.actual_shared_prefix_len = 3;
  const auto join = [](const Array& prefix, const Array& rest, Array& into) {
    for (index_t b = 0; b < 2; ++b) {
      for (index_t n = 0; n < 2; ++n) {
        for (index_t j = 0; j < 5; ++j) {
          for (index_t d = 0; d < into.shape[3]; ++d) {
            into.at(b, n, j, d) = j < 3 ? prefix.at(0, n, j, d) : rest.at(b, n, j - 3, d);
          }
        }
      }
    }
  };
  join(split.key_shared_prefix, split.key, joined.key);
  join(split.value_shared_prefix, split.value, joined.value);
  expect_same(attention(split).out, attention(joined).out, 0);
}

// The dense case's keys spread over pages of two slots, in every cache layout.
TEST(Paged, EveryCacheLayoutEqualsTheContiguousKeys) {
  AttentionCase dense = dense_case();
  dense.op = Operator::prompt;
  dense.actual_seq_kvlen = {5, 4};
  const Array expected = attention(dense).out;
  const std::vector<std::vector<index_t>> table{{4, 0, 6}, {2, 5, -1}};
  for (const int rank : {3, 4, 5}) {
    AttentionCase spec = dense;
    spec.paging.block_size = 2;
    spec.paging.block_table = {{2, 3}, {4, 0, 6, 2, 5, -1}};
    const auto pages = [&](const Array& from, index_t inner) {
      const index_t width = from.shape[3];
      Array cache = rank == 3   ? filled({7, 2, 2 * width}, not_a_number)
                    : rank == 4 ? filled({7, 2, 2, width}, not_a_number)
                                : filled({7, 2, width / inner, 2, inner}, not_a_number);
      for (index_t b = 0; b < 2; ++b) {
        for (index_t n = 0; n < 2; ++n) {
          for (index_t j = 0; j < (b == 0 ? 5 : 4); ++j) {
            const index_t page = table[static_cast<std::size_t>(b)][static_cast<std::size_t>(j / 2)];
            for (index_t d = 0; d < width; ++d) {
              const double element = from.at(b, n, j, d);
              if (rank == 3) cache.at(page, j % 2, n * width + d) = element;
              if (rank == 4) cache.at(page, n, j % 2, d) = element;
              if (rank == 5) cache.at(page, n, d / inner, j % 2, d % inner) = element;
            }
          }
        }
      }
      return cache;
    };
    spec.key = pages(dense.key, 2);
    spec.value = pages(dense.value, 1);
    expect_same(attention(spec).out, expected, 0);
  }
}

// Packed queries have cumulative ends; paged keys have lengths per batch entry (operators 3).
TEST(Paged, PackedQueriesOverPagedKeys) {
  AttentionCase spec;
  spec.op = Operator::prompt;
  spec.layout = "TND";
  spec.query = varied({3, 1, 2});
  spec.key = Array({3, 2, 2});  // three blocks of two slots
  spec.value = Array({3, 2, 1}, {1, 2, 4, 8, 16, 32});
  spec.paging.block_size = 2;
  spec.paging.block_table = {{2, 2}, {2, 0, 1, -1}};
  spec.actual_seq_qlen = {1, 3};
  spec.actual_seq_kvlen = {3, 2};
  expect_near(attention(spec).out, {(16 + 32 + 1) / 3., 6, 6}, 1e-14);
}

TEST(Paged, ATableEntryOutsideTheCacheIsLoud) {
  AttentionCase spec = uniform_case(1, 4);
  spec.op = Operator::incre;
  spec.paging.block_size = 4;
  spec.paging.block_table = {{1, 1}, {3}};
  spec.actual_seq_kvlen = {4};
  EXPECT_THROW(attention(spec), std::out_of_range);
}

TEST(Empty, ExtentsOfZeroGiveEmptyOutputs) {
  for (const index_t batch : {0, 1}) {
    AttentionCase spec;
    spec.layout = "BNSD";
    spec.query = Array({batch, 1, 1 - batch, 2});
    spec.key = Array({batch, 1, 2, 2});
    spec.value = Array({batch, 1, 2, 2});
    EXPECT_EQ(attention(spec).out.size(), 0);
  }
}

}  // namespace
}  // namespace oracle_test

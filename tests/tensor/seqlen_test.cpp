// Which rows belong to which batch entry.
#include "glint/tensor/seqlen.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace glint_test {
namespace {

using glint::index_t;
using glint::Sequences;
using List = std::vector<index_t>;

List lengths_of(const Sequences& sequences) {
  List lengths;
  for (index_t b = 0; b < sequences.batch(); ++b) lengths.push_back(sequences.length(b));
  return lengths;
}

List firsts_of(const Sequences& sequences) {
  List firsts;
  for (index_t b = 0; b < sequences.batch(); ++b) firsts.push_back(sequences.first(b));
  return firsts;
}

TEST(Sequences, UniformIsTheSameForAll) {
  const auto sequences = Sequences::uniform(3, 7);
  EXPECT_EQ(lengths_of(sequences), (List{7, 7, 7}));
  EXPECT_EQ(firsts_of(sequences), (List{0, 0, 0}));
  EXPECT_EQ(sequences.longest(), 7);
  EXPECT_EQ(sequences.total(), 7);
}

TEST(Sequences, NoneHasNoEntries) {
  for (const Sequences& sequences : {Sequences{}, Sequences::ends({})}) {
    EXPECT_EQ(sequences.batch(), 0);
    EXPECT_EQ(sequences.longest(), 0);
    EXPECT_EQ(sequences.total(), 0);
  }
}

// The rows of the tensor are known even if no entry has any.
TEST(Sequences, UniformIsAsLongAsItsTensorWithoutEntriesToo) {
  EXPECT_EQ(Sequences::uniform(0, 5).longest(), 5);
  EXPECT_EQ(Sequences::uniform(0, 5).batch(), 0);
}

TEST(Sequences, LengthsAreOneForEachEntry) {
  const List list{4, 0, 9};
  const auto sequences = Sequences::lengths(3, 10, list);
  EXPECT_EQ(lengths_of(sequences), list);
  EXPECT_EQ(firsts_of(sequences), (List{0, 0, 0}));
  EXPECT_EQ(sequences.longest(), 9);
}

TEST(Sequences, ASingleLengthIsForAll) {
  const List list{4};
  EXPECT_EQ(lengths_of(Sequences::lengths(3, 10, list)), (List{4, 4, 4}));
  EXPECT_EQ(lengths_of(Sequences::lengths(1, 10, list)), (List{4}));
  EXPECT_EQ(Sequences::lengths(3, 10, list).longest(), 4);
}

TEST(Sequences, NoListMeansTheRowsOfTheTensor) { EXPECT_EQ(lengths_of(Sequences::lengths(2, 10, {})), (List{10, 10})); }

// Only the entries of the batch count, however long the list is.
TEST(Sequences, SpareLengthsAreNotRead) {
  const List list{4, 2, 99};
  EXPECT_EQ(lengths_of(Sequences::lengths(2, 10, list)), (List{4, 2}));
  EXPECT_EQ(Sequences::lengths(2, 10, list).longest(), 4);
}

TEST(Sequences, EndsAreCumulative) {
  const List list{3, 8, 12};
  const auto sequences = Sequences::ends(list);
  EXPECT_EQ(lengths_of(sequences), (List{3, 5, 4}));
  EXPECT_EQ(firsts_of(sequences), (List{0, 3, 8}));
  EXPECT_EQ(sequences.longest(), 5);
  EXPECT_EQ(sequences.total(), 12);
}

TEST(Sequences, EmptySequencesMayLieAnywhere) {
  const List list{0, 0, 4, 4, 9, 9};
  const auto sequences = Sequences::ends(list);
  EXPECT_EQ(lengths_of(sequences), (List{0, 0, 4, 0, 5, 0}));
  EXPECT_EQ(sequences.first(2), 0);
  EXPECT_EQ(sequences.first(4), 4);
  EXPECT_EQ(sequences.total(), 9);
}

// The example of the documents: the tail of the batch is skipped.
TEST(Sequences, TrailingZerosSkipTheTail) {
  const List list{2, 5, 9, 0, 0};
  const auto sequences = Sequences::ends(list);
  EXPECT_EQ(sequences.batch(), 5);
  EXPECT_EQ(lengths_of(sequences), (List{2, 3, 4, 0, 0}));
  EXPECT_EQ(sequences.longest(), 4);
  EXPECT_EQ(sequences.total(), 9);
}

TEST(Sequences, OwnedRowsTileTheTensor) {
  for (int code = 0; code < 256; ++code) {  // four sequences of 0 to 3 rows
    List ends;
    for (int b = 0; b < 4; ++b) ends.push_back((ends.empty() ? 0 : ends.back()) + (code >> (2 * b) & 3));
    const auto sequences = Sequences::ends(ends);
    index_t next = 0;
    for (index_t b = 0; b < 4; ++b) {
      if (sequences.length(b) > 0) {
        ASSERT_EQ(sequences.first(b), next) << code;
      }
      next += sequences.length(b);
    }
    ASSERT_EQ(next, sequences.total()) << code;
  }
}

}  // namespace
}  // namespace glint_test

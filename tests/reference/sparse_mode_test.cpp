// Every sparse mode seen through the whole operator: K = 0 and one-hot V write the mask into the output (operators 10).
#include "support.hpp"

namespace oracle_test {
namespace {

std::string seen(const AttentionCase& spec) {
  const index_t keys = spec.value.shape.back();
  return picture(attention(spec).out, spec.query.shape.at(2), keys);
}

TEST(SparseModes, Mode0WithoutMaskSeesAllUnlessTokensAreImplied) {
  AttentionCase spec = uniform_case(3, 4);
  spec.pre_tokens = 1;
  spec.next_tokens = 0;
  EXPECT_EQ(seen(spec), "\n####\n####\n####\n");
  spec.implied_mask = true;
  EXPECT_EQ(seen(spec), "\n#...\n##..\n.##.\n");
}

TEST(SparseModes, Mode0WithMaskIsMaskAndBand) {
  AttentionCase spec = uniform_case(3, 4);
  spec.pre_tokens = 1;
  spec.next_tokens = 1;
  spec.attn_mask = ByteArray({3, 4}, {0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 1, 0});
  EXPECT_EQ(seen(spec), "\n##..\n.##.\n.#.#\n");
}

TEST(SparseModes, Mode1IsTheMaskAlone) {
  AttentionCase spec = uniform_case(2, 3);
  spec.sparse_mode = 1;
  spec.pre_tokens = spec.next_tokens = 0;
  spec.attn_mask = ByteArray({2, 3}, {1, 0, 0, 0, 1, 0});
  EXPECT_EQ(seen(spec), "\n.##\n#.#\n");
}

TEST(SparseModes, Modes2And3AreTheTwoCausals) {
  EXPECT_EQ(seen(compressed(2, 3, 4)), "\n#...\n##..\n###.\n");
  EXPECT_EQ(seen(compressed(3, 3, 4)), "\n##..\n###.\n####\n");
  EXPECT_EQ(seen(compressed(3, 4, 3)), "\n...\n#..\n##.\n###\n");
}

TEST(SparseModes, Mode4IsTheBandFromTheBottomRight) {
  AttentionCase spec = compressed(4, 3, 5);
  spec.pre_tokens = 1;
  spec.next_tokens = 0;
  EXPECT_EQ(seen(spec), "\n.##..\n..##.\n...##\n");
}

TEST(SparseModes, WithoutAMaskTheRunTimeDoorSeesAllAndTheTypedDoorFollowsTheMode) {
  for (const int mode : {2, 3, 4, 6}) {
    AttentionCase spec = compressed(mode, 2, 3);
    spec.pre_tokens = spec.next_tokens = 0;
    spec.prefix = {1};
    const std::string with_tensor = seen(spec);
    spec.attn_mask = ByteArray();
    EXPECT_EQ(seen(spec), "\n###\n###\n") << mode;
    spec.implied_mask = true;
    EXPECT_EQ(seen(spec), with_tensor) << mode;
    EXPECT_NE(seen(spec), "\n###\n###\n") << mode;
  }
}

TEST(SparseModes, Mode5AddsAPrefixAndTheMaskStillActs) {
  AttentionCase spec = uniform_case(3, 4);
  spec.sparse_mode = 5;
  spec.prefix = {3};
  spec.attn_mask = ByteArray({1, 1, 3, 4}, {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(seen(spec), "\n#.#.\n###.\n####\n");
}

TEST(SparseModes, Mode5WithABadPrefixIsMode1) {
  AttentionCase spec = uniform_case(2, 4);
  spec.sparse_mode = 5;
  spec.attn_mask = ByteArray({1, 1, 2, 4}, {0, 1, 0, 0, 0, 0, 0, 0});
  const std::vector<std::vector<index_t>> bad_lists{{}, {1}, {5}, {3, 3}};  // legal would be one entry in [2, 4]
  for (const std::vector<index_t>& bad : bad_lists) {
    spec.prefix = bad;
    EXPECT_EQ(seen(spec), "\n#.##\n####\n") << bad.size();
  }
  spec.prefix = {2};
  EXPECT_EQ(seen(spec), "\n#.#.\n####\n");
}

TEST(SparseModes, APrefixListIsValidAsAWholeOrNotAtAll) {
  AttentionCase spec = uniform_case(2, 4);
  spec.query = varied({2, 1, 2, 3});
  spec.key = Array({2, 1, 4, 3});
  spec.value = Array({2, 1, 4, 1}, {1, 2, 4, 8, 1, 2, 4, 8});
  spec.sparse_mode = 5;
  spec.implied_mask = true;
  spec.prefix = {2, 3};
  expect_near(attention(spec).out, {7. / 3, 15. / 4, 7. / 3, 15. / 4}, 1e-14);
  spec.prefix = {2, 5};
  expect_near(attention(spec).out, {15. / 4, 15. / 4, 15. / 4, 15. / 4}, 1e-14);
}

TEST(SparseModes, Mode6IsThePrefixPredicate) {
  AttentionCase spec = compressed(6, 4, 3);
  spec.prefix = {2};
  EXPECT_EQ(seen(spec), "\n##.\n##.\n##.\n###\n");
}

TEST(SparseModes, Mode7WorkedExample) {
  AttentionCase spec = ragged(7, {3, 5}, {3, 9}, 6);
  spec.pre_tokens = 6;
  spec.next_tokens = -2;
  EXPECT_EQ(picture(attention(spec).out, 5, 6), "\n#.....\n##....\n###...\n###...\n####..\n");
  EXPECT_EQ(attention(spec).softmax_sum.data, (std::vector<double>{1, 2, 3, 3, 4}));
}

TEST(SparseModes, Mode8WorkedExample) {
  AttentionCase spec = ragged(8, {3, 8, 12}, {4, 9, 13}, 5);
  spec.pre_tokens = 4;
  spec.next_tokens = 1;
  EXPECT_EQ(picture(attention(spec).out, 12, 5),
            "\n###..\n####.\n####.\n#....\n##...\n###..\n####.\n#####\n#....\n##...\n###..\n####.\n");
}

TEST(SparseModes, TheBandEntryOfModes7And8HasQueries) {
  AttentionCase last = ragged(7, {2, 3, 3}, {2, 5, 6}, 3);  // the third sequence has no queries
  last.pre_tokens = 0;
  last.next_tokens = 0;
  EXPECT_EQ(picture(attention(last).out, 3, 3), "\n#..\n##.\n..#\n");
  AttentionCase first = ragged(8, {0, 2, 4}, {1, 4, 6}, 3);  // the first has none
  first.pre_tokens = 0;
  first.next_tokens = 0;
  EXPECT_EQ(picture(attention(first).out, 4, 3), "\n.#.\n..#\n#..\n##.\n");
}

TEST(SparseModes, Mode9IsATreeInTheLastColumns) {
  AttentionCase spec = uniform_case(3, 5);
  spec.op = Operator::prompt;
  spec.sparse_mode = 9;
  spec.attn_mask = ByteArray({1, 3, 3}, {0, 1, 1, 0, 0, 1, 0, 1, 0});
  EXPECT_EQ(seen(spec), "\n###..\n####.\n###.#\n");
}

TEST(SparseModes, IncreKnowsTheMaskOnly) {
  AttentionCase spec = uniform_case(1, 4);
  spec.op = Operator::incre;
  spec.sparse_mode = 2;
  spec.pre_tokens = spec.next_tokens = 0;
  spec.attn_mask = ByteArray({1, 4}, {0, 0, 1, 0});
  EXPECT_EQ(seen(spec), "\n##.#\n");
}

}  // namespace
}  // namespace oracle_test

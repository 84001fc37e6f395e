// The sparse modes as pictures: '#' is a key that the row (downwards) sees.  The figures are those of operators 2,
// worked out by hand; the small ones are the causal corners of regression class F16.
#include "support.hpp"

namespace oracle_test {
namespace {

TEST(VisibleFigure, Mode0WithEightBehind) {
  EXPECT_EQ(picture(SparseRule{.mode = 0, .rows = 13, .keys = 13, .pre = 8, .next = 0}), R"(
#............
##...........
###..........
####.........
#####........
######.......
#######......
########.....
#########....
.#########...
..#########..
...#########.
....#########
)");
}

TEST(VisibleFigure, Mode0WithNegativeNext) {
  EXPECT_EQ(picture(SparseRule{.mode = 0, .rows = 13, .keys = 10, .pre = 9, .next = -3}), R"(
..........
..........
..........
#.........
##........
###.......
####......
#####.....
######....
#######...
.#######..
..#######.
...#######
)");
}

TEST(VisibleFigure, Mode0WithNegativePre) {
  EXPECT_EQ(picture(SparseRule{.mode = 0, .rows = 13, .keys = 10, .pre = -3, .next = 7}), R"(
...#####..
....#####.
.....#####
......####
.......###
........##
.........#
..........
..........
..........
..........
..........
..........
)");
}

TEST(VisibleFigure, Mode2HangsOnTheTopLeft) {
  EXPECT_EQ(picture(SparseRule{.mode = 2, .rows = 13, .keys = 10}), R"(
#.........
##........
###.......
####......
#####.....
######....
#######...
########..
#########.
##########
##########
##########
##########
)");
}

TEST(VisibleFigure, Mode3HangsOnTheBottomRight) {
  EXPECT_EQ(picture(SparseRule{.mode = 3, .rows = 13, .keys = 10}), R"(
..........
..........
..........
#.........
##........
###.......
####......
#####.....
######....
#######...
########..
#########.
##########
)");
}

TEST(VisibleFigure, Mode4IsABandFromTheBottomRight) {
  EXPECT_EQ(picture(SparseRule{.mode = 4, .rows = 13, .keys = 16, .pre = 6, .next = 4}), R"(
########........
#########.......
##########......
###########.....
.###########....
..###########...
...###########..
....###########.
.....###########
......##########
.......#########
........########
.........#######
)");
}

TEST(VisibleFigure, CausalSixByFour) {
  EXPECT_EQ(picture(SparseRule{.mode = 2, .rows = 6, .keys = 4}), R"(
#...
##..
###.
####
####
####
)");
  EXPECT_EQ(picture(SparseRule{.mode = 3, .rows = 6, .keys = 4}), R"(
....
....
#...
##..
###.
####
)");
}

TEST(VisibleFigure, CausalFourBySix) {
  EXPECT_EQ(picture(SparseRule{.mode = 2, .rows = 4, .keys = 6}), R"(
#.....
##....
###...
####..
)");
  EXPECT_EQ(picture(SparseRule{.mode = 3, .rows = 4, .keys = 6}), R"(
###...
####..
#####.
######
)");
}

TEST(VisibleFigure, CausalFourByFour) {
  EXPECT_EQ(picture(SparseRule{.mode = 2, .rows = 4, .keys = 4}), R"(
#...
##..
###.
####
)");
  EXPECT_EQ(picture(SparseRule{.mode = 3, .rows = 4, .keys = 4}), R"(
#...
##..
###.
####
)");
}

TEST(VisibleFigure, Mode1SeesWhatTheMaskLeaves) {
  EXPECT_EQ(picture(SparseRule{.mode = 1, .rows = 2, .keys = 3, .pre = 0, .next = 0}), R"(
###
###
)");
}

TEST(VisibleFigure, PrefixOnTopOfCausal) {
  EXPECT_EQ(picture(SparseRule{.mode = 5, .rows = 4, .keys = 6, .prefix = 4}), R"(
####..
####..
#####.
######
)");
  EXPECT_EQ(picture(SparseRule{.mode = 6, .rows = 6, .keys = 4, .prefix = 2}), R"(
##..
##..
##..
##..
###.
####
)");
  EXPECT_EQ(picture(SparseRule{.mode = 6, .rows = 6, .keys = 4, .prefix = 0}), R"(
....
....
#...
##..
###.
####
)");
}

TEST(VisibleFigure, Mode7BandEntryIsTheWorkedExample) {
  EXPECT_EQ(picture(SparseRule{.mode = 7, .rows = 3, .keys = 3, .pre = 6, .next = -2}), R"(
#..
##.
###
)");
  EXPECT_EQ(picture(SparseRule{.mode = 7, .rows = 2, .keys = 6, .pre = 6, .next = -2, .band_entry = true}), R"(
###...
####..
)");
}

TEST(VisibleFigure, Mode8BandEntryIsTheWorkedExample) {
  EXPECT_EQ(picture(SparseRule{.mode = 8, .rows = 3, .keys = 4, .pre = 4, .next = 1, .band_entry = true}), R"(
###.
####
####
)");
  EXPECT_EQ(picture(SparseRule{.mode = 8, .rows = 5, .keys = 5, .pre = 4, .next = 1}), R"(
#....
##...
###..
####.
#####
)");
}

TEST(Visible, MaskElementsCountInModes0And1And5AndInTheTree) {
  for (const int mode : {0, 1, 5}) {
    EXPECT_TRUE(visible(SparseRule{.mode = mode, .rows = 2, .keys = 2}, 1, 0, false)) << mode;
    EXPECT_FALSE(visible(SparseRule{.mode = mode, .rows = 2, .keys = 2}, 1, 0, true)) << mode;
  }
  for (const int mode : {2, 3, 4, 6, 7, 8}) {
    EXPECT_TRUE(visible(SparseRule{.mode = mode, .rows = 2, .keys = 2}, 1, 0, true)) << mode;
  }
  const SparseRule tree{.mode = 9, .rows = 2, .keys = 5};
  EXPECT_TRUE(visible(tree, 0, 2, true));  // a column before S2-S1 has no mask
  EXPECT_FALSE(visible(tree, 0, 3, true));
  EXPECT_TRUE(visible(tree, 0, 4, false));
}

TEST(Visible, TokensOfAnySizeDoNotOverflow) {
  const index_t huge = std::numeric_limits<index_t>::max();
  for (const int mode : {0, 4}) {
    const SparseRule rule{.mode = mode, .rows = 3, .keys = 3, .pre = huge, .next = huge};
    EXPECT_EQ(picture(rule), "\n###\n###\n###\n") << mode;
  }
}

TEST(Visible, UnknownModesSeeNothing) {
  EXPECT_FALSE(visible(SparseRule{.mode = 10, .rows = 1, .keys = 1}, 0, 0, false));
}

}  // namespace
}  // namespace oracle_test

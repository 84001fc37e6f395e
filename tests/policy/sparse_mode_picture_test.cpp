// The sparse modes as pictures: rows are queries, '#' is a key that the query sees.  The large ones are the figures of
// the operator documents, the small ones the corners where a causal mask may hang (regression class F16).
#include "glint/ops/sparse_mode.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/picture.hpp"

namespace glint_test {
namespace {

using glint::HeadIndex;
using glint::index_t;
using glint::Sequences;
using glint::SparseMode;
using glint::StaircaseOf;

std::string draw(const StaircaseOf& stairs, index_t rows, index_t keys, index_t batch = 0) {
  return picture(stairs(HeadIndex{batch, 0, rows, keys}), rows, keys);
}

TEST(SparseModePicture, DefaultSeesEightBehind) {
  EXPECT_EQ(draw({.mode = SparseMode::default_mask, .tokens = {8, 0}}, 13, 13), R"(
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

TEST(SparseModePicture, DefaultWithNegativeNextLosesItsFirstRows) {
  EXPECT_EQ(draw({.mode = SparseMode::default_mask, .tokens = {9, -3}}, 13, 10), R"(
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

TEST(SparseModePicture, DefaultWithNegativePreLosesItsLastRows) {
  EXPECT_EQ(draw({.mode = SparseMode::default_mask, .tokens = {-3, 7}}, 13, 10), R"(
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

TEST(SparseModePicture, AllMaskShowsTheTensor) {
  const std::vector<std::uint8_t> drop{0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1};
  const glint::StaircaseAndDenseOf both{{.mode = SparseMode::all_mask}, {.drop = drop.data(), .row_stride = 4}};
  EXPECT_EQ(picture(both(HeadIndex{0, 0, 3, 4}), 3, 4), R"(
#.##
.##.
....
)");
}

TEST(SparseModePicture, LeftUpCausalHangsOnTheTopLeft) {
  EXPECT_EQ(draw({.mode = SparseMode::left_up_causal}, 13, 10), R"(
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

TEST(SparseModePicture, RightDownCausalHangsOnTheBottomRight) {
  EXPECT_EQ(draw({.mode = SparseMode::right_down_causal}, 13, 10), R"(
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

TEST(SparseModePicture, BandIsMeasuredFromTheBottomRight) {
  EXPECT_EQ(draw({.mode = SparseMode::band, .tokens = {6, 4}}, 13, 16), R"(
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

TEST(SparseModePicture, CausalSixByFour) {
  EXPECT_EQ(draw({.mode = SparseMode::left_up_causal}, 6, 4), R"(
#...
##..
###.
####
####
####
)");
  EXPECT_EQ(draw({.mode = SparseMode::right_down_causal}, 6, 4), R"(
....
....
#...
##..
###.
####
)");
}

TEST(SparseModePicture, CausalFourBySix) {
  EXPECT_EQ(draw({.mode = SparseMode::left_up_causal}, 4, 6), R"(
#.....
##....
###...
####..
)");
  EXPECT_EQ(draw({.mode = SparseMode::right_down_causal}, 4, 6), R"(
###...
####..
#####.
######
)");
}

TEST(SparseModePicture, CausalFourByFourIsTheSameEitherWay) {
  for (const SparseMode mode : {SparseMode::left_up_causal, SparseMode::right_down_causal})
    EXPECT_EQ(draw({.mode = mode}, 4, 4), R"(
#...
##..
###.
####
)");
}

TEST(SparseModePicture, PrefixIsSeenByEveryRow) {
  const std::vector<index_t> prefix{3, 0};
  for (const SparseMode mode : {SparseMode::prefix, SparseMode::prefix_compressed}) {
    EXPECT_EQ(draw({.mode = mode, .prefix = prefix}, 6, 6), R"(
###...
###...
###...
####..
#####.
######
)");
    EXPECT_EQ(draw({.mode = mode, .prefix = prefix}, 6, 4, 1), R"(
....
....
#...
##..
###.
####
)");
  }
}

TEST(SparseModePicture, PrefixAndItsTensor) {
  const std::vector<index_t> prefix{2};
  const std::vector<std::uint8_t> drop{0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0};
  const glint::StaircaseAndDenseOf both{{.mode = SparseMode::prefix, .prefix = prefix},
                                        {.drop = drop.data(), .row_stride = 4}};
  EXPECT_EQ(picture(both(HeadIndex{0, 0, 4, 4}), 4, 4), R"(
##..
.#..
###.
####
)");
}

// The worked examples of the documents: cumulative ends of queries and keys, drawn sequence by sequence.
std::vector<std::string> draw_all(SparseMode mode, glint::Tokens tokens, const std::vector<index_t>& q_ends,
                                  const std::vector<index_t>& kv_ends) {
  const Sequences queries = Sequences::ends(q_ends), keys = Sequences::ends(kv_ends);
  const StaircaseOf stairs{.mode = mode, .tokens = tokens, .band_entry = glint::band_entry(mode, queries)};
  std::vector<std::string> pictures;
  for (index_t b = 0; b < queries.batch(); ++b) pictures.push_back(draw(stairs, queries.length(b), keys.length(b), b));
  return pictures;
}

TEST(SparseModePicture, VarlenRightDownEndsWithABand) {
  const auto pictures = draw_all(SparseMode::varlen_right_down_band, {6, -2}, {3, 5}, {3, 9});
  EXPECT_EQ(pictures[0], R"(
#..
##.
###
)");
  EXPECT_EQ(pictures[1], R"(
###...
####..
)");
}

TEST(SparseModePicture, VarlenRightDownSkipsEmptySequencesAtTheEnd) {
  const auto pictures = draw_all(SparseMode::varlen_right_down_band, {1, 0}, {2, 5, 5}, {3, 7, 9});
  EXPECT_EQ(pictures[0], R"(
##.
###
)");
  EXPECT_EQ(pictures[1], R"(
##..
.##.
..##
)");
  EXPECT_EQ(pictures[2], "\n");
}

TEST(SparseModePicture, VarlenLeftUpBeginsWithABand) {
  const auto pictures = draw_all(SparseMode::varlen_band_left_up, {4, 1}, {3, 8, 12}, {4, 9, 13});
  EXPECT_EQ(pictures[0], R"(
###.
####
####
)");
  EXPECT_EQ(pictures[1], R"(
#....
##...
###..
####.
#####
)");
  EXPECT_EQ(pictures[2], R"(
#...
##..
###.
####
)");
}

TEST(SparseModePicture, VarlenLeftUpSkipsEmptySequencesAtTheFront) {
  const auto pictures = draw_all(SparseMode::varlen_band_left_up, {1, 0}, {0, 3, 5}, {2, 6, 9});
  EXPECT_EQ(pictures[0], "\n");
  EXPECT_EQ(pictures[1], R"(
##..
.##.
..##
)");
  EXPECT_EQ(pictures[2], R"(
#..
##.
)");
}

}  // namespace
}  // namespace glint_test

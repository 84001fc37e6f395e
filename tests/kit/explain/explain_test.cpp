// What `explain` says: the pictures and rules of the documents' examples, letter for letter.
#include "kit/explain/explain.hpp"

#include <gtest/gtest.h>

#include "kit/explain/section.hpp"

namespace kit {
namespace {

// Rule, picture and counts of one entry: its three paragraphs.
std::string entry(const std::string& words, const std::string& name) {
  const Explained explained = explain(words);
  EXPECT_EQ(explained.error, "");
  const std::string& text = explained.text;
  const std::size_t begin = text.find("\n" + name);
  if (begin == std::string::npos) return "no such entry:\n" + text;
  std::size_t end = begin;
  for (int paragraph = 0; paragraph < 3 && end != std::string::npos; ++paragraph) end = text.find("\n\n", end + 1);
  return text.substr(begin, end + 1 - begin);
}

TEST(Explain, Band) {
  EXPECT_EQ(entry("sparse_mode=4 pre=3 next=-1 sq=6 skv=10", "entry 0"), R"(
entry 0: sq 6, skv 10
  row i sees keys i+1 to i+3
  right-down anchor: row i stands at key i+4, as skv-sq = 10-6 = 4 is added
  it sees from 3 keys before to 1 key before that key (pre_tokens=3, next_tokens=-1, both inclusive)

       0
    0  .###......
    1  ..###.....
    2  ...###....
    3  ....###...
    4  .....###..
    5  ......###.

  seen: 18 of 60 pairs of a row and a key (30.0 %)
  rows that see nothing: none
  keys that no row sees: 0, 9
)");
}

TEST(Explain, TokensFromTheLeftUpCorner) {
  EXPECT_EQ(entry("mode=0 pre=9 next=-3 sq=13 skv=10", "entry 0"), R"(
entry 0: sq 13, skv 10
  row i sees keys max(0, i-9) to i-3, none where that is empty
  left-up anchor: row i stands at key i, whatever sq and skv are
  it sees from 9 keys before to 3 keys before that key (pre_tokens=9, next_tokens=-3, both inclusive)

       0
    0  ..........
    1  ..........
    2  ..........
    3  #.........
    4  ##........
    5  ###.......
    6  ####......
    7  #####.....
    8  ######....
    9  #######...
   10  .#######..
   11  ..#######.
   12  ...#######

  seen: 49 of 130 pairs of a row and a key (37.7 %)
  rows that see nothing: 0 to 2
  there: out 0, softmax_max -FLT_MAX, softmax_sum +FLT_MAX; lse -inf at the typed door
  keys that no row sees: none
)");
  EXPECT_EQ(section("mode=0 pre=-3 next=7 sq=13 skv=10", "  seen"), R"(
  seen: 25 of 130 pairs of a row and a key (19.2 %)
  rows that see nothing: 7 to 12
  there: out 0, softmax_max -FLT_MAX, softmax_sum +FLT_MAX; lse -inf at the typed door
  keys that no row sees: 0 to 2
)");
}

TEST(Explain, CornersOfCausalMasks) {
  EXPECT_EQ(entry("mode=2 sq=3 skv=5", "entry 0"), R"(
entry 0: sq 3, skv 5
  row i sees keys 0 to i
  left-up corner: row 0 sees key 0 alone, whatever sq and skv are (causal, top-left)

       0
    0  #....
    1  ##...
    2  ###..

  seen: 6 of 15 pairs of a row and a key (40.0 %)
  rows that see nothing: none
  keys that no row sees: 3 to 4
)");
  EXPECT_EQ(entry("mode=3 sq=5 skv=3", "entry 0"), R"(
entry 0: sq 5, skv 3
  row i sees keys 0 to i-2, none where that is empty
  right-down anchor: row i stands at key i-2, as skv-sq = 3-5 = -2 is added (causal, bottom-right)

       0
    0  ...
    1  ...
    2  #..
    3  ##.
    4  ###

  seen: 6 of 15 pairs of a row and a key (40.0 %)
  rows that see nothing: 0 to 1
  there: out 0, softmax_max -FLT_MAX, softmax_sum +FLT_MAX; lse -inf at the typed door
  keys that no row sees: none
)");
}

TEST(Explain, Prefixes) {
  EXPECT_EQ(entry("mode=6 sq=5 skv=4 b=2 prefix=3,0", "entry 0"), R"(
entry 0: sq 5, skv 4
  row i sees keys 0 to max(2, i-1)
  right-down anchor: row i stands at key i-1, as skv-sq = 4-5 = -1 is added (causal, bottom-right)
  and every row sees the 3 keys of the prefix, 0 to 2

       0
    0  ###.
    1  ###.
    2  ###.
    3  ###.
    4  ####

  seen: 16 of 20 pairs of a row and a key (80.0 %)
  rows that see nothing: none
  keys that no row sees: none
)");
  EXPECT_EQ(section("mode=6 sq=5 skv=4 b=2 prefix=3,0", "entry 1"), R"(
entry 1: sq 5, skv 4
  row i sees keys 0 to i-1, none where that is empty
  right-down anchor: row i stands at key i-1, as skv-sq = 4-5 = -1 is added (causal, bottom-right)
  prefix 0: nothing is added to the triangle
)");
  EXPECT_EQ(section("mode=5 sq=2 skv=6 prefix=2", "entry 0"), R"(
entry 0: sq 2, skv 6
  every row sees every key, 0 to 5
  the prefix list is missing or not in [max(0, skv-sq), skv] as a whole: mode 5 then counts as mode 1
)");
}

// The two cards of the documents.
TEST(Explain, RaggedModes) {
  EXPECT_EQ(entry("mode=7 actual_seq_qlen=[3,5] actual_seq_kvlen=[3,9] pre=6 next=-2", "sequence 1"), R"(
sequence 1: sq 2, skv 6
  row i sees keys 0 to i+2
  the last sequence that has queries is the band (mode 4)
  right-down anchor: row i stands at key i+4, as skv-sq = 6-2 = 4 is added
  it sees from key 0 to 2 keys before that key (pre_tokens=6, next_tokens=-2, both inclusive)

       0
    0  ###...
    1  ####..

  seen: 7 of 12 pairs of a row and a key (58.3 %)
  rows that see nothing: none
  keys that no row sees: 4 to 5
)");
  EXPECT_EQ(entry("mode=8 sq=3,5,4 skv=4,5,4 pre=4 next=1", "sequence 0"), R"(
sequence 0: sq 3, skv 4
  row i sees keys 0 to min(3, i+2)
  the first sequence that has queries is the band (mode 4)
  right-down anchor: row i stands at key i+1, as skv-sq = 4-3 = 1 is added
  it sees from key 0 to 1 key after that key (pre_tokens=4, next_tokens=1, both inclusive)

       0
    0  ###.
    1  ####
    2  ####

  seen: 11 of 12 pairs of a row and a key (91.7 %)
  rows that see nothing: none
  keys that no row sees: none
)");
  EXPECT_EQ(section("mode=8 sq=3,5,4 skv=4,5,4 pre=4 next=1", "sequence 1"), R"(
sequence 1: sq 5, skv 5
  row i sees keys 0 to i
  not the first sequence that has queries: left-up causal (mode 2)
  left-up corner: row 0 sees key 0 alone, whatever sq and skv are (causal, top-left)
)");
  EXPECT_EQ(section("mode=7 sq=0,2,0 skv=3,3,1 pre=3 next=0", "sequence 0"), R"(
sequence 0: sq 0, skv 3
  there are no query rows
  seen: 0 of 0 pairs of a row and a key
  rows that see nothing: none
  keys that no row sees: 0 to 2
)");
}

TEST(Explain, MaskTensorsInWords) {
  EXPECT_EQ(section("mode=1 sq=2", "Mask"), R"(
Mask: sparse_mode 1 (all mask: attn_mask alone)
  attn_mask decides: of these keys, those where it is 1 are dropped (1 = drop, 0 = keep)
entry 0: sq 2, skv 2
  every row sees every key, 0 to 1
)");
  EXPECT_EQ(section("op=incre mode=9 sq=3 skv=8", "Mask"), R"(
Mask: sparse_mode 9 (tree of drafts)
  of the last sq keys, attn_mask drops those where the tree is 1 (B|1, S1, S1); the others are all seen
entry 0: sq 3, skv 8
  every row sees every key, 0 to 7
)");
}

TEST(Explain, LargeMasksShowTheirCorners) {
  const Explained explained = explain("mode=3 sq=1000000 skv=1000000");
  EXPECT_NE(explained.text.find(
                "\n        0  #....................................... ... ........................................\n"),
            std::string::npos);
  EXPECT_NE(explained.text.find(
                "\n   999999  ######################################## ... ########################################\n"),
            std::string::npos);
  EXPECT_NE(explained.text.find("\n  seen: 500000500000 of 1000000000000 pairs"), std::string::npos);
  EXPECT_LT(explained.text.size(), 8000U);
  EXPECT_LT(explained.svg.size(), 200000U);
}

TEST(Explain, RowsOfEqualEntriesAreShownOnce) {
  EXPECT_NE(explain("sq=4 b=16").text.find("\nentries 0 to 15: sq 4, skv 4\n"), std::string::npos);
}

TEST(Explain, RowsBehindALength) {
  EXPECT_NE(explain("op=prompt sq=2,4 skv=4").text.find("  rows 2 to 3 of the tensor lie behind the length: out 0\n"),
            std::string::npos);
}

TEST(Explain, Svg) {
  EXPECT_EQ(explain("mode=2 sq=2").svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"260\" height=\"70\" font-family=\"sans-serif\" "
            "font-size=\"11\">\n<text x=\"10\" y=\"22\">entry 0: 2 rows, 2 keys</text>\n<rect x=\"10\" y=\"30\" "
            "width=\"19\" height=\"19\" fill=\"#e2e8f0\"/>\n<path fill=\"#2b6cb0\" d=\"M10 30h9v9h-9zM10 40h9v9h-9zM20 "
            "40h9v9h-9z\"/>\n</svg>\n");
}

}  // namespace
}  // namespace kit

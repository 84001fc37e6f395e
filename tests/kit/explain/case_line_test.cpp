// Case lines: what has numbers, masks among them, is explained from them.
#include <gtest/gtest.h>

#include "kit/case/case_line.hpp"
#include "kit/explain/explain.hpp"

namespace kit {
namespace {

TEST(ExplainCaseLine, ReadsTheMaskTensor) {
  const Explained explained = explain("op=fwd layout=BNSD n=1 sq=2 skv=3 d=4 mask=ss mask_fill=all seed=1");
  EXPECT_EQ(explained.error, "");
  const std::string& text = explained.text;
  EXPECT_NE(text.find("attn_mask is read: 1 drops a score; the picture is head 0's\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n    0  ...\n    1  ...\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  rows that see nothing: 0 to 1\n"), std::string::npos) << text;
}

// Though each of its keys is a word, too.
TEST(ExplainCaseLine, HasItsOwnDefaults) {
  const std::string line = explain("op=fwd layout=BSND n=2 sq=3 skv=4 d=16").text;
  EXPECT_NE(line.find("r_ij * 0.25 (scale_value)"), std::string::npos) << line;
  EXPECT_NE(line.find(", f32\n"), std::string::npos) << line;
  EXPECT_NE(explain("op=fwd layout=BSND n=2 sq=3 skv=4").text.find("r_ij * 1 "), std::string::npos);
  EXPECT_NE(explain("op=fwd n=2 sq=3 skv=4 d=16 scale=0.5").text.find("r_ij * 0.5 "), std::string::npos);
}

TEST(ExplainCaseLine, NamesTheRuleThatIsBroken) {
  EXPECT_EQ(
      explain("op=fwd n=7 nkv=2 sq=4 d=8 seed=3").text,
      "flash_attention_score\n\nLegality:\n  illegal: head_num must be a multiple of the number of kv heads (got 7, "
      "want 2)\n");
}

// The words' error, or that of a key which only case lines have.
TEST(ExplainCaseLine, Errors) {
  EXPECT_EQ(explain("op=fwd n=2 sq=4 d=x seed=3").error, "d: got 'x', want a whole number from 0 to 4096");
  EXPECT_EQ(explain("op=fwd n=2 sq=4 sead=3").error.substr(0, 18), "unknown key 'sead'");
  EXPECT_EQ(explain("op=fwd n=2 sq=4 d=4 init=odd").error.substr(0, 9), "init: got");
  EXPECT_EQ(explain("op=incre n=1 skv=100000000 d=1 block=16").error.substr(0, 42),
            "the case has more than 2^26 numbers; words");
}

// Whatever can be drawn can be explained: all operators, parameters and ways to hold a cache.
TEST(ExplainCaseLine, AllThatCanBeDrawn) {
  for (const char* op : {"fwd", "bwd", "prompt", "incre"}) {
    for (std::uint64_t number = 0; number < 60; ++number) {
      const std::string line = canonical_line(draw_case(op, 3, number));
      const Explained explained = explain(line);
      ASSERT_EQ(explained.error, "") << line;
      ASSERT_NE(explained.text.find("\nFormula, in this order:\n"), std::string::npos) << line << explained.text;
      ASSERT_NE(explained.text.find("\nLegality:\n  legal\n"), std::string::npos) << line << explained.text;
    }
  }
}

}  // namespace
}  // namespace kit

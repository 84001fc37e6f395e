// Case lines as people write them: what they mean, and what is said about those that mean nothing.
#include "kit/case/case_line.hpp"

#include <gtest/gtest.h>

namespace kit {
namespace {

std::string error_of(std::string_view line) { return parse_case(line).error; }

// The canonical line, or the error.
std::string spoken(std::string_view line) {
  const ParsedLine parsed = parse_case(line);
  return parsed.error.empty() ? canonical_line(parsed.value) : "error: " + parsed.error;
}

std::string illegal(std::string_view line) {
  const ParsedLine parsed = parse_case(line);
  return parsed.error.empty() ? why_illegal(parsed.value) : "error: " + parsed.error;
}

TEST(CaseLine, WhatGoesWithoutSayingIsLeftOut) {
  EXPECT_EQ(spoken("op=fwd layout=TND dtype=bf16 b=3 sq=4,2,6 skv=10,3,9 n=8 nkv=2 d=128 mode=3 pse=alibi keep=0.9 "
                   "seed=7 init=normal"),
            "op=fwd layout=TND dtype=bf16 n=8 nkv=2 sq=4,2,6 skv=10,3,9 d=128 mode=3 pse=alibi keep=0.9 seed=7");
  EXPECT_EQ(spoken("  d=8   sq=5 n=2 op=bwd skv=5 dv=8 nkv=2 b=1 layout=BSH scale_factor=1.000 keep=1 "),
            "op=bwd n=2 sq=5 d=8");
  EXPECT_EQ(spoken("op=prompt n=4 sq=3 skv=40 d=16 block=16"), "op=prompt block=16 n=4 sq=3 skv=40 d=16 lens=40");
  EXPECT_EQ(spoken("op=incre n=4 skv=40 d=16 sq=1 form=contiguous"), "op=incre n=4 skv=40 d=16");
}

TEST(CaseLine, OneLengthIsEverySequences) {
  EXPECT_EQ(spoken("op=fwd layout=TND b=3 n=1 sq=4 d=8"), "op=fwd layout=TND b=3 n=1 sq=4 d=8");
  EXPECT_EQ(spoken("op=fwd layout=TND n=1 sq=4,5 skv=9 d=8"), "op=fwd layout=TND n=1 sq=4,5 skv=9 d=8");
  EXPECT_EQ(spoken("op=prompt layout=TND n=1 sq=4,5 d=8"), "op=prompt layout=TND n=1 sq=4,5 d=8");
  EXPECT_EQ(spoken("op=prompt form=list b=2 n=1 sq=4 skv=6 d=8"), "op=prompt form=list b=2 n=1 sq=4 skv=6 d=8");
  EXPECT_EQ(spoken("op=prompt n=1 sq=4 skv=6 d=8 lens=6,2 qlens=3"),
            "op=prompt b=2 n=1 sq=4 skv=6 d=8 qlens=3 lens=6,2");
}

TEST(CaseLine, KeysBuildOnEachOther) {
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 keep=0.5 drop=philox"), "op=fwd n=2 sq=5 d=8 keep=0.5 drop=philox");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 drop=bits"), "op=fwd n=2 sq=5 d=8 drop=bits");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 mode=1 mask=ss"), "op=fwd n=2 sq=5 d=8 mode=1");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 mode=1 mask=none"), "op=fwd n=2 sq=5 d=8 mode=1 mask=none");
  EXPECT_EQ(spoken("op=fwd b=2 n=2 sq=5 skv=7 d=8 mode=6 prefix=3,7"),
            "op=fwd b=2 n=2 sq=5 skv=7 d=8 mode=6 prefix=3,7");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 pse_order=mul_add pse=dense"),
            "op=fwd n=2 sq=5 d=8 pse=dense pse_order=mul_add");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 scale=0.0884"), "op=fwd n=2 sq=5 d=8 scale=0.0884");
  EXPECT_EQ(spoken("op=fwd n=2 sq=5 d=8 scale_factor=-0.25 q_scale=1.5"),
            "op=fwd n=2 sq=5 d=8 scale_factor=-0.25 q_scale=1.5");
  EXPECT_EQ(spoken("op=bwd n=2 sq=5 d=8 softcap=30 softcap_order=after_bias"),
            "op=bwd n=2 sq=5 d=8 softcap=30 softcap_order=after_bias");
}

TEST(CaseLine, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"", "op: missing; allowed: fwd|bwd|prompt|incre"},
      {"n=2 sq=5 d=8", "op: missing; allowed: fwd|bwd|prompt|incre"},
      {"op=forward n=2", "op: got forward, allowed: fwd|bwd|prompt|incre"},
      {"op=fwd sq=5 d=8", "n: missing; op=fwd needs it"},
      {"op=bwd n=2 d=8", "sq: missing; op=bwd needs it"},
      {"op=prompt n=2 d=8", "sq: missing; op=prompt needs it"},
      {"op=incre n=2 d=8", "skv: missing; op=incre needs it"},
      {"op=fwd n=2 sq=5", "d: missing; op=fwd needs it"},
      {"op=fwd n=2 sq=5 d=8 mdoe=3", "mdoe: not a key of op=fwd; did you mean mode?"},
      {"op=fwd n=2 sq=5 d=8 kepe=0.5", "kepe: not a key of op=fwd; did you mean keep?"},
      {"op=fwd n=2 sq=5 d=8 frobnicate=1", "frobnicate: not a key of op=fwd"},
      {"op=fwd n=2 sq=5 d=8 block=16", "block: not a key of op=fwd, but of op=prompt op=incre"},
      {"op=prompt n=2 sq=5 d=8 keep=0.5", "keep: not a key of op=prompt, but of op=fwd op=bwd"},
      {"op=incre n=2 skv=5 d=8 qlens=5", "qlens: not a key of op=incre, but of op=prompt"},
      {"op=fwd n=2 sq=5 d=8 n=3", "n: given twice"},
      {"op=fwd op=fwd n=2 sq=5 d=8", "op: given twice"},
      {"op=fwd n=2 sq=5 d=8 mode", "\"mode\" is not of the form key=value"},
      {"op=fwd n=2 sq=5 d=8 mode=", "\"mode=\" is not of the form key=value"},
      {"op=fwd n=2 sq=5 d=8 =3", "\"=3\" is not of the form key=value"},
      {"op=fwd n=2 sq=5 d=8 mode = 3", "\"mode\" is not of the form key=value"},
      {"op=fwd n=0 sq=5 d=8", "n: got 0, allowed: a whole number from 1 to 65536"},
      {"op=fwd n=+2 sq=5 d=8", "n: got +2, allowed: a whole number from 1 to 65536"},
      {"op=fwd n=2.0 sq=5 d=8", "n: got 2.0, allowed: a whole number from 1 to 65536"},
      {"op=fwd n=0x2 sq=5 d=8", "n: got 0x2, allowed: a whole number from 1 to 65536"},
      {"op=fwd n=99999999999999999999 sq=5 d=8",
       "n: got 99999999999999999999, allowed: a whole number from 1 to 65536"},
      {"op=fwd n=2 sq=5 d=8 mode=9", "mode: got 9, allowed: a whole number from 0 to 8"},
      {"op=fwd n=2 sq=5 d=8 mode=-0", "mode: got -0, allowed: a whole number from 0 to 8"},
      {"op=fwd n=2 sq=5 d=8 layout=BSHD", "layout: got BSHD, allowed: BSH|SBH|BNSD|BSND|TND"},
      {"op=fwd n=2 sq=5 d=8 dtype=i8", "dtype: got i8, allowed: f32|f16|bf16"},
      {"op=fwd n=2 sq=5 d=8 mask=causal", "mask: got causal, allowed: none|ss|11ss|b1ss|bnss"},
      {"op=fwd n=2 sq=5 d=8 init=random", "init: got random, allowed: normal|uniform|poison|huge|ties|onehot|empty"},
      {"op=fwd n=2 sq=5 d=8 keep=0", "keep: got 0, allowed: a decimal with up to three places from 0.001 to 1"},
      {"op=fwd n=2 sq=5 d=8 keep=0.9999",
       "keep: got 0.9999, allowed: a decimal with up to three places from 0.001 to 1"},
      {"op=fwd n=2 sq=5 d=8 keep=.5", "keep: got .5, allowed: a decimal with up to three places from 0.001 to 1"},
      {"op=fwd n=2 sq=5 d=8 keep=1.", "keep: got 1., allowed: a decimal with up to three places from 0.001 to 1"},
      {"op=fwd n=2 sq=5 d=8 scale=1e999", "scale: got 1e999, allowed: a plain decimal from -1000000 to 1000000"},
      {"op=fwd n=2 sq=5 d=8 scale=nan", "scale: got nan, allowed: a plain decimal from -1000000 to 1000000"},
      {"op=fwd n=2 sq=5 d=8 scale=-0", "scale: got -0, allowed: a plain decimal from -1000000 to 1000000"},
      {"op=fwd n=2 sq=5 d=8 scale=-0.000", "scale: got -0.000, allowed: a plain decimal from -1000000 to 1000000"},
      {"op=fwd n=2 sq=5 d=8 softcap=0",
       "softcap: got 0, allowed: a decimal above 0 and up to 1000000; no cap is without the key"},
      {"op=fwd n=2 sq=5 d=8 seed=-1", "seed: got -1, allowed: a whole number from 0 to 18446744073709551615"},
      {"op=fwd n=2 sq=5 d=8 scale=1 scale_factor=2",
       "scale_factor: has no meaning here: it belongs to lines without scale="},
      {"op=fwd n=2 sq=5 d=8 mode=3 mask=ss", "mask: has no meaning here: it belongs to modes 0, 1 and 5"},
      {"op=fwd n=2 sq=5 d=8 pse=alibi pse_order=mul_add",
       "pse_order: has no meaning here: it belongs to pse=dense|compressed|per_score|per_column"},
      {"op=fwd n=2 sq=5,6 d=8", "sq: a list belongs to layout=TND"},
      {"op=prompt n=2 sq=5,6 d=8", "sq: a list belongs to layout=TND"},
      {"op=prompt n=2 sq=5,6 d=8 qlens=3", "sq: a list belongs to layout=TND"},
      {"op=prompt n=2 sq=5 skv=5,6 d=8", "skv: a list belongs to layout=TND and form=list"},
      {"op=fwd layout=TND n=2 sq=5,6, d=8",
       "sq: got 5,6,, allowed: a whole number from 0 to 2147483648, or one for each batch entry with commas between "
       "them"},
      {"op=fwd layout=TND b=3 n=2 sq=5,6 d=8", "sq: got 2 lengths, allowed: one for each of the batch of 3"},
      {"op=fwd layout=TND n=2 sq=5,6 skv=1,2,3 d=8", "sq: got 2 lengths, allowed: one for each of the batch of 3"},
      {"op=prompt n=2 sq=5 skv=9 d=8 lens=10", "lens: got 10, allowed: up to 9"},
      {"op=prompt n=2 sq=5 skv=9 d=8 qlens=6", "qlens: got 6, allowed: up to 5"},
      {"op=incre n=7 nkv=2 skv=9 d=8", "n: got 7, allowed: a multiple of nkv=2"},
      {"op=fwd n=2 sq=2147483648 d=64",
       "sq: query would have 274877906944 elements (sq b n d), allowed: up to 536870912, 4 GB of float64"},
      {"op=fwd n=2 sq=65536 d=64 pse=dense",
       "sq: real_shift would have 8589934592 elements (sq skv b n pse), allowed: up to 536870912, 4 GB of float64"},
      {"op=incre n=2 skv=9 d=8 block=65536 spare_blocks=65536",
       "skv: key would have 68720525312 elements (skv b nkv d rope), allowed: up to 536870912, 4 GB of float64"},
      {"op=incre n=1 skv=9 d=8 form=list block=3", "block: got 3, allowed: only with form=paged"},
      {"op=incre n=1 skv=9 d=8 block=3 kv_padding=1", "kv_padding: got 1, allowed: only with form=left_padded"},
      {"op=prompt n=1 sq=4 skv=9,7 d=8 form=list lens=8", "lens: got 8, allowed: up to 7"},
      {"op=prompt b=0 n=1 sq=4 skv=9 d=8 form=list lens=10", "lens: got 10, allowed: up to 9"},
      {"op=incre n=1 skv=300000000 d=1 block=1",
       "block: block_table would have 300000001 entries (skv b block), allowed: up to 16777216"},
      {"op=fwd n=2 sq=5 d=8 init=empty", "init: got empty, which belongs to layout=TND"},
      {"op=incre n=2 skv=5 d=8 init=ties cache=i8",
       "init: got ties, which belongs to floating-point dtype= and cache="},
      {"op=fwd n=2 sq=5 d=8 init=onehot sink=1", "init: got onehot, which belongs to lines without softcap= and sink="},
      {"op=fwd n=2 sq=500 d=1 init=onehot", "init: got onehot, which needs at most 256 keys in all for this d"},
      {"op=fwd n=2 sq=5 d=8 scale=0 init=onehot", "init: got onehot, which needs a scale other than 0"},
  };
  for (const auto& [line, error] : kWrong) EXPECT_EQ(error_of(line), error) << line;
}

TEST(CaseLine, GarbageIsShownShort) {
  EXPECT_EQ(error_of(std::string(10000, 'x')), "\"" + std::string(40, 'x') + "...\" is not of the form key=value");
  EXPECT_EQ(error_of("op=fwd n=2 sq=5 d=8 " + std::string(10000, 'x') + "=1"),
            std::string(40, 'x') + "...: not a key of op=fwd");
  EXPECT_EQ(error_of("op=fwd n=" + std::string(10000, '9')),
            "n: got " + std::string(40, '9') + "..., allowed: a whole number from 1 to 65536");
  EXPECT_EQ(error_of(std::string(5000000, ' ')), "a case line has at most 4194304 characters");
  std::string many;
  for (int i = 0; i < 300; ++i) many += "k" + std::to_string(i) + "=1 ";
  EXPECT_EQ(error_of(many), "a case line has at most 200 keys");
  EXPECT_EQ(error_of(std::string_view("op=fwd\0\n\xff=", 10)),
            "op: got fwd?"
            "?"
            "?=, allowed: fwd|bwd|prompt|incre");
}

TEST(CaseLine, WhyIllegal) {
  const std::pair<const char*, const char*> kIllegal[] = {
      {"op=fwd n=6 nkv=3 sq=5 d=8", ""},
      {"op=fwd n=7 nkv=2 sq=5 d=8", "illegal: head_num must be a multiple of the number of kv heads (got 7, want 2)"},
      {"op=fwd n=2 sq=5 d=8 mode=8", "illegal: sparse_mode 7 and 8 are for layout TND (got 8, want 6)"},
      {"op=fwd n=2 sq=5 skv=9 d=8 mode=4 pre=-3 next=2",
       "illegal: with pre_tokens < 0, next_tokens must be at least -pre_tokens (got 6, want 7)"},
      {"op=prompt n=2 sq=5 d=8 form=left_padded kv_padding=1 prefix=3 lens=2",
       "illegal: a shared prefix and a left-padded cache exclude each other (got 1, want 0)"},
      {"op=incre n=2 skv=9 d=8 cache=i8 k_mode=4",
       "illegal: antiquant modes 4 and 5 are for pages: take 1 and 3 (got 4, want 1)"},
  };
  for (const auto& [line, rule] : kIllegal) EXPECT_EQ(illegal(line), rule) << line;
}

}  // namespace
}  // namespace kit

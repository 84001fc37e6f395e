// Errors of the words, and one row for each class of the library's rules.
#include <gtest/gtest.h>

#include <algorithm>

#include "kit/explain/explain.hpp"
#include "kit/explain/setting.hpp"

namespace kit {
namespace {

struct Row {
  const char* words;
  const char* says;
};

TEST(ExplainWords, Errors) {
  constexpr const char* kKeys =
      "; the keys are: op layout b sq skv actual_seq_qlen actual_seq_kvlen actual_seq_lengths n nkv d dv dtype cache "
      "sparse_mode pre next prefix mask inner_precise scale q_scale pse pse_type q_start kv_start softcap "
      "softcap_order "
      "sink keep quant";
  EXPECT_EQ(explain("window=3 sq=2").error, std::string("unknown key 'window'") + kKeys);
  EXPECT_EQ(explain("=3").error, std::string("unknown key ''") + kKeys);
  constexpr Row kRows[] = {
      {"", "nothing to explain: say key=value, as in sparse_mode=4 pre=3 next=-1 sq=6 skv=10"},
      {" \n", "nothing to explain: say key=value, as in sparse_mode=4 pre=3 next=-1 sq=6 skv=10"},
      {"causal", "got 'causal', want key=value, as in sparse_mode=4"},
      {"mode=4", "sq: is missing, the number of query rows"},
      {"op=incre", "skv: is missing, the number of keys"},
      {"sq=x", "sq: got 'x', want a whole number from 0 to 67108864"},
      {"sq=-1", "sq: got '-1', want a whole number from 0 to 67108864"},
      {"sq=67108865", "sq: got '67108865', want a whole number from 0 to 67108864"},
      {"sq=3,", "sq: got '', want a whole number from 0 to 67108864"},
      {"sq=4 pre=99999999999999999999", "pre: got '99999999999999999999', want a whole number"},
      {"sq=4 mode=2.5", "mode: got '2.5', want a whole number from -1000 to 1000"},
      {"sq=4 scale=nan", "scale: got 'nan', want a finite number"},
      {"sq=4 scale=1e999", "scale: got '1e999', want a finite number"},
      {"sq=4 keep=half", "keep: got 'half', want a finite number"},
      {"sq=4 op=forward", "op: got 'forward', want fwd|bwd|prompt|incre"},
      {"sq=4 dtype=fp8", "dtype: got 'fp8', want f32|f16|bf16|i8|i4"},
      {"sq=4 mask=causal", "mask: got 'causal', want none|given|compressed|tree"},
      {"sq=4 sink=maybe", "sink: got 'maybe', want no|yes|0|1"},
      {"sq=4 layout=B-S", "layout: got 'B-S', want a name such as BSH, SBH, BNSD, BSND, TND or BNSD_BSND"},
      {"sq=4 sq=5", "sq: is given twice"},
      {"sq=4 pre=1 pre_tokens=1", "pre_tokens: is given twice"},
      {"sq=3,2 skv=1,2,3", "skv: got 3 batch entries, but sq has 2"},
      {"b=3 sq=3,2", "sq: got 2 batch entries, but b has 3"},
      {"sq=3,2 actual_seq_qlen=3,5", "sq: a list of lengths beside actual_seq_qlen says the same twice"},
      {"sq=67108864 b=2", "sq, skv: too many tokens to be explained (want at most 67108864 of all batch entries)"},
  };
  for (const Row& row : kRows) {
    const Explained explained = explain(row.words);
    EXPECT_EQ(explained.error, row.says) << row.words;
    EXPECT_EQ(explained.text + explained.svg, "") << row.words;
  }
}

TEST(ExplainWords, GarbageIsShownShortAndPrintable) {
  EXPECT_EQ(explain("sq=4 mode=\x01\xff" + std::string(10000, 'z')).error,
            "mode: got '??" + std::string(38, 'z') + "...', want a whole number from -1000 to 1000");
}

// The names of npu_fusion_attention's parameters, as they are spelled there.
TEST(ExplainWords, NamesOfThePythonCalls) {
  EXPECT_EQ(explain("head_num=4 input_layout=BSND sq=5 skv=9 sparse_mode=4 pre_tockens=2 next_tockens=0").text,
            explain("n=4 layout=BSND sq=5 skv=9 mode=4 pre=2 next=0").text);
}

TEST(ExplainWords, EveryKeyIsDescribed) {
  const std::string keys = explain_keys();
  EXPECT_EQ(keys.substr(0, keys.find('\n')), "op                        fwd|bwd|prompt|incre; default fwd");
  EXPECT_EQ(std::count(keys.begin(), keys.end(), '\n'), 31);
}

std::string legality_of(const std::string& words) {
  const Explained explained = explain(words);
  EXPECT_EQ(explained.error, "") << words;
  const std::size_t begin = explained.text.find("\nLegality:\n") + 11;
  return explained.text.substr(begin, explained.text.find("\n\n", begin) - begin);
}

TEST(ExplainLegality, ByTheLibrarysRules) {
  constexpr Row kRows[] = {
      {"sq=4", "  legal"},
      {"sq=4 n=7 nkv=2", "  illegal: head_num must be a multiple of the number of kv heads (got 7, want 2)"},
      {"sq=4 n=0", "  illegal: head_num must be greater than 0 (got 0, want 1)"},
      {"sq=4 d=0", "  illegal: the head size must be at least 1 (got 0, want 1)"},
      {"sq=4 layout=XYZ", "  illegal: input_layout must be BSH, SBH, BNSD, BSND or TND (got -1, want 0)"},
      {"sq=4 mode=9", "  illegal: sparse_mode must be between 0 and 8 (got 9, want 8)"},
      {"sq=4 mode=7 layout=BSH", "  illegal: sparse_mode 7 and 8 are for layout TND (got 7, want 6)"},
      {"sq=4 mode=5 layout=TND", "  illegal: sparse_mode 5 is not for layout TND (use 6) (got 5, want 6)"},
      {"sq=4 layout=BSH actual_seq_qlen=4",
       "  illegal: actual_seq_qlen and actual_seq_kvlen belong to layout TND (got 2, "
       "want 0)"},
      {"sq=4 pre=-1 next=-1", "  illegal: pre_tokens and next_tokens must not both be negative (got -1, want 0)"},
      {"mode=4 sq=6 skv=10 pre=3 next=-5",
       "  illegal: pre_tokens and next_tokens must not both be negative (got -1, want 0)"},
      {"sq=9 pre=3 next=-4",
       "  illegal: with next_tokens < 0, -next_tokens must not exceed pre_tokens (got 4, want 3)"},
      {"mode=6 sq=4", "  illegal: sparse_mode 5 and 6 need a prefix list (got 0, want 1)"},
      {"mode=6 sq=4 prefix=5",
       "  illegal: prefix must lie between max(0, kv length - q length) and kv length (got 5, want 4)"},
      {"mode=3 sq=3,2 skv=2,2",
       "  illegal: layout TND, sparse_mode 3 and 7: no sequence may have more queries than keys (got 3, want 2)"},
      {"sq=4 pse_type=4", "  illegal: pse_type must be between 0 and 3 (got 4, want 3)"},
      {"sq=4 skv=5 pse=alibi", "  illegal: pse_type 2 and 3 need query length == key length (got 4, want 5)"},
      {"sq=4 keep=0", "  illegal: keep_prob must lie in (0, 1] (numbers in thousandths) (got 0, want 1000)"},
      {"sq=4 inner_precise=3", "  illegal: inner_precise must be 0, 1 or 2 (got 3, want 2)"},
      {"sq=4 dtype=i8", "  illegal: query must be float16, bfloat16 or float32 (got 4, want 2)"},
      {"op=bwd sq=4 mode=3 n=4 nkv=2 keep=0.9 sink=yes pse=tensor", "  legal"},
      {"op=prompt sq=4 mode=6 prefix=2", "  illegal: prompt_flash_attention knows sparse_mode 0 to 4 (got 6, want 4)"},
      {"op=prompt sq=4 mode=13", "  legal"},
      {"op=prompt sq=4 layout=SBH",
       "  illegal: prompt_flash_attention knows the layouts BSH, BNSD, BSND and TND (got 2, want 0)"},
      {"op=prompt sq=2,4 skv=4 layout=BNSD_BSND n=4 nkv=1 dtype=i8 quant=yes", "  legal"},
      {"op=incre skv=9,4 n=4 nkv=2 cache=i4 sink=yes pse=tensor quant=yes", "  legal"},
      {"op=incre skv=9 mode=2", "  illegal: incre_flash_attention knows sparse_mode 0, 3 and 9 (got 2, want 0)"},
      {"op=incre skv=9 sq=2",
       "  illegal: incre_flash_attention takes one query row (several with sparse_mode 3 or 9) (got 2, want 1)"},
      {"op=incre skv=9 sq=3 mode=3", "  legal"},
      {"sq=4 softcap=30",
       "  legal\n  softcap: no operator document has it; kernels for some models do, and the oracle knows it"},
  };
  for (const Row& row : kRows) EXPECT_EQ(legality_of(row.words), row.says) << row.words;
}

TEST(ExplainLegality, WhereTheDoorsDiffer) {
  EXPECT_EQ(legality_of("sq=4 mode=3 mask=none"),
            "  legal\n  the typed functor: legal; there the mode is authoritative and needs no mask tensor");
  EXPECT_EQ(legality_of("sq=4 mode=5 prefix=2 mask=none"),
            "  legal\n  the typed functor: illegal: sparse_mode 1 and 5 need attn_mask (got 0, want 1)");
  EXPECT_EQ(
      legality_of("op=prompt sq=4 mode=3 mask=none"),
      "  illegal: sparse_mode 1 to 4 need attn_mask (got 0, want 1)\n  the typed functor: legal; there the mode is "
      "authoritative and needs no mask tensor");
  const std::string text = explain("sq=4 skv=5 mode=3 mask=none").text;
  EXPECT_NE(
      text.find("  every row sees every key, 0 to 4\n  no attn_mask: at the run-time door sparse_mode, tokens and "
                "prefix are ignored\n"),
      std::string::npos);
  EXPECT_NE(text.find("\nThe typed functor obeys the mode without a mask: row i sees keys 0 to i+1\n"),
            std::string::npos);
}

}  // namespace
}  // namespace kit

// The same mask in the words of other libraries, and words that nobody would say.
#include <gtest/gtest.h>

#include <random>

#include "kit/explain/explain.hpp"

namespace kit {
namespace {

std::string elsewhere(const std::string& words) {
  const Explained explained = explain(words + " scale=0.125");
  EXPECT_EQ(explained.error, "") << words;
  const std::size_t begin = explained.text.find("\nElsewhere:\n") + 12;
  const std::size_t base = explained.text.find("  FlashInfer      lse has base 2", begin);
  return "\n" + explained.text.substr(begin, base - begin);
}

TEST(Elsewhere, Causal) {
  EXPECT_EQ(elsewhere("mode=3 sq=4 skv=6"), R"(
  FlashAttention  causal=True (bottom-right from version 2.1 on)
  torch           attn_bias=causal_lower_right(4, 6); is_causal=True is top-left, and other than this
  cuDNN           diagonal alignment BOTTOM_RIGHT, right bound 0
  ONNX            is_causal=1 beside a past_key of skv-sq = 2 keys
  FlashInfer      causal=True
)");
  EXPECT_EQ(elsewhere("mode=2 sq=4 skv=6"), R"(
  torch           is_causal=True (top-left)
  FlashAttention  causal=True is bottom-right from 2.1 on, and other than this: there is no word for top-left
  cuDNN           diagonal alignment TOP_LEFT, right bound 0
  ONNX            is_causal=1 without past_key (upper left)
  FlashInfer      causal=True is bottom-right, and other than this
)");
  const std::string square = R"(
  all libraries   causal: with sq = skv top-left and bottom-right are the same
)";
  EXPECT_EQ(elsewhere("mode=2 sq=4"), square);
  EXPECT_EQ(elsewhere("mode=3 sq=4"), square);
  EXPECT_EQ(elsewhere("mode=4 sq=4 next=0"), square);
}

TEST(Elsewhere, Windows) {
  EXPECT_EQ(elsewhere("mode=4 sq=4 skv=6 pre=2 next=0"), R"(
  FlashAttention  window_size=(2, 0), both inclusive, from the bottom-right corner
  cuDNN           diagonal alignment BOTTOM_RIGHT, left bound 3 (a length: pre_tokens + 1), right bound 0
  FlashInfer      causal=True, window_left=2
  torch, ONNX     a mask tensor
)");
  EXPECT_EQ(elsewhere("mode=0 sq=4 skv=6 pre=2 next=1"), R"(
  FlashAttention  window_size counts from the bottom-right corner: no word for this
  cuDNN           diagonal alignment TOP_LEFT, left bound 3 (a length: pre_tokens + 1), right bound 1
  torch, ONNX     a mask tensor
  torch, ONNX     bool masks are the other way round: True keeps, while 1 in attn_mask drops
)");
  EXPECT_EQ(elsewhere("mode=4 sq=6 skv=10 pre=3 next=-1"), R"(
  others          no window of theirs has a negative side: say it with a mask tensor
)");
}

TEST(Elsewhere, RaggedLengthsHaveALeadingZero) {
  EXPECT_EQ(elsewhere("sq=3,2 skv=3,6"), R"(
  all libraries   no mask
  other entries   each by its own lengths and role, as above
  FlashAttention  cu_seqlens_q=[0, 3, 5], cu_seqlens_k=[0, 3, 9]: with a leading 0
)");
}

TEST(Elsewhere, DefaultScale) {
  EXPECT_NE(explain("sq=4").text.find("  torch, others   scale defaults to 1/sqrt(d); scale_value defaults to 1\n"),
            std::string::npos);
}

// Random words: an error or a text, never both, never a crash.
TEST(ExplainWords, RandomWords) {
  constexpr const char* kKeys[] = {"op",
                                   "layout",
                                   "b",
                                   "sq",
                                   "skv",
                                   "actual_seq_qlen",
                                   "actual_seq_kvlen",
                                   "n",
                                   "nkv",
                                   "d",
                                   "dv",
                                   "dtype",
                                   "cache",
                                   "mode",
                                   "pre",
                                   "next",
                                   "prefix",
                                   "mask",
                                   "scale",
                                   "q_scale",
                                   "pse",
                                   "sink",
                                   "keep",
                                   "quant",
                                   "pse_type",
                                   "softcap",
                                   "actual_seq_lengths"};
  constexpr const char* kValues[] = {"0",
                                     "1",
                                     "3",
                                     "-1",
                                     "4,5",
                                     "[2,4]",
                                     "[]",
                                     "fwd",
                                     "bwd",
                                     "incre",
                                     "TND",
                                     "BSH",
                                     "XYZ",
                                     "none",
                                     "given",
                                     "slopes",
                                     "yes",
                                     "prompt",
                                     "f16",
                                     "i8",
                                     "i4",
                                     "0.5",
                                     "nan",
                                     "8",
                                     "9",
                                     "7",
                                     "2147483647",
                                     "6",
                                     "-9223372036854775807",
                                     "9,2,0",
                                     "1000000",
                                     ""};
  std::mt19937_64 random(7);
  int explained = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string words = random() % 4 != 0 ? std::string("sq=") + kValues[random() % 7] : "";
    for (std::uint64_t count = random() % 6; count > 0; --count) {
      words += std::string(" ") + kKeys[random() % std::size(kKeys)] + "=" + kValues[random() % std::size(kValues)];
    }
    if (random() % 20 == 0 && !words.empty()) words[random() % words.size()] = static_cast<char>(random());
    const Explained answer = explain(words);
    ASSERT_EQ(answer.error.empty(), !answer.text.empty()) << words;
    explained += answer.error.empty() ? 1 : 0;
  }
  EXPECT_GT(explained, 500);
}

}  // namespace
}  // namespace kit

// init= of a case line: what each kind of numbers promises, and the recipe by which other programs draw them.
#include <gtest/gtest.h>

#include <cmath>

#include "kit/case/question_of.hpp"
#include "support/random.hpp"

namespace kit {
namespace {

Question ask(const std::string& line) {
  const ParsedLine parsed = parse_case(line);
  EXPECT_EQ(parsed.error, "") << line;
  EXPECT_EQ(why_illegal(parsed.value), "") << line;
  return question_of(parsed.value);
}

double largest(const Array& array) {
  double most = 0;
  for (const double number : array.data) most = std::max(most, std::abs(number));
  return most;
}

index_t count_nan(const Array& array) {
  return std::count_if(array.data.begin(), array.data.end(), [](double number) { return std::isnan(number); });
}

void expect_finite(const Answer& answered, const std::string& what) {
  visit_outputs(answered, [&](const char* name, const Array& array) {
    EXPECT_EQ(count_nan(array), 0) << name << " of " << what;
  });
}

// Element i of a tensor is word i of its stream, in every layout: 1 query, 2 key, 3 value.
TEST(Init, NormalNumbersAreWordsOfAStream) {
  for (const char* const line : {"op=fwd layout=SBH b=2 n=3 sq=4 skv=5 d=6 sd_q=5 sd_k=0.1 v_mean=1 seed=77",
                                 "op=bwd layout=TND n=3 sq=4,2 skv=5,3 d=6 sd_q=5 sd_k=0.1 v_mean=1 seed=77",
                                 "op=prompt layout=BNSD_BSND b=2 n=3 sq=4 skv=5 d=6 sd_q=5 sd_k=0.1 v_mean=1 seed=77",
                                 "op=incre layout=BSND b=2 n=3 skv=5 d=6 sd_q=5 sd_k=0.1 v_mean=1 seed=77"}) {
    const Question question = ask(line);
    const auto expect = [&](const Array& array, std::uint64_t stream, double spread, double mean) {
      glint_test::Random random(77, stream);
      for (const double number : array.data)
        EXPECT_EQ(number, static_cast<double>(static_cast<float>(mean + spread * random.normal()))) << line;
    };
    expect(question.spec.query, 1, 5, 0);
    expect(question.spec.key, 2, 0.1, 0);
    expect(question.spec.value, 3, 1, 3);
  }
}

TEST(Init, UniformNumbersAreBounded) {
  const Question question = ask("op=fwd n=2 sq=50 d=16 init=uniform sd_q=5");
  EXPECT_LE(largest(question.spec.query), 5);
  EXPECT_GT(largest(question.spec.query), 4.9);
  EXPECT_LE(largest(question.spec.value), 1);
}

// Keys that no row sees are NaN, and nothing of it gets out.
TEST(Init, PoisonStaysWhereItIs) {
  const std::pair<const char*, index_t> kPoisoned[] = {
      {"op=fwd n=2 sq=4 skv=9 d=16 mode=2 init=poison", 5 * 32},
      {"op=bwd n=4 nkv=2 sq=4 skv=9 d=16 mode=2 init=poison sink=1", 5 * 32},
      {"op=bwd layout=TND n=2 sq=4,3 skv=9,5 d=8 mode=4 pre=1 next=0 surplus_kv=2 init=poison", (4 + 1 + 2) * 16},
      {"op=prompt n=2 sq=4 skv=9 d=16 mode=2 init=poison", 5 * 32},
      {"op=incre n=2 skv=9 d=16 lens=4 init=poison", 5 * 32},
  };
  for (const auto& [line, count] : kPoisoned) {
    const Question question = ask(line);
    EXPECT_EQ(count_nan(question.spec.key), count) << line;
    EXPECT_EQ(count_nan(question.spec.value), count) << line;
    expect_finite(answer(question), line);
  }
}

TEST(Init, HugeScores) {
  for (const char* const line :
       {"op=fwd n=2 sq=9 skv=40 d=64 init=huge", "op=bwd dtype=f16 n=2 sq=9 skv=40 d=64 init=huge",
        "op=prompt dtype=f16 n=2 sq=9 skv=40 d=64 init=huge", "op=incre dtype=bf16 n=2 skv=40 d=64 init=huge"}) {
    const Question question = ask(line);
    const Answer answered = answer(question);
    EXPECT_GE(largest(answered.forward.lse), 1e4) << line;
    expect_finite(answered, line);
    if (question.out_type == DType::f16) {
      EXPECT_EQ(largest(question.spec.key), 6e4) << line;
      EXPECT_LE(largest(answered.forward.out), 65504) << line;
    }
  }
}

TEST(Init, TiesGiveTheMean) {
  Question question = ask("op=fwd dtype=bf16 n=2 sq=9 skv=40 d=65 init=ties");
  question.spec.keep_probabilities = true;
  const Answer answered = answer(question);
  for (const auto& p : answered.forward.probabilities)
    for (index_t i = 0; i < p.size(); ++i) EXPECT_EQ(p(i), 1.0 / 40);
  EXPECT_GT(largest(question.spec.query), 1);
}

// Every output row is a row of value: of the last key that the row sees, for a positive scale.
TEST(Init, OneHotPicksARowOfValue) {
  const Question question =
      ask("op=fwd layout=BNSD dtype=f16 b=2 n=4 nkv=2 sq=9 skv=300 d=7 mode=2 pse=dense sd_pse=20 init=onehot");
  const Answer answered = answer(question);
  for (index_t b = 0; b < 2; ++b)
    for (index_t n = 0; n < 4; ++n)
      for (index_t i = 0; i < 9; ++i)
        for (index_t d = 0; d < 7; ++d)
          EXPECT_EQ(answered.forward.out.at(b, n, i, d), question.spec.value.at(b, n / 2, i, d));
}

TEST(Init, OneHotInEveryForm) {
  for (const char* const line :
       {"op=fwd dtype=bf16 n=2 sq=9 skv=70 d=1 mode=3 init=onehot scale=-0.03",
        "op=bwd n=2 sq=9 skv=70 d=64 keep=0.5 init=onehot q_scale=0.25",
        "op=prompt dtype=bf16 n=2 sq=9 skv=70 d=16 dv=8 block=16 prefix=0 lens=65 init=onehot",
        "op=prompt layout=BNSD dtype=f16 b=2 n=2 sq=9 skv=70 d=16 prefix=5 init=onehot",
        "op=incre n=2 skv=70 d=64 rope=16 init=onehot", "op=incre form=list n=4 nkv=2 skv=70,33 d=64 init=onehot"}) {
    Question question = ask(line);
    question.spec.keep_probabilities = true;
    for (const auto& p : answer(question).forward.probabilities)
      for (index_t i = 0; i < p.rows(); ++i) {
        EXPECT_EQ(p.row(i).maxCoeff(), 1) << line;
        EXPECT_LT(p.row(i).sum() - 1, 1e-15) << line;
      }
  }
}

TEST(Init, EmptySequences) {
  const auto lists = [](const std::string& line) {
    const AttentionCase spec = ask(line).spec;
    return std::make_pair(spec.actual_seq_qlen, spec.actual_seq_kvlen);
  };
  using Ends = std::vector<index_t>;
  EXPECT_EQ(lists("op=fwd layout=TND b=4 n=2 sq=9 skv=5 d=8 init=empty"),
            std::pair(Ends{9, 18, 18, 27}, Ends{0, 5, 5, 10}));
  EXPECT_EQ(lists("op=fwd layout=TND b=4 n=2 sq=5 skv=9 d=8 mode=3 init=empty"),
            std::pair(Ends{0, 5, 5, 10}, Ends{0, 9, 9, 18}));
  EXPECT_EQ(lists("op=incre b=3 n=2 skv=9 d=8 lens=4,5,6 init=empty"), std::pair(Ends{}, Ends{0, 5, 0}));
  EXPECT_EQ(lists("op=prompt b=3 n=2 sq=3 skv=9 d=8 qlens=1,2,3 lens=4,5,6 init=empty"),
            std::pair(Ends{1, 2, 0}, Ends{0, 5, 0}));
}

}  // namespace
}  // namespace kit

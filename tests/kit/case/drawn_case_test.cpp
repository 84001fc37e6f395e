// Drawn cases of all operators: their lines read back as the same cases with the same numbers, and every field of both
// structs is one that a line can say.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "kit/case/question_of.hpp"

namespace kit {
namespace {

using glint_test::Case;
using glint_test::InferenceCase;

constexpr const char* kOps[] = {"fwd", "bwd", "prompt", "incre"};

template <class Tensor>
void expect_bits(const Tensor& want, const Tensor& got, const std::string& what) {
  EXPECT_EQ(want.shape, got.shape) << what;
  ASSERT_EQ(want.data.size(), got.data.size()) << what;
  const std::size_t bytes = want.data.size() * sizeof(want.data[0]);
  EXPECT_TRUE(bytes == 0 || std::memcmp(want.data.data(), got.data.data(), bytes) == 0) << what;
}

auto scalars(const AttentionCase& s) {
  return std::make_tuple(s.op, s.layout, s.head_num, s.kv_head_num, s.scale, s.q_scale, s.sparse_mode, s.pre_tokens,
                         s.next_tokens, s.implied_mask, s.prefix, s.pse_type, s.pse_form, s.q_start_idx, s.kv_start_idx,
                         s.softcap, s.softcap_order, s.keep_prob, s.philox, s.seed, s.offset);
}
auto placement(const AttentionCase& s) {
  return std::make_tuple(s.actual_seq_qlen, s.actual_seq_kvlen, s.kv_padding_size, s.query_padding_size,
                         s.paging.block_table.shape, s.paging.block_table.data, s.paging.block_size,
                         s.actual_shared_prefix_len, s.antiquant.mode, s.key_antiquant.mode, s.value_antiquant.mode);
}

void expect_same(const Question& want, const Question& got) {
  EXPECT_EQ(want.line, got.line);
  EXPECT_EQ(scalars(want.spec), scalars(got.spec)) << want.line;
  EXPECT_EQ(placement(want.spec), placement(got.spec)) << want.line;
  EXPECT_EQ(want.types, got.types) << want.line;
  EXPECT_EQ(std::tie(want.gradient, want.out_type, want.rounds_p), std::tie(got.gradient, got.out_type, got.rounds_p));
  visit_inputs(want.spec, [&](const std::string& name, const auto& tensor) {
    visit_inputs(got.spec, [&](const std::string& other, const auto& same) {
      if constexpr (std::is_same_v<decltype(tensor), decltype(same)>)
        if (name == other) expect_bits(tensor, same, name + " of " + want.line);
    });
  });
  expect_bits(want.d_out, got.d_out, "d_out of " + want.line);
}

TEST(DrawnCase, LineReadsBack) {
  for (const char* const op : kOps)
    for (std::uint64_t number = 0; number < 3000; ++number) {
      const CaseLine c = draw_case(op, 20260101, number);
      const std::string line = canonical_line(c);
      const ParsedLine again = parse_case(line);
      ASSERT_EQ(again.error, "") << line;
      ASSERT_EQ(canonical_line(again.value), line);
      ASSERT_EQ(why_illegal(again.value), "") << line;
      if (number % 8 != 0) continue;
      expect_same(question_of(c), question_of(again.value));
      ASSERT_FALSE(HasFailure());
    }
}

TEST(DrawnCase, TheSameAgain) {
  for (const char* const op : kOps) {
    EXPECT_EQ(canonical_line(draw_case(op, 3, 4)), canonical_line(draw_case(op, 3, 4)));
    EXPECT_NE(canonical_line(draw_case(op, 3, 4)), canonical_line(draw_case(op, 3, 5)));
    EXPECT_NE(canonical_line(draw_case(op, 3, 4)), canonical_line(draw_case(op, 4, 4)));
  }
  // What an issue says stays true: a changed generator or random source is a new version of the kit.
  EXPECT_EQ(canonical_line(draw_case("fwd", 1, 2)),
            "op=fwd layout=BSND dtype=bf16 b=3 n=3 sq=33 skv=29 d=96 mode=6 compressed=tensor sink=1 sd_q=5 sd_k=5 "
            "inner_precise=1 stats=sum,lse strided=1 skew=1 seed=9684553383539");
}

template <class C>
void note_fields(const C& c, std::set<std::string>& met) {
  const C usual;
  for (const auto& field : glint_test::fields_of(c))
    if (c.*field.value != usual.*field.value) met.insert(field.name);
}

// Of those that a line has said, for drawn cases and a few that nobody draws.
TEST(DrawnCase, EveryFieldCanBeSaid) {
  std::set<std::string> score, inference;
  const auto note = [&](const CaseLine& c) {
    if (const Case* const one = std::get_if<Case>(&c)) note_fields(*one, score);
    if (const InferenceCase* const one = std::get_if<InferenceCase>(&c)) note_fields(*one, inference);
  };
  for (const char* const op : kOps)
    for (std::uint64_t number = 0; number < 2000; ++number)
      note(parse_case(canonical_line(draw_case(op, 7, number))).value);
  for (const char* const line : {"op=fwd layout=TND b=2 n=1 sq=9 d=8 lengths=drawn_square"}) {
    const ParsedLine parsed = parse_case(line);
    ASSERT_EQ(parsed.error, "");
    note(parsed.value);
  }
  for (const auto& field : glint_test::fields_of(Case{})) EXPECT_EQ(score.count(field.name), 1U) << field.name;
  for (const auto& field : glint_test::fields_of(InferenceCase{}))
    EXPECT_EQ(inference.count(field.name), 1U) << field.name;
}

TEST(DrawnCase, ShrinksToTheLeastThatFails) {
  Case c = std::get<Case>(draw_case("fwd", 5, 3));
  c.layout = glint_test::kBnsd, c.mode = 0, c.mask = c.pse = c.drop = 0;
  c.heads = 8, c.kv_heads = 4, c.q_len = 40, c.dim = 77;
  const Case small = shrink(c, [](const Case& each) { return each.heads >= 4 && each.q_len > 6 && each.dim % 7 == 0; });
  EXPECT_EQ(small.heads, 4);
  EXPECT_EQ(small.kv_heads, 1);
  EXPECT_EQ(small.q_len, 7);
  EXPECT_EQ(small.dim, 77);  // a smaller one would have to be met by halving or by one less
  EXPECT_EQ(parse_case(canonical_line(small)).error, "");
}

}  // namespace
}  // namespace kit

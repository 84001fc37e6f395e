// Every documented illegal input of flash_attention_score (seeds 001 and 004; operators 2.1, 8 and 12; proof 4) has its
// own code, and leaves every byte as it was.
#include "dispatch/score_rows_legal.hpp"
#include "dispatch/score_rows_limit.hpp"
#include "dispatch/score_rows_mask.hpp"
#include "dispatch/score_rows_option.hpp"
#include "dispatch/score_rows_shape.hpp"

namespace bad_input {
namespace {

template <class Table>
void expect_rows(const Table& table) {
  for (const Row<Score>& row : table) {
    SCOPED_TRACE(row.name);
    expect_row(row);
  }
}

TEST(ScoreBadInput, Pointers) { expect_rows(kPointers); }
TEST(ScoreBadInput, DataTypes) { expect_rows(kTypes); }
TEST(ScoreBadInput, Shapes) { expect_rows(kShapes); }
TEST(ScoreBadInput, ModesMasksAndPrefix) { expect_rows(kMasks); }
TEST(ScoreBadInput, Tokens) { expect_rows(kTokens); }
TEST(ScoreBadInput, Bias) { expect_rows(kBias); }
TEST(ScoreBadInput, Sinks) { expect_rows(kSinks); }
TEST(ScoreBadInput, Dropout) { expect_rows(kDropout); }
TEST(ScoreBadInput, Sequences) { expect_rows(kSequences); }
TEST(ScoreBadInput, Strict) { expect_rows(kStrict); }

TEST(ScoreBadInput, AscendLimits) {
  for (const LimitRow& row : kLimits) {
    Score at = row.at();
    at.no_lists_for_stats();
    EXPECT_TRUE(static_cast<bool>(at.check())) << row.name << ": " << at.check().rule;
    Score beyond = row.beyond();
    expect_refusal(beyond.check(), {row.code, row.got, row.want}, row.name);
    beyond.memory.poison();
    const std::vector<std::byte> untouched = beyond.memory.snapshot();
    expect_refusal(beyond.run_alone(), {row.code, row.got, row.want}, row.name);
    EXPECT_TRUE(beyond.memory.snapshot() == untouched) << row.name;
    beyond.call.limits = glint::Limits::none;
    EXPECT_TRUE(static_cast<bool>(beyond.check())) << row.name << ": not a limit of the library";
  }
}

TEST(ScoreBadInput, AscendTakes32Prefixes) {
  for (const index_t batch : {index_t{32}, index_t{33}}) {
    Score f = wide({batch, 1, 1, 1, 1, 1});
    f.call.attn_mask = {f.memory.take(64), DType::u8, {batch, 1, 1, 1}};
    f.call.sparse_mode = 5;
    f.prefix.assign(static_cast<std::size_t>(batch), 1);
    EXPECT_EQ(f.check().code, batch == 32 ? Code::ok : Code::limit_prefix_batch);
  }
}

TEST(ScoreBadInput, AscendTakes1024Sequences) {
  for (const index_t count : {index_t{1024}, index_t{1025}}) {
    std::vector<index_t> ends;
    for (index_t i = 1; i <= count; ++i) ends.push_back(i);
    Score f = strict(packed(ends, ends, 0));
    EXPECT_EQ(f.check().code, count == 1024 ? Code::ok : Code::limit_sequence_count);
  }
}

TEST(ScoreBadInput, WhatIsLegal) {
  for (const LegalRow<Score>& row : kLegal) {
    SCOPED_TRACE(row.name);
    expect_legal(row);
  }
}

// softmax_layout has a rule of its own.
TEST(ScoreBadInput, SoftmaxLayout) {
  Score f = tnd();
  ASSERT_TRUE(static_cast<bool>(f.check()));
  f.call.softmax_layout = "NTD";
  EXPECT_FALSE(static_cast<bool>(f.check()));
  EXPECT_EQ(f.check().code, Code::softmax_layout_unknown);
  Score other = plain();
  other.call.softmax_layout = "TND";
  EXPECT_EQ(other.check().code, Code::softmax_layout_unknown);
}

TEST(ScoreBadInput, ExactlyTheWorkspaceThatIsAskedFor) {
  for (const index_t workers : {index_t{1}, index_t{3}}) {
    Score f = plain();
    const index_t bytes = glint::workspace_bytes(f.call, workers);
    ASSERT_GT(bytes, 0);
    f.workspace.resize(static_cast<std::size_t>(glint::workspace_bytes(f.call)));
    EXPECT_TRUE(static_cast<bool>(f.run()));
    std::vector<std::byte> odd(static_cast<std::size_t>(bytes + 1));  // any alignment of its start will do
    const std::span<std::byte> shifted(odd.data() + 1, static_cast<std::size_t>(glint::workspace_bytes(f.call)));
    EXPECT_TRUE(static_cast<bool>(glint::flash_attention_score(f.call, glint::Serial{}, shifted)));
  }
  Score illegal = plain();
  illegal.call.head_num = 0;
  EXPECT_EQ(glint::workspace_bytes(illegal.call), 0);
}

}  // namespace
}  // namespace bad_input

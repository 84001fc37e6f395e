// Every documented illegal input of flash_attention_score_grad has its own code, and leaves every byte as it was: all
// conditions of the forward, and those of the gradient (operators 7).
#include "dispatch/score_grad_rows.hpp"
#include "dispatch/score_rows_legal.hpp"
#include "dispatch/score_rows_limit.hpp"
#include "dispatch/score_rows_mask.hpp"
#include "dispatch/score_rows_option.hpp"
#include "dispatch/score_rows_shape.hpp"

namespace bad_input {
namespace {

template <class Table>
void expect_rows(const Table& table) {
  for (const Row<ScoreGrad>& row : table) {
    SCOPED_TRACE(row.name);
    expect_row(row);
  }
}

// A row of the forward, asked of the gradient, to which attention_out is an input.
template <class Table>
void expect_forward_rows(const Table& table) {
  for (Row<Score> row : table) {
    SCOPED_TRACE(row.name);
    if (row.code == Code::null_output) row.code = Code::attention_out_missing;
    expect_row(row, ScoreGrad(row.legal()));
  }
}

TEST(ScoreGradBadInput, PointersOfTheForward) { expect_forward_rows(kPointers); }
TEST(ScoreGradBadInput, DataTypesOfTheForward) { expect_forward_rows(kTypes); }
TEST(ScoreGradBadInput, ShapesOfTheForward) { expect_forward_rows(kShapes); }
TEST(ScoreGradBadInput, ModesMasksAndPrefix) { expect_forward_rows(kMasks); }
TEST(ScoreGradBadInput, Tokens) { expect_forward_rows(kTokens); }
TEST(ScoreGradBadInput, Bias) { expect_forward_rows(kBias); }
TEST(ScoreGradBadInput, Sinks) { expect_forward_rows(kSinks); }
TEST(ScoreGradBadInput, Dropout) { expect_forward_rows(kDropout); }
TEST(ScoreGradBadInput, Sequences) { expect_forward_rows(kSequences); }
TEST(ScoreGradBadInput, Strict) { expect_forward_rows(kStrict); }

TEST(ScoreGradBadInput, WhatIsMissing) { expect_rows(kGradMissing); }
TEST(ScoreGradBadInput, WhatHasNoGradient) { expect_rows(kGradUndefined); }
TEST(ScoreGradBadInput, DataTypes) { expect_rows(kGradTypes); }
TEST(ScoreGradBadInput, Shapes) { expect_rows(kGradShapes); }

TEST(ScoreGradBadInput, AscendLimits) {
  for (const LimitRow& row : kLimits) {
    ScoreGrad at(row.at()), beyond(row.beyond());
    EXPECT_TRUE(static_cast<bool>(at.check())) << row.name << ": " << at.check().rule;
    expect_refusal(beyond.check(), {row.code, row.got, row.want}, row.name);
  }
}

TEST(ScoreGradBadInput, WhatIsLegalInTheForward) {
  for (const LegalRow<Score>& row : kLegal) {
    SCOPED_TRACE(row.name);
    Score forward = row.legal();
    row.change(forward);
    expect_legal(row.name, ScoreGrad(std::move(forward)));
  }
}
TEST(ScoreGradBadInput, WhatIsLegal) {
  for (const LegalRow<ScoreGrad>& row : kGradLegal) {
    SCOPED_TRACE(row.name);
    expect_legal(row);
  }
}

// Each gradient in the place of everything that is read, and of every other gradient.
TEST(ScoreGradBadInput, GradientsLieAloneInMemory) {
  using Call = glint::FlashAttentionScoreCall;
  using GradCall = glint::FlashAttentionScoreGradCall;
  Score forward = with_mask(dropped(), 0);
  forward.call.real_shift = biased().call.real_shift, forward.call.real_shift.data = forward.memory.take(768);
  forward.call.sink = {forward.memory.take(16), DType::f32, {4}};
  ScoreGrad f(std::move(forward));
  f.grad.dpse = f.twin(f.call.real_shift), f.grad.dsink = f.twin(f.call.sink);
  ASSERT_TRUE(static_cast<bool>(f.check())) << f.check().rule;
  std::vector<const void*> others{f.grad.dy.data};
  for (TensorRef Call::*const t :
       {&Call::query, &Call::key, &Call::value, &Call::attn_mask, &Call::real_shift, &Call::drop_mask, &Call::sink})
    others.push_back((f.call.*t).data);
  for (OutputRef Call::*const t : {&Call::attention_out, &Call::softmax_max, &Call::softmax_sum})
    others.push_back((f.call.*t).data);
  OutputRef GradCall::*const gradients[] = {&GradCall::dq, &GradCall::dk, &GradCall::dv, &GradCall::dpse,
                                            &GradCall::dsink};
  for (OutputRef GradCall::*const t : gradients) others.push_back((f.grad.*t).data);
  f.memory.poison();
  const std::vector<std::byte> untouched = f.memory.snapshot();
  for (OutputRef GradCall::*const gradient : gradients) {
    void* const own = (f.grad.*gradient).data;
    for (const void* other : others) {
      if (other == own) continue;
      (f.grad.*gradient).data = const_cast<void*>(other);
      expect_refusal(f.check(), {Code::output_overlaps_input, 1, 0}, "check");
      expect_refusal(f.run(), {Code::output_overlaps_input, 1, 0}, "run");
    }
    (f.grad.*gradient).data = own;
  }
  EXPECT_TRUE(f.memory.snapshot() == untouched);
}

// Without elements, whatever null pointers are legal; what has elements is wanted all the same.
TEST(ScoreGradBadInput, TensorsWithoutElements) {
  ScoreGrad batch(dense({.batch = 0})), rows(dense({.q_len = 0})), keys(dense({.kv_len = 0}));
  for (ScoreGrad* f : {&batch, &rows, &keys}) {
    for (TensorRef* t : {&f->call.query, &f->call.key, &f->call.value, &f->grad.dy})
      if (t->shape.elements() == 0) t->data = nullptr;
    for (OutputRef* t : {&f->call.attention_out, &f->call.softmax_max, &f->call.softmax_sum})
      if (t->shape.elements() == 0) t->data = nullptr;
    EXPECT_TRUE(static_cast<bool>(f->check())) << f->check().rule;
    EXPECT_TRUE(static_cast<bool>(f->run_alone())) << f->run_alone().rule;
  }
  rows.grad.dk.data = nullptr;
  EXPECT_EQ(rows.check().code, Code::null_dk);
  keys.grad.dq.data = nullptr;
  EXPECT_EQ(keys.check().code, Code::null_dq);
}

TEST(ScoreGradBadInput, ExactlyTheWorkspaceThatIsAskedFor) {
  ScoreGrad f = grad();
  const index_t bytes = glint::workspace_bytes(f.grad);
  ASSERT_GT(bytes, 0);
  EXPECT_GE(glint::workspace_bytes(f.grad, 3), bytes);
  std::vector<std::byte> odd(static_cast<std::size_t>(bytes + 1));  // any alignment of its start will do
  for (const index_t first : {0, 1}) {
    const std::span<std::byte> workspace(odd.data() + first, static_cast<std::size_t>(bytes));
    EXPECT_TRUE(static_cast<bool>(glint::flash_attention_score_grad(f.grad, glint::Serial{}, workspace)));
    const index_t less = bytes - glint::kAlignment - 1;  // not enough, wherever it starts
    expect_refusal(
        glint::flash_attention_score_grad(f.grad, glint::Serial{}, workspace.first(static_cast<std::size_t>(less))),
        {Code::workspace_too_small, less, bytes}, "workspace");
  }
  f.call.head_num = 0;
  f.fill();
  EXPECT_EQ(glint::workspace_bytes(f.grad), 0);
}

}  // namespace
}  // namespace bad_input

// The rules of the typed gradient: those of the forward, and its own.
#include <utility>

#include "ops/typed_rows.hpp"

namespace {

using Grad = glint::ScoreGradProblem<float>;
using Gradient = glint::FlashAttentionScoreGrad<layout::BNSD, float>;
constexpr auto kF32 = glint::DType::f32;

// Statistics and gradients beside a forward problem of 240 queries, 160 keys and 160 values.
Grad gradient_of(Score forward) {
  forward.softmax_max = memory + 2000, forward.softmax_sum = memory + 2100;
  return {.forward = forward, .d_out = memory + 2500, .d_q = memory + 3000, .d_k = memory + 3500, .d_v = memory + 4000};
}
template <>
Grad legal<Grad>() {
  return gradient_of(legal<Score>());
}
void take_pse(Grad& p) {
  p.forward.pse = {memory + 4500, kF32, 2, 4, 6, 8};
  p.d_pse = memory + 5000;
}
void take_sink(Grad& p) { p.forward.sink = memory + 5500, p.d_sink = memory + 5600; }

// attention_out is an input here; everything else is refused as it is in the forward.
TEST(TypedScoreGrad, RefusesWhatTheForwardRefuses) {
  Row<Score> rows[std::size(kScore)];
  std::copy(std::begin(kScore), std::end(kScore), rows);
  for (Row<Score>& row : rows)
    if (row.code == Code::null_output) row.code = Code::attention_out_missing;
  expect_rows<Gradient>(rows, gradient_of);
  expect_rows<Gradient>(kScoreStrides, gradient_of);
}

constexpr Row<Grad> kMissing[] = {
    {"no attention_out", [](Grad& p) { p.forward.out = nullptr; }, Code::attention_out_missing, 0, 1},
    {"no statistics", [](Grad& p) { p.forward.softmax_max = p.forward.softmax_sum = nullptr; },
     Code::statistics_missing, 0, 2},
    {"no maximum", [](Grad& p) { p.forward.softmax_max = nullptr; }, Code::statistics_missing, 1, 2},
    {"no sum", [](Grad& p) { p.forward.softmax_sum = nullptr; }, Code::statistics_missing, 1, 2},
    {"no d_out", [](Grad& p) { p.d_out = nullptr; }, Code::null_dy, 0, 1},
    {"no d_q", [](Grad& p) { p.d_q = nullptr; }, Code::null_dq, 0, 1},
    {"no d_k", [](Grad& p) { p.d_k = nullptr; }, Code::null_dk, 0, 1},
    {"no d_v", [](Grad& p) { p.d_v = nullptr; }, Code::null_dv, 0, 1},
    {"no rows, and no d_k", [](Grad& p) { p.forward.shape.q_len = 0, p.d_k = nullptr; }, Code::null_dk, 0, 1},
    {"no rows, and no d_v", [](Grad& p) { p.forward.shape.q_len = 0, p.d_v = nullptr; }, Code::null_dv, 0, 1},
    {"no keys, and no d_q", [](Grad& p) { p.forward.shape.kv_len = 0, p.d_q = nullptr; }, Code::null_dq, 0, 1},
    {"no keys, and no d_out", [](Grad& p) { p.forward.shape.kv_len = 0, p.d_out = nullptr; }, Code::null_dy, 0, 1},
    {"d_pse without pse", [](Grad& p) { p.d_pse = memory + 5000; }, Code::dpse_without_pse, 0, 1},
    {"d_sink without sink", [](Grad& p) { p.d_sink = memory + 5600; }, Code::dsink_without_sink, 0, 1},
    {"d_pse of slopes",
     [](Grad& p) {
       take_pse(p);
       p.forward.pse = {}, p.forward.slopes = {memory + 4500}, p.forward.pse_type = 3, p.forward.shape.kv_len = 6;
     },
     Code::dpse_of_slopes, 3, 1},
    {"keep_prob < 1 without bits", [](Grad& p) { p.forward.dropout.keep_prob = 0.5; }, Code::drop_mask_missing, 0, 1},
};
TEST(TypedScoreGrad, RefusesWhatIsMissing) { expect_rows<Gradient>(kMissing); }

TEST(TypedScoreGrad, RefusesTheGradientOfCompressedRows) {
  constexpr index_t rows = 1025;
  std::vector<float> tensors(10 * rows), pse(1024 * rows);
  float* next = tensors.data();
  const auto take = [&] { return std::exchange(next, next + rows); };
  Grad p{.forward = {.q = take(), .k = take(), .v = take(), .out = take()},
         .d_out = take(),
         .d_q = take(),
         .d_k = take(),
         .d_v = take()};
  p.forward.softmax_max = take(), p.forward.softmax_sum = take();
  p.forward.shape = {.batch = 1, .heads = 1, .q_len = rows, .kv_len = rows, .head_dim = 1};
  p.forward.pse = {pse.data(), kF32, 1, 1, 1024, rows, glint::PseForm::compressed};
  using Causal = glint::FlashAttentionScoreGrad<layout::BNSD, float, SparseMode::right_down_causal>;
  EXPECT_EQ(Causal::check(p).code, Code::ok) << Causal::check(p).rule;
  p.d_pse = memory;
  const glint::Status status = Causal::check(p);
  EXPECT_EQ(status.code, Code::dpse_of_compressed) << status.rule;
  EXPECT_EQ(status.got, static_cast<index_t>(glint::PseForm::compressed));
  EXPECT_EQ(status.want, static_cast<index_t>(glint::PseForm::dense));
}

constexpr Row<Grad> kStrides[] = {
    {"d_out",
     [](Grad& p) {
       p.d_out_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
    {"d_q",
     [](Grad& p) {
       p.d_q_strides = {120, 30, 4};
     },
     Code::strides_too_small, 4, 5},
    {"d_k",
     [](Grad& p) {
       p.d_k_strides = {120, -1, 5};
     },
     Code::strides_too_small, -1, 0},
    {"d_v",
     [](Grad& p) {
       p.d_v_strides = {-1, 40, 5};
     },
     Code::strides_too_small, -1, 0},
    {"d_q folded",
     [](Grad& p) {
       p.d_q_strides = {120, 29, 5};
     },
     Code::strides_overlap, 29, 30},
    {"d_k of one head",
     [](Grad& p) {
       p.d_k_strides = {40, 0, 5};
     },
     Code::strides_overlap, 0, 5},
    {"d_v of one batch entry",
     [](Grad& p) {
       p.d_v_strides = {0, 40, 5};
     },
     Code::strides_overlap, 0, 5},
};
TEST(TypedScoreGrad, RefusesStrides) { expect_rows<Gradient>(kStrides); }

// Every gradient over everything that is read, and over every other gradient.
TEST(TypedScoreGrad, GradientsLieAloneInMemory) {
  Grad p = legal<Grad>();
  take_pse(p);
  take_sink(p);
  p.forward.lse = memory + 2200;
  p.forward.attn_mask = {bytes, 1, 1, 6, 8};
  p.forward.dropout = {.keep_prob = 0.5, .mask = {bytes + 64, 48}};
  ASSERT_TRUE(static_cast<bool>(Gradient::check(p))) << Gradient::check(p).rule;
  float* Grad::*const gradients[] = {&Grad::d_q, &Grad::d_k, &Grad::d_v, &Grad::d_pse, &Grad::d_sink};
  const void* const others[] = {p.forward.q,
                                p.forward.k,
                                p.forward.v,
                                p.forward.attn_mask.data,
                                p.forward.pse.data,
                                p.forward.sink,
                                p.forward.out,
                                p.forward.lse,
                                p.forward.dropout.mask.data(),
                                p.d_out,
                                p.forward.softmax_max,
                                p.forward.softmax_sum,
                                p.d_q,
                                p.d_k,
                                p.d_v,
                                p.d_pse,
                                p.d_sink};
  for (float* Grad::*const gradient : gradients) {
    for (std::size_t i = 0; i < std::size(others); ++i) {
      Grad spoiled = p;
      spoiled.*gradient = static_cast<float*>(const_cast<void*>(others[i]));
      const bool itself = others[i] == p.*gradient;
      EXPECT_EQ(Gradient::check(spoiled).code, itself ? Code::ok : Code::output_overlaps_input) << "other " << i;
    }
  }
  Grad generated = legal<Grad>();
  generated.forward.shape.kv_len = 6, generated.forward.pse_type = 2, generated.forward.slopes = {generated.d_q + 239};
  EXPECT_EQ(Gradient::check(generated).code, Code::output_overlaps_input);
}

TEST(TypedScoreGrad, TakesWhatIsLegal) {
  const Row<Grad> rows[] = {
      {"only lse",
       [](Grad& p) { p.forward.softmax_max = p.forward.softmax_sum = nullptr, p.forward.lse = memory + 2200; },
       Code::ok, 0, 0},
      {"lse and one of the two", [](Grad& p) { p.forward.softmax_sum = nullptr, p.forward.lse = memory + 2200; },
       Code::ok, 0, 0},
      {"pse_type 1", take_pse, Code::ok, 0, 0},
      {"pse_type 0", [](Grad& p) { take_pse(p), p.forward.pse_type = 0; }, Code::ok, 0, 0},
      {"a pse row for all", [](Grad& p) { take_pse(p), p.forward.pse.batch = p.forward.pse.rows = 1; }, Code::ok, 0, 0},
      {"slopes without a gradient",
       [](Grad& p) { p.forward.slopes = {memory + 4500}, p.forward.pse_type = 2, p.forward.shape.kv_len = 6; },
       Code::ok, 0, 0},
      {"sink", take_sink, Code::ok, 0, 0},
      {"no batch", [](Grad& p) { p = {}, p.forward.shape = shape(6), p.forward.shape.batch = 0; }, Code::ok, 0, 0},
      {"no rows", [](Grad& p) { p = {.d_k = p.d_k, .d_v = p.d_v}, p.forward.shape = shape(0); }, Code::ok, 0, 0},
      {"no keys", [](Grad& p) { p.forward.k = p.forward.v = p.d_k = p.d_v = nullptr, p.forward.shape.kv_len = 0; },
       Code::ok, 0, 0},
      {"inputs share their memory", [](Grad& p) { p.forward.k = p.forward.v, p.d_out = p.forward.out; }, Code::ok, 0,
       0},
  };
  for (const Row<Grad>& row : rows) {
    Grad p = legal<Grad>();
    row.spoil(p);
    EXPECT_EQ(Gradient::check(p).code, row.code) << row.name << ": " << Gradient::check(p).rule;
    EXPECT_TRUE(static_cast<bool>(Gradient{}(p))) << row.name;
  }
}

// A sum over an empty batch is zero, and is written.
TEST(TypedScoreGrad, WithoutABatchSharedGradientsStillLieAlone) {
  Grad p = legal<Grad>();
  take_pse(p);
  take_sink(p);
  p.forward.pse.batch = 1, p.forward.shape.batch = 0;
  p.d_pse[0] = p.d_sink[0] = 7;
  EXPECT_EQ(Gradient{}(p).code, Code::ok);
  EXPECT_EQ(p.d_pse[0], 0);
  EXPECT_EQ(p.d_sink[0], 0);
  p.d_sink = p.d_pse;
  EXPECT_EQ(Gradient::check(p).code, Code::output_overlaps_input);
}

// d_q, d_k and d_v may be slices of one tensor, as fused projections want them.
TEST(TypedScoreGrad, GradientsOfAFusedTensor) {
  struct Form {
    const char* name;
    index_t heads;
    glint::Strides q, kv;
    index_t k_at, v_at;
  };
  const Form forms[] = {
      // of 2 kv heads
      {"[B][S][QKV][N]", 4, {6 * 40, 5, 40}, {6 * 40, 5, 40}, 20, 30},
      {"[S][B][QKV][N]", 4, {40, 5, 80}, {40, 5, 80}, 20, 30},
      {"[B][S][N][QKV]", 2, {6 * 30, 15, 30}, {6 * 30, 15, 30}, 5, 10},
      {"[B][QKV][N][S]", 4, {6 * 40, 30, 5}, {6 * 40, 30, 5}, 120, 180},
      {"[QKV][B][S][N]", 4, {6 * 20, 5, 20}, {6 * 10, 5, 10}, 240, 360},
  };
  for (const Form& form : forms) {
    Grad p = legal<Grad>();
    p.forward.shape.kv_len = 6, p.forward.shape.heads = form.heads;
    p.d_q_strides = form.q, p.d_k_strides = p.d_v_strides = form.kv;
    p.d_k = p.d_q + form.k_at, p.d_v = p.d_q + form.v_at;
    EXPECT_EQ(Gradient::check(p).code, Code::ok) << form.name << ": " << Gradient::check(p).rule;
    for (float* Grad::*const gradient : {&Grad::d_k, &Grad::d_v}) {
      Grad spoiled = p;
      spoiled.*gradient -= 1;
      EXPECT_EQ(Gradient::check(spoiled).code, Code::output_overlaps_input) << form.name;
    }
    p.forward.q = p.d_q + 1;
    EXPECT_EQ(Gradient::check(p).code, Code::output_overlaps_input) << form.name;
  }
}

// Rows of the tensors that no sequence holds count, too: their gradients become zero.
TEST(TypedScoreGrad, TndTakesItsBatchFromTheLists) {
  using Packed = glint::FlashAttentionScoreGrad<layout::TND, float>;
  static constexpr index_t none[] = {0, 0};
  Grad p = legal<Grad>();
  p.forward.q_ends = kSix, p.forward.kv_ends = kSix;
  p.forward.shape.batch = 0;
  EXPECT_EQ(Packed::check(p).code, Code::ok) << Packed::check(p).rule;
  p.forward.kv_ends = none;
  p.d_k = nullptr;
  EXPECT_EQ(Packed::check(p).code, Code::null_dk);
  p.d_k = p.d_q + 4 * 6 * 5 - 1;  // T1 = 6
  EXPECT_EQ(Packed::check(p).code, Code::output_overlaps_input);
  p.d_k = p.d_q + 4 * 6 * 5;
  EXPECT_EQ(Packed::check(p).code, Code::ok) << Packed::check(p).rule;
}

}  // namespace

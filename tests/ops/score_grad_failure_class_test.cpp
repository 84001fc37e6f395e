// Failure classes of the gradient beside poison (proof 2): rows that belong to nobody, large scores, empty problems,
// workers and their order, alignment.
#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

constexpr float kPoisons[] = {kNan, kInfinity, -kInfinity};

bool simd_is_slow() { return glint::simd::selected == glint::Isa::plain; }

// TND: rows of sequences without queries or keys, and rows behind the last sequence.
TEST(GradFailureClass, F3_PoisonInUnusedRows) {
  for (const DType dtype : kDtypes) {
    GradSpec s;
    s.dtype = dtype, s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 20;
    s.q_len = 90, s.kv_len = 190;
    s.q_ends = {5, 5, 70, 73}, s.kv_ends = {9, 40, 170, 170};
    s.sparse_mode = 2;
    s.draw(), add_sink(s);
    const Gradients clean = differentiate(s);
    const auto nobodys_key = [](index_t j) { return (j >= 9 && j < 40) || j >= 170; };
    const auto nobodys_row = [](index_t i) { return i >= 70; };
    for (const float poison : kPoisons) {
      GradSpec dirty = s;
      dirty.saved = clean.forward;
      const auto spoil = [&](std::vector<float>& values, const Grid& grid, const auto& which) {
        grid.rows_of([&](index_t b, index_t n, index_t i) {
          if (which(i)) std::fill_n(values.begin() + grid.logical(b, n, i), grid.dim, poison);
        });
      };
      spoil(dirty.k, s.k_grid(), nobodys_key), spoil(dirty.v, s.v_grid(), nobodys_key);
      expect_same_bits(differentiate(dirty), clean, std::string("keys ") + name_of(dtype));
      const auto behind = [](index_t i) { return i >= 73; };
      spoil(dirty.q, s.q_grid(), nobodys_row), spoil(dirty.d_out, s.out_grid(), behind);
      spoil(dirty.saved->out, s.out_grid(), behind);
      Grid rows = s.out_grid();
      rows.dim = 1;
      for (auto* const stat : {&dirty.saved->max, &dirty.saved->sum, &dirty.saved->lse}) spoil(*stat, rows, behind);
      expect_same_bits(differentiate(dirty), clean, std::string("keys and rows ") + name_of(dtype));
    }
    s.q_grid().rows_of([&](index_t b, index_t n, index_t i) {
      for (index_t d = 0; d < s.dim; ++d)
        ASSERT_EQ(bits(clean.q[size(s.q_grid().logical(b, n, i) + d)]) == 0, nobodys_row(i)) << i;
    });
    s.k_grid().rows_of([&](index_t b, index_t n, index_t j) {
      const bool unseen = nobodys_key(j) || (j >= 5 && j < 9) || j >= 40 + 65;  // above the diagonal
      const std::size_t at = size(s.k_grid().logical(b, n, j));
      for (std::size_t d = at; d < at + 20; ++d)
        ASSERT_TRUE((bits(clean.k[d]) == 0) == unseen && (bits(clean.v[d]) == 0) == unseen) << j;
    });
  }
}

TEST(GradFailureClass, F4_ABiasOfMinusInfinityIsAMask) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    add_bias(s, 1, 1, s.q_len, 0), add_sink(s);
    GradSpec masked = s;
    masked.sparse_mode = 1;
    masked.mask = {1, 1, std::vector<std::uint8_t>(s.pse.size())};
    for (std::size_t i = 0; i < s.pse.size(); ++i) {
      masked.mask.drop[i] = i % 3 == 0 || static_cast<index_t>(i) / s.kv_len == 9;
      if (masked.mask.drop[i] != 0) s.pse[i] = -kInfinity;
    }
    Gradients got = differentiate(s);
    for (float& value : got.pse) value = value == 0 ? 0 : value;
    expect_same_bits(got, differentiate(masked), name_of(dtype));
  }
}

TEST(GradFailureClass, F5_PlusInfinityAsScoreIsNanInItsRow) {
  GradSpec s = grad_tiles();
  add_bias(s, 1, 1, s.q_len, 0);
  s.wants_d_pse = false;
  s.pse[size(5 * s.kv_len + 130)] = kInfinity;
  const Gradients got = differentiate(s);
  s.q_grid().rows_of(
      [&](index_t b, index_t n, index_t i) { ASSERT_EQ(is_nan(got.q[size(s.q_grid().logical(b, n, i))]), i == 5); });
}

// One key has all the weight: dP is what rowD is, and dV a sum of rows of d_out.
TEST(GradFailureClass, F6_ScoresOfAHundredThousand) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    for (float& value : s.q) value = rounded(dtype, value * 150);
    for (float& value : s.k) value = rounded(dtype, value * 150);
    s.scale = 1;
    const Gradients got = differentiate(s);
    ASSERT_GT(largest(got.forward.max), 1e5F);
    for (const auto* const part : {&got.q, &got.k, &got.v})
      for (const float value : *part) ASSERT_LT(std::abs(value), 6e4F);
    const Grid rows = s.out_grid(), keys = s.v_grid();
    for (index_t d = 0; d < keys.dim; ++d) {
      double given = 0, received = 0, absolute = 0;
      rows.rows_of([&](index_t b, index_t n, index_t i) {
        const double value = s.d_out[size(rows.logical(b, n, i) + d)];
        given += value, absolute += std::abs(value);
      });
      keys.rows_of([&](index_t b, index_t n, index_t j) { received += got.v[size(keys.logical(b, n, j) + d)]; });
      ASSERT_NEAR(given, received, 2 * unit_roundoff(dtype) * absolute);
    }
  }
}

// Zeros in every place where there is something to write.
TEST(GradFailureClass, F10_EmptyEverything) {
  for (const char* const layout : {"BSH", "BSND", "SBH", "BNSD"})
    for (const index_t batch : {0, 1, 2})
      for (const index_t q_len : {0, 1, 70})
        for (const index_t kv_len : {0, 1, 130})
          for (const int mode : {0, 3}) {
            GradSpec s;
            s.layout = layout, s.batch = batch, s.heads = 4, s.kv_heads = 2, s.q_len = q_len, s.kv_len = kv_len;
            s.dim = 5, s.sparse_mode = mode;
            s.draw(), add_sink(s);
            const Gradients got = differentiate(s);
            for (const auto* const part : {&got.q, &got.k, &got.v, &got.sink})
              for (const float value : *part) {
                ASSERT_FALSE(is_nan(value)) << layout << batch << q_len << kv_len;
                ASSERT_TRUE(bits(value) == 0 || batch * q_len * kv_len > 0) << layout << batch << q_len << kv_len;
              }
          }
}

TEST(GradFailureClass, F10_EmptySequences) {
  const index_t lengths[] = {0, 1, 20};
  for (const index_t q0 : lengths)
    for (const index_t q1 : lengths)
      for (const index_t k0 : lengths)
        for (const index_t k1 : lengths)
          for (const int mode : {0, 2}) {
            GradSpec s;
            s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 5;
            s.q_len = q0 + q1, s.kv_len = k0 + k1;
            s.q_ends = {q0, q0 + q1}, s.kv_ends = {k0, k0 + k1};
            s.sparse_mode = mode;
            s.draw();
            const Gradients got = differentiate(s);
            s.v_grid().rows_of([&](index_t, index_t n, index_t j) {
              const bool first = j < k0;
              const index_t rows = first ? q0 : q1;
              const bool seen = rows > 0 && (mode == 0 || (first ? j : j - k0) < rows);
              for (index_t d = 0; d < s.dim; ++d)
                ASSERT_EQ(bits(got.v[size(s.v_grid().logical(0, n, j) + d)]) == 0, !seen) << q0 << q1 << k0 << k1;
            });
            for (const float value : got.q) ASSERT_FALSE(is_nan(value));
          }
}

TEST(GradFailureClass, F18_NullPointersWhereThereIsNothing) {
  const glint::FlashAttentionScoreGrad<glint::layout::BNSD, float> gradient;
  std::vector<float> numbers(70 * 5, 1.0F), out = numbers, max(70, 1.0F), sum = max, d_numbers(70 * 5, kNan);
  glint::ScoreGradProblem<float> p;
  p.forward.shape = {.batch = 0, .heads = 1, .q_len = 70, .kv_len = 70, .head_dim = 5};
  grad::expect_ok(gradient(p));
  p.forward.shape = {.batch = 1, .heads = 1, .q_len = 70, .kv_len = 0, .head_dim = 5};
  p.forward.q = numbers.data(), p.forward.out = out.data(), p.d_out = numbers.data(), p.d_q = d_numbers.data();
  p.forward.softmax_max = max.data(), p.forward.softmax_sum = sum.data();
  grad::expect_ok(gradient(p));
  for (const float value : d_numbers) ASSERT_EQ(bits(value), 0u);
  glint::ScoreGradProblem<float> no_rows;
  no_rows.forward.shape = {.batch = 1, .heads = 1, .q_len = 0, .kv_len = 70, .head_dim = 5};
  std::vector<float> d_k(70 * 5, kNan), d_v(70 * 5, kNan);
  no_rows.forward.k = no_rows.forward.v = numbers.data(), no_rows.d_k = d_k.data(), no_rows.d_v = d_v.data();
  grad::expect_ok(gradient(no_rows));
  for (const float value : d_k) ASSERT_EQ(bits(value), 0u);
  for (const float value : d_v) ASSERT_EQ(bits(value), 0u);
}

// Few groups go through their phases side by side, many each with one worker; with 16 workers both are the first.
TEST(GradFailureClass, F12_WorkersAndOrderChangeNoBit) {
  using Order = TestExecutor::Order;
  for (const DType dtype : kDtypes) {
    for (const index_t groups : {1, 2, 12}) {
      GradSpec s = grad_everything(dtype);
      s.batch = groups, s.heads = s.kv_heads = 1;
      s.q_len = groups < 12 ? 270 : 70, s.kv_len = groups < 12 ? 400 : 130;
      s.draw(7), add_bias(s, 1, 1, s.q_len, 0), add_dropout(s, 0.75), add_sink(s);
      s.wants_d_pse = dtype != DType::bf16;  // which would exclude the products of pairs
      s.mask.drop.resize(size(s.q_len * s.kv_len), 0);
      s.saved = differentiate(s).forward;
      const Gradients want = differentiate(s);
      for (const index_t workers : {1, 2, 3, 4, 8, 16})
        for (const Order order : {Order::forward, Order::reversed, Order::shuffled})
          expect_same_bits(differentiate(s, TestExecutor(workers, order)), want, std::to_string(workers) + " workers");
    }
  }
}
TEST(GradFailureClass, F12_WorkersOfSharedHeads) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_square(dtype);
    s.sparse_mode = 3, s.heads = 6, s.q_len = 200;
    s.draw();
    s.saved = differentiate(s).forward;
    const Gradients want = differentiate(s);
    for (const index_t workers : {2, 3, 16})
      expect_same_bits(differentiate(s, TestExecutor(workers, TestExecutor::Order::shuffled)), want,
                       std::to_string(workers) + " workers");
  }
}

TEST(GradFailureClass, F12_RerunsChangeNoBit) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    GradSpec s = grad_tiles(dtype);
    s.batch = 1, s.heads = s.kv_heads = 1, s.q_len = s.kv_len = 260, s.dim = s.value_dim = 32;
    s.draw();
    s.saved = differentiate(s).forward;
    const Gradients want = differentiate(s);
    const int reruns = simd_is_slow() ? 25 : 250;
    for (int i = 0; i < reruns; ++i) expect_same_bits(differentiate(s, TestExecutor(3)), want, "rerun");
  }
}

// The same numbers one element further on in memory, and at odd workspace addresses.
TEST(GradFailureClass, F12_AlignmentChangesNoBit) {
  constexpr index_t kCount = 70 * 21;
  std::vector<float> memory(8 * (kCount + 64)), first, max(70, 1.0F), sum = max;
  for (const index_t shift : {0, 1, 3, 7}) {
    const auto place = [&](index_t tensor) { return memory.data() + tensor * (kCount + 64) + shift; };
    for (index_t tensor = 0; tensor < 5; ++tensor) {
      const std::vector<float> values = gaussian(kCount, DType::f32, static_cast<unsigned>(tensor));
      std::copy(values.begin(), values.end(), place(tensor));
    }
    glint::ScoreGradProblem<float> p;
    p.forward.q = place(0), p.forward.k = place(1), p.forward.v = place(2), p.forward.out = place(3);
    p.forward.shape = {.batch = 1, .heads = 1, .q_len = 70, .kv_len = 70, .head_dim = 21};
    p.forward.softmax_max = max.data(), p.forward.softmax_sum = sum.data();
    p.d_out = place(4), p.d_q = place(5), p.d_k = place(6), p.d_v = place(7);
    const glint::FlashAttentionScoreGrad<glint::layout::BNSD, float> gradient;
    std::vector<std::byte> workspace(size(gradient.workspace_bytes(p) + shift), std::byte{0xff});
    const std::span<std::byte> scratch(workspace.data() + shift, workspace.size() - size(shift));
    grad::expect_ok(gradient(p, glint::Serial{}, scratch));
    std::vector<float> got;
    for (index_t tensor = 5; tensor < 8; ++tensor) got.insert(got.end(), place(tensor), place(tensor) + kCount);
    if (shift == 0) first = got;
    expect_same_bits(got, first, "shifted by " + std::to_string(shift));
  }
}

}  // namespace
}  // namespace metamorphic

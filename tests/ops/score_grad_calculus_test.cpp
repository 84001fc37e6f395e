// The gradient is a derivative: difference quotients in double along random directions, and the sums that must come out
// whatever the numbers are (proof 3.3).
#include "support/score_grad_loss.hpp"
#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

// Every option, alone and together; small, because the loss is a plain loop.
GradSpec small(DType dtype) {
  GradSpec s;
  s.dtype = dtype, s.inner_precise = 0;
  s.batch = 2, s.heads = 4, s.kv_heads = 2, s.q_len = 37, s.kv_len = 70, s.dim = 9, s.value_dim = 6;
  return s.draw();
}

TEST(GradWithin, DifferencesOfTheLoss) {
  for (const DType dtype : kDtypes) {
    GradSpec s = small(dtype);
    expect_derivative(s, differentiate(s), {}, "plain");
    s.q_scale = -1.5;
    expect_derivative(s, differentiate(s), {}, "q_scale");
    s.sparse_mode = 3;
    const Rules causal{.keep = [](At at) { return at.k <= at.q + 33; }};
    expect_derivative(s, differentiate(s), causal, "causal");
    add_sink(s);
    expect_derivative(s, differentiate(s), causal, "sink");
    for (const int type : {0, 1}) {
      add_bias(s, 1, 4, 1, type);
      expect_derivative(s, differentiate(s), causal, "bias");
    }
    add_dropout(s, 0.6);
    expect_derivative(s, differentiate(s), causal, "everything");
  }
}

// Rows that see nothing give nothing, and a sink that only they see has no derivative.
TEST(GradWithin, DifferencesOfTheLossWithEmptyRows) {
  for (const DType dtype : kDtypes) {
    GradSpec s = small(dtype);
    s.q_len = 70, s.kv_len = 37, s.sparse_mode = 3;
    s.draw();
    const Rules causal{.keep = [](At at) { return at.k <= at.q - 33; }};
    expect_derivative(s, differentiate(s), causal, "rows without keys");
    add_sink(s);
    expect_derivative(s, differentiate(s), causal, "rows with a sink only");
  }
}

// A sink below zero, above all scores, and so far away that it takes all or no weight: by its own difference quotient.
TEST(GradWithin, TheSinkAlone) {
  for (const float sink : {-30.0F, -1.0F, 3.0F, 30.0F, 200.0F}) {
    GradSpec s = small(DType::f32);
    s.sink.assign(size(s.heads), sink);
    const Gradients got = differentiate(s);
    for (index_t n = 0; n < s.heads; ++n) {
      Inputs above(s), below(s);
      above.sink[size(n)] += 1e-4, below.sink[size(n)] -= 1e-4;
      const double want = (loss(s, above, {}) - loss(s, below, {})) / 2e-4;
      ASSERT_NEAR(got.sink[size(n)], want, 1e-5 * (1 + std::abs(want))) << sink;
    }
  }
}

// --- sums ---------------------------------------------------------------------------------------------------------

// P stays a distribution: what one score gains, others lose.  Not so with a sink, which has no column.
TEST(GradWithin, TheBiasGradientOfARowSumsToZero) {
  for (const DType dtype : kDtypes) {
    for (const bool dropped : {false, true}) {
      GradSpec s = grad_tiles(dtype);
      s.inner_precise = 0;
      add_bias(s, 2, 4, s.q_len, 0);
      if (dropped) add_dropout(s, 0.7);
      const Gradients got = differentiate(s);
      for (index_t row = 0; row < s.batch * s.heads * s.q_len; ++row) {
        double sum = 0, absolute = 0;
        for (index_t j = 0; j < s.kv_len; ++j) {
          const auto value = static_cast<double>(got.pse[size(row * s.kv_len + j)]);
          sum += value, absolute += std::abs(value);
        }
        // rowD is summed from a rounded output, which sum_d |d_out| says.
        double rounded_out = 0;
        for (std::size_t d = size(row * s.value_dim); d < size((row + 1) * s.value_dim); ++d)
          rounded_out += std::abs(static_cast<double>(s.d_out[d]) * static_cast<double>(got.forward.out[d]));
        ASSERT_LE(std::abs(sum), unit_roundoff(dtype) * (absolute + rounded_out) + 64 * 0x1p-24 * absolute) << row;
      }
    }
  }
}

// Rows of P sum to one: what the output's gradients give, the values receive.
TEST(GradWithin, ValuesReceiveWhatTheOutputGives) {
  for (const DType dtype : kDtypes) {
    for (const int mode : {0, 3}) {
      GradSpec s = grad_tiles(dtype);
      s.inner_precise = 0, s.sparse_mode = mode;
      const Gradients got = differentiate(s);
      const Grid rows = s.out_grid(), keys = s.v_grid();
      for (index_t b = 0; b < s.batch; ++b)
        for (index_t n2 = 0; n2 < s.kv_heads; ++n2)
          for (index_t d = 0; d < keys.dim; ++d) {
            double given = 0, received = 0, absolute = 0;
            for (index_t n = 2 * n2; n < 2 * n2 + 2; ++n)
              for (index_t i = 0; i < s.q_len; ++i) {
                const auto value = static_cast<double>(s.d_out[size(rows.logical(b, n, i) + d)]);
                given += value, absolute += std::abs(value);
              }
            for (index_t j = 0; j < s.kv_len; ++j)
              received += static_cast<double>(got.v[size(keys.logical(b, n2, j) + d)]);
            ASSERT_NEAR(given, received, (unit_roundoff(dtype) + 16 * 0x1p-24) * absolute);
          }
    }
  }
}

TEST(GradWithin, KeyPermutation) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_everything(dtype);
    s.keep_prob = 1, s.keep_bits = {}, s.inner_precise = 0;
    const std::vector<index_t> order = shuffled(s.kv_len);
    const Shuffle queries{identity(2), identity(4), identity(s.q_len)}, keys{identity(2), identity(2), order};
    GradSpec other = s;
    rearrange(other, queries, keys);
    Gradients want = differentiate(s);
    const Gradients all = want;
    want = rearranged(want, s, queries, keys);
    want.pse = all.pse, want.sink = all.sink;
    for (std::size_t i = 0; i < s.pse.size(); ++i) {
      const std::size_t from = i / size(s.kv_len) * size(s.kv_len) + size(order[i % size(s.kv_len)]);
      other.pse[i] = s.pse[from], want.pse[i] = all.pse[from];
      if (i < s.mask.drop.size()) other.mask.drop[i] = s.mask.drop[from];
    }
    expect_close(differentiate(other), want, dtype, std::string("keys permuted ") + name_of(dtype));
  }
}

TEST(GradWithin, AConstantOnARowOfTheBiasChangesNothing) {
  GradSpec s = grad_tiles();
  add_bias(s, 1, 1, s.q_len, 0);
  const Gradients want = differentiate(s);
  for (index_t i = 0; i < s.q_len; ++i)
    for (index_t j = 0; j < s.kv_len; ++j) s.pse[size(i * s.kv_len + j)] += static_cast<float>(i % 7 - 3);
  expect_close(differentiate(s), want, s.dtype, "row constants");
}

TEST(GradWithin, ComplementaryDropout) {  // dV(m) + dV(~m) = dV / keep_prob
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    s.inner_precise = 0;
    const Gradients whole = differentiate(s);
    add_dropout(s, 0.5);
    std::vector<float> sum = differentiate(s).v;
    for (std::uint8_t& byte : s.keep_bits) byte = static_cast<std::uint8_t>(~byte);
    const Gradients other = differentiate(s);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = (sum[i] + other.v[i]) / 2;
    expect_close(sum, whole.v, dtype, "dV");
  }
}

// Broadcast axes are summed over: the same bias written out, and its gradient added up.
TEST(GradWithin, ABroadcastBiasSumsTheFullOne) {
  for (const DType dtype : kDtypes) {
    for (const int type : {0, 1}) {
      for (int axes = 0; axes < 8; ++axes) {
        GradSpec s = small(dtype);
        s.q_len = 70, s.kv_len = 133;
        s.draw();
        const glint::index_t extents[] = {axes & 1 ? s.batch : 1, axes & 2 ? s.heads : 1, axes & 4 ? s.q_len : 1};
        add_bias(s, extents[0], extents[1], extents[2], type);
        s.sparse_mode = 3;
        const Gradients got = differentiate(s);
        GradSpec full = s;
        add_bias(full, s.batch, s.heads, s.q_len, type);
        std::vector<std::size_t> source;
        s.q_grid().rows_of([&](index_t b, index_t n, index_t i) {
          const index_t row = ((extents[0] > 1 ? b : 0) * extents[1] + (extents[1] > 1 ? n : 0)) * extents[2] +
                              (extents[2] > 1 ? i : 0);
          for (index_t j = 0; j < s.kv_len; ++j) source.push_back(size(row * s.kv_len + j));
        });
        for (std::size_t i = 0; i < source.size(); ++i) full.pse[i] = s.pse[source[i]];
        const Gradients each = differentiate(full);
        expect_same_bits(got.q, each.q, "dq");
        expect_same_bits(got.k, each.k, "dk");
        expect_same_bits(got.v, each.v, "dv");
        std::vector<float> sums(s.pse.size());
        for (std::size_t i = 0; i < source.size(); ++i) sums[source[i]] += each.pse[i];
        if (axes == 7) expect_same_bits(got.pse, each.pse, "dpse");
        expect_close(got.pse, sums, dtype, "dpse of axes " + std::to_string(axes));
      }
    }
  }
}

// TND: one bias for each column is the sum over rows of one for each score.
TEST(GradWithin, FlatBiasesOfSequences) {
  for (const DType dtype : kDtypes) {
    GradSpec s;
    s.dtype = dtype, s.inner_precise = 0, s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 20;
    s.q_len = 90, s.kv_len = 190, s.q_ends = {5, 5, 70, 73}, s.kv_ends = {9, 40, 170, 170};
    s.draw();
    s.pse_type = 0, s.pse_form = glint::PseForm::tnd_per_column;
    std::vector<float> sums;
    GradSpec full = s;
    full.pse_form = glint::PseForm::tnd_per_score;
    std::vector<std::size_t> source;
    s.pse = gaussian(170 * s.heads, dtype, 9);
    std::size_t column = 0;
    for (std::size_t b = 0; b < 4; ++b) {
      const index_t rows = s.q_ends[b] - (b > 0 ? s.q_ends[b - 1] : 0),
                    keys = s.kv_ends[b] - (b > 0 ? s.kv_ends[b - 1] : 0);
      for (index_t n = 0; n < s.heads; ++n, column += size(keys))
        for (index_t i = 0; i < rows; ++i)
          for (index_t j = 0; j < keys; ++j) source.push_back(column + size(j));
    }
    for (const std::size_t from : source) full.pse.push_back(s.pse[from]);
    const Gradients got = differentiate(s), each = differentiate(full);
    expect_same_bits(got.q, each.q, "dq");
    expect_same_bits(got.k, each.k, "dk");
    sums.resize(s.pse.size());
    for (std::size_t i = 0; i < source.size(); ++i) sums[source[i]] += each.pse[i];
    expect_close(got.pse, sums, dtype, "dpse");
  }
}

}  // namespace
}  // namespace metamorphic

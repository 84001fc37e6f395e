// What may change without changing a bit of the gradient (proof 3.3): order, layout, strides, scale, neighbors.
#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

TEST(GradExactly, LayoutsAgree) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    add_sink(s);
    const Gradients want = differentiate(s);
    for (const char* const layout : kLayouts) {
      s.layout = layout;
      expect_same_bits(differentiate(s), want, std::string(name_of(dtype)) + " " + layout);
    }
  }
}

// Rows with a gap behind them, stored in the order of another layout: all eight tensors.
TEST(GradExactly, StridedTensorsAreContiguousOnes) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    for (const char* const layout : {"BSH", "BSND", "SBH", "BNSD"}) {
      for (const char* const storage : {"BSND", "SBH", "BNSD"}) {
        s.layout = layout, s.storage = storage, s.gap = 7;
        expect_same_bits(differentiate(s), want, std::string(layout) + " stored as " + storage);
      }
    }
    s.layout = "TND", s.storage = "TND", s.gap = 3;
    expect_same_bits(differentiate(s), want, "TND with gaps");
  }
}

TEST(GradExactly, BatchPermutation) {
  const GradSpec s = grad_tiles();
  const Shuffle queries{{1, 0}, identity(4), identity(s.q_len)}, keys{{1, 0}, identity(2), identity(s.kv_len)};
  GradSpec other = s;
  rearrange(other, queries, keys);
  expect_same_bits(differentiate(other), rearranged(differentiate(s), s, queries, keys), "batch");
}

TEST(GradExactly, HeadPermutation) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    const Shuffle keys{identity(2), {1, 0}, identity(s.kv_len)};
    const Shuffle groups{identity(2), {2, 3, 0, 1}, identity(s.q_len)};
    GradSpec other = s;
    rearrange(other, groups, keys);
    expect_same_bits(differentiate(other), rearranged(want, s, groups, keys), "groups swapped");
    const Shuffle turned{identity(2), {3, 2, 0, 1}, identity(s.q_len)};  // dk and dv are sums in another order
    other = s;
    rearrange(other, turned, keys);
    const Gradients got = differentiate(other), moved = rearranged(want, s, turned, keys);
    expect_same_bits(got.q, moved.q, "heads of a group turned round");
    expect_close(got, moved, dtype, "heads of a group turned round");
  }
}

TEST(GradExactly, QueryPermutation) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Shuffle queries{identity(2), identity(4), shuffled(s.q_len)};
    const Shuffle keys{identity(2), identity(2), identity(s.kv_len)};
    GradSpec other = s;
    rearrange(other, queries, keys);
    const Gradients got = differentiate(other), want = rearranged(differentiate(s), s, queries, keys);
    expect_same_bits(got.q, want.q, "queries permuted");
    expect_close(got, want, dtype, "queries permuted");
  }
}

// dq is the same to the bit; dk and dv of a shared head are the sums of those of the heads that share it.
TEST(GradExactly, GroupedHeadsAreRepeatedHeads) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    GradSpec apart = s;
    apart.kv_heads = 4;
    const auto repeat = [](const std::vector<float>& values, const Grid& grid) {
      std::vector<float> all;
      for (index_t head = 0; head < 2 * grid.batch * grid.heads; ++head) {
        const auto from = values.begin() + head / 2 * grid.rows * grid.dim;
        all.insert(all.end(), from, from + grid.rows * grid.dim);
      }
      return all;
    };
    apart.k = repeat(s.k, s.k_grid()), apart.v = repeat(s.v, s.v_grid());
    const Gradients got = differentiate(apart);
    const auto summed = [](const std::vector<float>& values, const Grid& grid) {
      std::vector<float> sums(size(grid.count() / 2));
      const index_t head_size = grid.rows * grid.dim;
      for (index_t i = 0; i < grid.count(); ++i)
        sums[size(i / (2 * head_size) * head_size + i % head_size)] += values[size(i)];
      return sums;
    };
    expect_same_bits(got.q, want.q, std::string("dq ") + name_of(dtype));
    expect_close(summed(got.k, apart.k_grid()), want.k, dtype, "dk");
    expect_close(summed(got.v, apart.v_grid()), want.v, dtype, "dv");
  }
}

// One entry of a batch, from tensors in logical order.
std::vector<float> entry_of(const std::vector<float>& values, index_t b, index_t batch) {
  const auto part = static_cast<index_t>(values.size()) / batch;
  return {values.begin() + b * part, values.begin() + (b + 1) * part};
}
void expect_alone(const GradSpec& s, index_t b, const Gradients& together, const std::string& what) {
  GradSpec alone = s;
  alone.batch = 1;
  alone.q = entry_of(s.q, b, s.batch), alone.d_out = entry_of(s.d_out, b, s.batch);
  alone.k = entry_of(s.k, b, s.batch), alone.v = entry_of(s.v, b, s.batch);
  const Gradients want{
      entry_of(together.q, b, s.batch), entry_of(together.k, b, s.batch), entry_of(together.v, b, s.batch), {}, {}, {}};
  expect_same_bits(differentiate(alone), want, what + " entry " + std::to_string(b));
}
TEST(GradExactly, BatchEntryAloneIsTheSame) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Gradients together = differentiate(s);
    for (index_t b = 0; b < 2; ++b) expect_alone(s, b, together, name_of(dtype));
  }
}
// Long enough for several blocks, and enough entries for other blocks than one alone would get.
TEST(GradExactly, BatchEntryAloneIsTheSameInBlocks) {
  for (const index_t batch : {index_t{4}, index_t{40}}) {
    GradSpec s;
    s.batch = batch, s.q_len = 530, s.kv_len = 1100, s.dim = 2;
    s.draw();
    expect_alone(s, batch - 2, differentiate(s), "of " + std::to_string(batch));
  }
}

// The same heads once in two entries of two, once in one entry of four.
TEST(GradExactly, ManyHeadsAreManyEntries) {
  GradSpec s;
  s.batch = 24, s.heads = s.kv_heads = 2, s.q_len = 300, s.kv_len = 700, s.dim = 2;
  s.draw();
  const Gradients want = differentiate(s);
  s.heads = s.kv_heads = 48, s.batch = 1;
  expect_same_bits(differentiate(s), want, "heads");
}

std::vector<float> times(std::vector<float> values, float factor) {
  for (float& value : values) value *= factor;
  return values;
}
// A number below the smallest normal half is rounded to fewer bits: there the laws of scaling do not hold.
void forget_subnormals(std::vector<float>& got, const std::vector<float>& want, DType dtype) {
  for (std::size_t i = 0; dtype == DType::f16 && i < got.size(); ++i)
    if (std::abs(want[i]) < 0x1p-11F) got[i] = want[i];
}

TEST(GradExactly, PowersOfTwo) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    for (const bool by_q_scale : {false, true}) {
      GradSpec other = s;
      other.q = times(s.q, 8);
      (by_q_scale ? other.q_scale : other.scale) /= 8;
      Gradients got = differentiate(other);
      got.q = times(got.q, 8);  // d/d(8 q)
      forget_subnormals(got.q, want.q, dtype);
      expect_same_bits(got, want, "q * 8");
    }
  }
}

// Twice the loss has twice the gradient, and so have twice the values.
TEST(GradExactly, LinearInTheGradientOfTheOutput) {
  for (const DType dtype : kDtypes) {
    for (const float factor : {2.0F, 0.25F}) {
      GradSpec s = grad_everything(dtype);
      s.wants_d_pse = dtype != DType::bf16;  // which would exclude the products of pairs
      const Gradients once = differentiate(s);
      s.d_out = times(s.d_out, factor);
      Gradients got = differentiate(s);
      const Gradients want{times(once.q, factor),   times(once.k, factor),    times(once.v, factor),
                           times(once.pse, factor), times(once.sink, factor), {}};
      forget_subnormals(got.q, want.q, dtype), forget_subnormals(got.k, want.k, dtype);
      forget_subnormals(got.v, want.v, dtype), forget_subnormals(got.pse, want.pse, dtype);
      expect_same_bits(got, want, std::string("d_out scaled ") + name_of(dtype));
    }
  }
}

TEST(GradExactly, TheOtherSignOfTheLoss) {
  GradSpec s = grad_everything(DType::f32);
  const Gradients once = differentiate(s);
  s.d_out = times(s.d_out, -1);
  Gradients got = differentiate(s);
  for (auto* const part : {&got.q, &got.k, &got.v, &got.pse, &got.sink})
    for (float& value : *part) value = value == 0 ? value : -value;  // zeros stay +0
  expect_same_bits(got, once, "-d_out");
}

// Statistics as one number or as two, once or eight times, by token or by sequence.
TEST(GradExactly, StatisticsInEveryForm) {
  for (const DType dtype : kDtypes) {
    GradSpec s;
    s.dtype = dtype, s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 20, s.q_len = 97, s.kv_len = 190;
    s.q_ends = {5, 5, 70, 90}, s.kv_ends = {9, 40, 170, 188};
    s.draw(), add_sink(s);
    const Gradients want = differentiate(s);
    for (const index_t repeat : {1, 8}) {
      for (const auto layout : {glint::StatsLayout::token_major, glint::StatsLayout::per_batch}) {
        s.stats_repeat = repeat, s.stats_layout = layout, s.lse_only = false;
        expect_same_bits(differentiate(s), want, "repeated " + std::to_string(repeat));
        s.lse_only = true;
        expect_close(differentiate(s), want, dtype, "lse");
      }
    }
  }
}

}  // namespace
}  // namespace metamorphic

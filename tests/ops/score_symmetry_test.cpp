// What may change without changing a bit, or only within the error contract (proof 3.3): order, layout, scale, values.
#include "support/score_shapes.hpp"

namespace metamorphic {
namespace {

TEST(Exactly, LayoutsAgree) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    const Result want = run(s);
    for (const char* const layout : kLayouts) {
      s.layout = layout;
      expect_same_bits(run(s), want, std::string(name_of(dtype)) + " " + layout);
    }
  }
}

TEST(Exactly, BatchPermutation) {
  ScoreSpec s = several_tiles();
  const Shuffle swap{{1, 0}, identity(4), identity(s.q_len)};
  const Result want = rearranged(run(s), s, swap);
  s.q = rearranged(s.q, s.q_grid(), swap);
  const Shuffle kv_swap{{1, 0}, identity(2), identity(s.kv_len)};
  s.k = rearranged(s.k, s.k_grid(), kv_swap), s.v = rearranged(s.v, s.v_grid(), kv_swap);
  expect_same_bits(run(s), want, "batch");
}

TEST(Exactly, HeadPermutation) {
  ScoreSpec s = several_tiles();
  const Shuffle swap{identity(2), {3, 2, 0, 1}, identity(s.q_len)};  // groups swapped, one of them turned round
  const Result want = rearranged(run(s), s, swap);
  s.q = rearranged(s.q, s.q_grid(), swap);
  const Shuffle kv_swap{identity(2), {1, 0}, identity(s.kv_len)};
  s.k = rearranged(s.k, s.k_grid(), kv_swap), s.v = rearranged(s.v, s.v_grid(), kv_swap);
  expect_same_bits(run(s), want, "heads");
}

TEST(Exactly, QueryPermutation) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    const Shuffle mix{identity(2), identity(4), shuffled(s.q_len)};
    const Result want = rearranged(run(s), s, mix);
    s.q = rearranged(s.q, s.q_grid(), mix);
    expect_same_bits(run(s), want, "queries");
  }
}

TEST(Exactly, GroupedHeadsAreRepeatedHeads) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    const Result want = run(s);
    const auto repeat = [](const std::vector<float>& values, const Grid& grid) {
      std::vector<float> all;
      for (index_t b = 0; b < grid.batch; ++b)
        for (index_t n = 0; n < 2 * grid.heads; ++n) {
          const auto head = values.begin() + grid.logical(b, n / 2, 0);
          all.insert(all.end(), head, head + grid.rows * grid.dim);
        }
      return all;
    };
    s.k = repeat(s.k, s.k_grid()), s.v = repeat(s.v, s.v_grid());
    s.kv_heads = 4;
    expect_same_bits(run(s), want, "repeated heads");
  }
}

TEST(Exactly, BatchEntryAloneIsTheSame) {
  ScoreSpec s = several_tiles(DType::bf16);
  const Result together = run(s);
  for (index_t b = 0; b < 2; ++b) {
    ScoreSpec alone = s;
    alone.batch = 1;
    const auto half_of = [b](const std::vector<float>& values) {
      const auto half = static_cast<index_t>(values.size() / 2);
      return std::vector<float>(values.begin() + b * half, values.begin() + (b + 1) * half);
    };
    alone.q = half_of(s.q), alone.k = half_of(s.k), alone.v = half_of(s.v);
    const Result want{half_of(together.out), half_of(together.max), half_of(together.sum), {}};
    expect_same_bits(run(alone), want, "entry " + std::to_string(b));
  }
}

TEST(Exactly, PowersOfTwo) {
  for (const DType dtype : kDtypes) {
    const ScoreSpec s = several_tiles(dtype);
    const Result want = run(s);
    ScoreSpec other = s;
    for (float& value : other.q) value *= 8;
    other.scale = s.scale / 8;
    expect_same_bits(run(other), want, "q * 8, scale / 8");
    other.scale = s.scale, other.q_scale = 0.125;
    expect_same_bits(run(other), want, "q * 8, q_scale 1/8");
    other = s;
    for (float& value : other.v) value *= 4;
    Result times_four = want;
    for (float& value : times_four.out) value *= 4;
    Result got = run(other);
    // Below the smallest normal half a result is rounded to fewer bits: there the law does not hold.
    for (std::size_t i = 0; dtype == DType::f16 && i < got.out.size(); ++i)
      if (std::abs(want.out[i]) < 0x1p-14F) got.out[i] = times_four.out[i];
    expect_same_bits(got, times_four, "v * 4");
  }
}

TEST(Exactly, DropoutThatKeepsEverything) {
  ScoreSpec s = several_tiles();
  const Result want = run(s);
  s.keep_bits.assign(size((s.scores() + 7) / 8), 0xff);
  expect_same_bits(run(s), want, "keep_prob 1 ignores the mask");
  s.keep_prob = 1 - 0x1p-53;  // rounds to 1 as float
  expect_same_bits(run(s), want, "all ones, keep_prob -> 1");
}

TEST(Within, ComplementaryDropout) {
  ScoreSpec s = several_tiles();
  const Result whole = run(s);
  s.keep_prob = 0.5;
  s.keep_bits.resize(size((s.scores() + 7) / 8));
  std::mt19937 random(5);
  for (std::uint8_t& byte : s.keep_bits) byte = static_cast<std::uint8_t>(random());
  std::vector<float> sum = run(s).out;
  for (std::uint8_t& byte : s.keep_bits) byte = static_cast<std::uint8_t>(~byte);
  const Result other = run(s);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = (sum[i] + other.out[i]) / 2;
  s.contract().expect(sum, whole.out, "O(m) + O(~m) = O / keep_prob");
  expect_same_bits(other.sum, whole.sum, "the row sum is that of the row before dropout");
}

TEST(Within, KeyPermutation) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
    for (std::size_t i = 0; i < s.mask.drop.size(); ++i) s.mask.drop[i] = i % 5 == 0;
    s.pse = gaussian(4 * s.q_len * s.kv_len, dtype, 9), s.pse_shape = {1, 4, s.q_len, s.kv_len}, s.pse_type = 0;
    const Result want = run(s);
    const std::vector<index_t> keys = shuffled(s.kv_len);
    const Shuffle mix{identity(2), identity(2), keys};
    ScoreSpec other = s;
    other.k = rearranged(s.k, s.k_grid(), mix), other.v = rearranged(s.v, s.v_grid(), mix);
    for (index_t i = 0; i < s.q_len; ++i)
      for (index_t j = 0; j < s.kv_len; ++j)
        other.mask.drop[size(i * s.kv_len + j)] = s.mask.drop[size(i * s.kv_len + keys[size(j)])];
    for (index_t i = 0; i < 4 * s.q_len; ++i)
      for (index_t j = 0; j < s.kv_len; ++j)
        other.pse[size(i * s.kv_len + j)] = s.pse[size(i * s.kv_len + keys[size(j)])];
    s.contract().expect(run(other).out, want.out, std::string("keys permuted ") + name_of(dtype));
  }
}

TEST(Within, AConstantOnARowOfTheBiasMovesOnlyTheMaximum) {
  ScoreSpec s = several_tiles();
  s.pse = gaussian(s.q_len * s.kv_len, s.dtype, 9), s.pse_shape = {1, 1, s.q_len, s.kv_len}, s.pse_type = 0;
  const Result want = run(s);
  for (index_t i = 0; i < s.q_len; ++i)
    for (index_t j = 0; j < s.kv_len; ++j) s.pse[size(i * s.kv_len + j)] += static_cast<float>(i % 7 - 3);
  const Result got = run(s);
  s.contract().expect(got.out, want.out, "row constants");
  for (std::size_t i = 0; i < got.max.size(); ++i)
    ASSERT_NEAR(got.max[i] - want.max[i], static_cast<float>(static_cast<index_t>(i) % s.q_len % 7 - 3), 1e-5);
}

TEST(Within, AConstantValueIsTheAnswer) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    s.sparse_mode = 2, s.compressed = true;
    std::fill(s.v.begin(), s.v.end(), 1.5F);
    s.contract().expect(run(s).out, std::vector<float>(size(s.out_grid().count()), 1.5F), name_of(dtype));
  }
}

TEST(Within, TheAnswerLiesBetweenTheValues) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    const Result got = run(s);
    const Contract contract = s.contract();
    const Grid grid = s.out_grid(), values = s.v_grid();
    grid.rows_of([&](index_t b, index_t n, index_t i) {
      for (index_t d = 0; d < grid.dim; ++d) {
        float least = kInfinity, most = -kInfinity;
        for (index_t j = 0; j < s.kv_len; ++j) {
          const float value = s.v[size(values.logical(b, n / 2, j) + d)];
          least = std::min(least, value), most = std::max(most, value);
        }
        const float out = got.out[size(grid.logical(b, n, i) + d)];
        ASSERT_GE(out, least - contract.bound(least));
        ASSERT_LE(out, most + contract.bound(most));
      }
    });
  }
}

// Score gaps above 104: one key has all the weight, and every other exactly none.
TEST(Exactly, OneHotRowsCopyAValue) {
  for (const DType dtype : kDtypes) {
    for (const index_t keys : {index_t{1}, index_t{127}, index_t{128}, index_t{129}, index_t{300}}) {
      ScoreSpec s = several_tiles(dtype);
      s.kv_len = keys, s.dim = 2, s.value_dim = 7;
      s.draw(31);
      s.scale = 128;
      // Row i points at key target(i): scores 128 * (2 * t * j - j * j), maximal at j = t, gap 128.
      std::vector<index_t> targets(size(s.q_len));
      for (index_t i = 0; i < s.q_len; ++i) targets[size(i)] = i * 37 % keys;
      s.pse_shape = {1, 1, s.q_len, keys}, s.pse_type = 0;
      s.pse.assign(size(s.q_len * keys), -256.0F);
      std::fill(s.q.begin(), s.q.end(), 0.0F);
      for (index_t i = 0; i < s.q_len; ++i) s.pse[size(i * keys + targets[size(i)])] = 0;
      const Result got = run(s);
      const Grid out = s.out_grid(), values = s.v_grid();
      out.rows_of([&](index_t b, index_t n, index_t i) {
        for (index_t d = 0; d < out.dim; ++d)
          ASSERT_EQ(bits(got.out[size(out.logical(b, n, i) + d)]),
                    bits(s.v[size(values.logical(b, n / 2, targets[size(i)]) + d)]))
              << "row " << i << " keys " << keys;
      });
      for (const float sum : got.sum) ASSERT_EQ(sum, 1.0F);
    }
  }
}

TEST(Exactly, TheSameByKeysAlone) {  // no bias: the dot products make the gaps
  ScoreSpec s = several_tiles();
  s.kv_len = 71, s.dim = 71, s.value_dim = 9;
  s.draw(33);
  s.scale = 256;
  std::fill(s.q.begin(), s.q.end(), 0.0F), std::fill(s.k.begin(), s.k.end(), 0.0F);
  s.q_grid().rows_of([&](index_t b, index_t n, index_t i) { s.q[size(s.q_grid().logical(b, n, i) + i)] = 1; });
  s.k_grid().rows_of([&](index_t b, index_t n, index_t j) { s.k[size(s.k_grid().logical(b, n, j) + 70 - j)] = 1; });
  const Result got = run(s);
  s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
    for (index_t d = 0; d < 9; ++d)
      ASSERT_EQ(bits(got.out[size(s.out_grid().logical(b, n, i) + d)]),
                bits(s.v[size(s.v_grid().logical(b, n / 2, 70 - i) + d)]));
  });
}

TEST(Exactly, EqualScoresGiveTheExactMean) {
  for (const DType dtype : kDtypes) {
    for (const index_t keys : {index_t{1}, index_t{2}, index_t{64}, index_t{128}, index_t{256}, index_t{512}}) {
      ScoreSpec s = several_tiles(dtype);
      s.kv_len = keys;
      s.draw(41);
      std::fill(s.q.begin(), s.q.end(), 0.0F);
      std::mt19937 random(1);
      for (float& value : s.v) value = static_cast<float>(static_cast<int>(random() % 17) - 8);
      const Result got = run(s);
      const Grid out = s.out_grid(), values = s.v_grid();
      out.rows_of([&](index_t b, index_t n, index_t i) {
        for (index_t d = 0; d < out.dim; ++d) {
          float sum = 0;
          for (index_t j = 0; j < keys; ++j) sum += s.v[size(values.logical(b, n / 2, j) + d)];
          ASSERT_EQ(got.out[size(out.logical(b, n, i) + d)], rounded(dtype, sum / static_cast<float>(keys)));
        }
      });
      for (const float sum : got.sum) ASSERT_EQ(sum, static_cast<float>(keys));
    }
  }
}

}  // namespace
}  // namespace metamorphic

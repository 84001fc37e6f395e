// The failures that users of other libraries reported (proof 2), for flash_attention_score.  Excluded numbers are
// poisoned, and the answer must not change by a bit; used ones must reach exactly the rows that use them.
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "support/score_shapes.hpp"

namespace metamorphic {
namespace {

constexpr float kPoisons[] = {kNan, kInfinity, -kInfinity};

std::uint32_t positive_zero() { return 0; }

TEST(FailureClass, F1_FullyMaskedRowIsZero) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    s.q_len = 139, s.kv_len = 71, s.sparse_mode = 3, s.compressed = true;  // rows below 68 see nothing
    s.draw();
    const Result got = run(s);
    s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
      const std::size_t row = size((b * s.heads + n) * s.q_len + i);
      ASSERT_EQ(got.max[row] == -std::numeric_limits<float>::max(), i < 68);
      ASSERT_EQ(got.sum[row] == std::numeric_limits<float>::max(), i < 68);
      for (index_t d = 0; i < 68 && d < 13; ++d)
        ASSERT_EQ(bits(got.out[row * 13 + size(d)]), positive_zero()) << "row " << i;
    });
  }
}

// A mask that drops every third key, all of tile 1 for some rows, and a whole row.
MaskValues holes(const ScoreSpec& s) {
  MaskValues mask{1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
  for (index_t i = 0; i < s.q_len; ++i)
    for (index_t j = 0; j < s.kv_len; ++j)
      mask.drop[size(i * s.kv_len + j)] = j % 3 == 1 || (i % 5 == 0 && j < 128) || i == 7 ? 1 : 0;
  return mask;
}

TEST(FailureClass, F2_PoisonInMaskedKeysChangesNoBit) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    s.mask = holes(s);
    const Result clean = run(s);
    for (const float poison : kPoisons) {
      ScoreSpec dirty = s;
      const auto spoil = [&](std::vector<float>& values, const Grid& grid) {
        grid.rows_of([&](index_t b, index_t n, index_t j) {
          if (j % 3 == 1) std::fill_n(values.begin() + grid.logical(b, n, j), grid.dim, poison);
        });
      };
      spoil(dirty.k, s.k_grid());
      expect_same_bits(run(dirty), clean, std::string("k ") + name_of(dtype));
      spoil(dirty.v, s.v_grid());
      expect_same_bits(run(dirty), clean, std::string("k and v ") + name_of(dtype));
      dirty.k = s.k;
      expect_same_bits(run(dirty), clean, std::string("v ") + name_of(dtype));
    }
  }
}

// Above the diagonal inside a tile: only later rows see the poisoned keys.
TEST(FailureClass, F2_PoisonAboveTheDiagonalStaysThere) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = square(dtype);
    s.sparse_mode = 2, s.compressed = true;
    const Result clean = run(s);
    const index_t first = 100;
    for (const float poison : kPoisons) {
      ScoreSpec dirty = s;
      for (auto [values, grid] : {std::pair{&dirty.k, s.k_grid()}, std::pair{&dirty.v, s.v_grid()}})
        grid.rows_of([&, v = values, g = grid](index_t b, index_t n, index_t j) {
          if (j >= first) std::fill_n(v->begin() + g.logical(b, n, j), g.dim, poison);
        });
      const Result got = run(dirty);
      s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
        const auto row = size(s.out_grid().logical(b, n, i));
        for (std::size_t d = row; i < first && d < row + 13; ++d) ASSERT_EQ(bits(got.out[d]), bits(clean.out[d]));
      });
    }
  }
}

TEST(FailureClass, F2_PoisonInTheBiasOfExcludedScores) {
  for (const DType dtype : kDtypes) {
    for (const int pse_type : {0, 1}) {
      ScoreSpec s = several_tiles(dtype);
      s.mask = holes(s);
      s.pse = gaussian(4 * s.q_len * s.kv_len, dtype, 5), s.pse_shape = {1, 4, s.q_len, s.kv_len};
      s.pse_type = pse_type;
      const Result clean = run(s);
      for (const float poison : kPoisons) {
        ScoreSpec dirty = s;
        for (std::size_t i = 0; i < s.pse.size(); ++i)
          if (s.mask.drop[i % s.mask.drop.size()] != 0) dirty.pse[i] = poison;
        expect_same_bits(run(dirty), clean, name_of(dtype));
      }
    }
  }
}

// TND: rows of other sequences, rows behind the last one, and sequences that have no queries.
TEST(FailureClass, F3_PoisonInUnusedRows) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s;
    s.dtype = dtype, s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 20;
    s.q_len = 90, s.kv_len = 190;
    s.q_ends = {5, 5, 70}, s.kv_ends = {9, 40, 170};
    s.sparse_mode = 3, s.compressed = true;
    s.draw();
    const Result clean = run(s);
    for (const float poison : kPoisons) {
      ScoreSpec dirty = s;
      s.k_grid().rows_of([&](index_t b, index_t n, index_t j) {
        if (!((j >= 9 && j < 40) || j >= 170)) return;
        std::fill_n(dirty.k.begin() + s.k_grid().logical(b, n, j), s.dim, poison);
        std::fill_n(dirty.v.begin() + s.k_grid().logical(b, n, j), s.dim, poison);
      });
      s.q_grid().rows_of([&](index_t b, index_t n, index_t i) {
        if (i >= 70) std::fill_n(dirty.q.begin() + s.q_grid().logical(b, n, i), s.dim, poison);
      });
      expect_same_bits(run(dirty), clean, name_of(dtype));
    }
  }
}

TEST(FailureClass, F4_LogitsNearTheLowestFloat) {
  for (const float lowest : {-3e38F, -1e38F, -5e4F}) {
    ScoreSpec s = several_tiles();
    std::fill(s.q.begin(), s.q.end(), 0.0F);
    s.pse_type = 0, s.pse_shape = {1, 1, s.q_len, s.kv_len};
    s.pse.assign(size(s.q_len * s.kv_len), lowest);
    const Result got = run(s);
    s.pse.assign(s.pse.size(), 0.0F);
    const Result want = run(s);
    expect_same_bits(got.out, want.out, "a constant of " + std::to_string(lowest));
    for (const float max : got.max) ASSERT_EQ(max, lowest);
  }
}

// Where 384 keys make three tiles: each masked in turn must give what the other two give alone.
TEST(FailureClass, F4_FirstMiddleOrLastTileMasked) {
  for (const bool by_bias : {false, true}) {
    for (index_t tile = 0; tile < 3; ++tile) {
      ScoreSpec s = several_tiles();
      s.kv_len = 384;
      s.draw(61);
      ScoreSpec rest = s;
      rest.kv_len = 256;
      const auto without = [&](const std::vector<float>& values, const Grid& from) {
        std::vector<float> kept;
        from.rows_of([&](index_t b, index_t n, index_t j) {
          const auto row = values.begin() + from.logical(b, n, j);
          if (j / 128 != tile) kept.insert(kept.end(), row, row + from.dim);
        });
        return kept;
      };
      rest.k = without(s.k, s.k_grid()), rest.v = without(s.v, s.v_grid());
      if (by_bias) {
        s.pse_type = 0, s.pse_shape = {1, 1, 1, s.kv_len};
        for (index_t j = 0; j < s.kv_len; ++j) s.pse.push_back(j / 128 == tile ? -kInfinity : 0.0F);
      } else {
        s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
        for (std::size_t i = 0; i < s.mask.drop.size(); ++i)
          s.mask.drop[i] = static_cast<index_t>(i) % s.kv_len / 128 == tile;
      }
      expect_same_bits(run(s), run(rest), (by_bias ? "bias " : "mask ") + std::to_string(tile));
    }
  }
}

TEST(FailureClass, F4_BiasOfMinusInfinityEverywhereIsAnEmptyRow) {
  ScoreSpec s = several_tiles();
  s.pse_type = 0, s.pse_shape = {1, 1, 1, s.kv_len}, s.pse.assign(size(s.kv_len), -kInfinity);
  const Result got = run(s);
  for (const float value : got.out) ASSERT_EQ(bits(value), positive_zero());
  for (const float sum : got.sum) ASSERT_EQ(sum, std::numeric_limits<float>::max());
}

TEST(FailureClass, F5_NanInAQueryReachesItsRow) {
  for (const DType dtype : kDtypes) {
    ScoreSpec s = several_tiles(dtype);
    const Result clean = run(s);
    s.q[size(s.q_grid().logical(1, 2, 33) + 19)] = kNan;
    const Result got = run(s);
    s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
      for (index_t d = 0; d < 13; ++d) {
        const std::size_t at = size(s.out_grid().logical(b, n, i) + d);
        const bool spoiled = b == 1 && n == 2 && i == 33;
        ASSERT_EQ(is_nan(got.out[at]), spoiled);
        ASSERT_TRUE(spoiled || bits(got.out[at]) == bits(clean.out[at]));
      }
    });
  }
}

TEST(FailureClass, F5_NanInAKeyOrAValueReachesTheRowsThatSeeIt) {
  for (const DType dtype : kDtypes) {
    for (const index_t key : {index_t{0}, index_t{63}, index_t{100}, index_t{138}}) {
      for (const bool in_value : {false, true}) {
        ScoreSpec s = square(dtype);
        s.sparse_mode = 2, s.compressed = true;
        const Result clean = run(s);
        const Grid grid = in_value ? s.v_grid() : s.k_grid();
        (in_value ? s.v : s.k)[size(grid.logical(1, 1, key) + 3)] = kNan;
        const Result got = run(s);
        s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
          for (index_t d = 0; d < 13; ++d) {
            const std::size_t at = size(s.out_grid().logical(b, n, i) + d);
            const bool spoiled = b == 1 && n / 2 == 1 && i >= key && (!in_value || d == 3);
            ASSERT_EQ(is_nan(got.out[at]), spoiled) << "row " << i << " key " << key;
            ASSERT_TRUE(spoiled || bits(got.out[at]) == bits(clean.out[at]));
          }
        });
      }
    }
  }
}

TEST(FailureClass, F5_PlusInfinityAsScoreIsNanInItsRow) {
  ScoreSpec s = several_tiles();
  s.pse_type = 0, s.pse_shape = {1, 1, s.q_len, s.kv_len}, s.pse.assign(size(s.q_len * s.kv_len), 0.0F);
  s.pse[size(5 * s.kv_len + 130)] = kInfinity;
  const Result got = run(s);
  s.out_grid().rows_of([&](index_t b, index_t n, index_t i) {
    ASSERT_EQ(is_nan(got.out[size(s.out_grid().logical(b, n, i))]), i == 5);
  });
}

TEST(FailureClass, F6_ScoresOfHalfPrecisionInputsDoNotOverflow) {
  ScoreSpec s = several_tiles(DType::f16);
  s.dim = 512, s.value_dim = 4;
  s.draw(71);
  std::fill(s.q.begin(), s.q.end(), rounded(s.dtype, 6e4F)), std::fill(s.k.begin(), s.k.end(), rounded(s.dtype, 6e4F));
  std::fill(s.v.begin(), s.v.end(), rounded(s.dtype, 6e4F));
  s.scale = 1;
  const Result got = run(s);
  for (const float value : got.out) ASSERT_EQ(value, rounded(s.dtype, 6e4F));
  const float score = rounded(s.dtype, 6e4F) * rounded(s.dtype, 6e4F) * 512;
  for (const float max : got.max) ASSERT_NEAR(max / score, 1, 0x1p-20);  // proof 3.1: lse
  for (const float sum : got.sum) ASSERT_EQ(sum, 139.0F);
}

}  // namespace
}  // namespace metamorphic

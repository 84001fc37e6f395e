// Position biases: every broadcast, the flat forms, ALiBi, and the compressed 1024 rows (operators 1.3, 12.12).
// With K = 0 and scale 1 the weights are the softmax of the bias, so log(weight ratio) gives the bias back.
#include "support.hpp"

namespace oracle_test {
namespace {

// Bias of (b, n, i, j) relative to that of (b, n, i, 0), read off the materialised weights.
double relative_bias(const AttentionResult& result, index_t heads, index_t b, index_t n, index_t i, index_t j) {
  const auto& weight = result.probabilities.at(static_cast<std::size_t>(b * heads + n));
  return std::log(weight(i, j) / weight(i, 0));
}

AttentionCase bias_case(index_t batch, index_t heads, index_t rows, index_t keys) {
  AttentionCase spec;
  spec.layout = "BNSD";
  spec.query = Array({batch, heads, rows, 1});
  spec.key = Array({batch, heads, keys, 1});
  spec.value = Array({batch, heads, keys, 1});
  spec.keep_probabilities = true;
  return spec;
}

TEST(DensePse, EveryBroadcast) {
  for (const index_t batch : {1, 2}) {
    for (const index_t heads : {1, 3}) {
      for (const index_t rows : {1, 4}) {
        AttentionCase spec = bias_case(2, 3, 4, 5);
        spec.pse = varied({batch, heads, rows, 5});
        const AttentionResult result = attention(spec);
        const auto bias = [&](index_t b, index_t n, index_t i, index_t j) {
          return spec.pse.at(batch == 1 ? 0 : b, heads == 1 ? 0 : n, rows == 1 ? 0 : i, j);
        };
        for (index_t b = 0; b < 2; ++b) {
          for (index_t n = 0; n < 3; ++n) {
            for (index_t i = 0; i < 4; ++i) {
              for (index_t j = 1; j < 5; ++j) {
                EXPECT_NEAR(relative_bias(result, 3, b, n, i, j), bias(b, n, i, j) - bias(b, n, i, 0), 1e-14);
              }
            }
          }
        }
      }
    }
  }
}

TEST(Alibi, DistancesFromTheTopLeftDiagonal) {
  AttentionCase spec = bias_case(1, 2, 3, 3);
  spec.pse = Array({2}, {0.5, 2});
  spec.pse_type = 2;
  AttentionResult result = attention(spec);
  EXPECT_NEAR(relative_bias(result, 2, 0, 0, 0, 2), -0.5 * 2, 1e-15);
  EXPECT_NEAR(relative_bias(result, 2, 0, 1, 2, 2), 2 * 2, 1e-15);
  spec.pse_type = 3;
  result = attention(spec);
  EXPECT_NEAR(relative_bias(result, 2, 0, 1, 0, 2), -2 * std::sqrt(2.0), 1e-15);
  EXPECT_NEAR(relative_bias(result, 2, 0, 1, 1, 2), 0, 1e-15);
}

TEST(Alibi, IsNotScaledAndIsAddedLast) {
  AttentionCase spec = bias_case(1, 1, 2, 2);
  spec.pse = Array({1}, {1});
  spec.pse_type = 2;
  spec.scale = 0.25;
  spec.query = filled({1, 1, 2, 1}, 1);
  spec.key = Array({1, 1, 2, 1}, {0, 8});
  EXPECT_NEAR(relative_bias(attention(spec), 1, 0, 0, 0, 1), 8 * 0.25 - 1, 1e-15);
}

TEST(Alibi, SlopesPerBatch) {
  AttentionCase spec = bias_case(2, 2, 2, 2);
  spec.pse = Array({2, 2}, {1, 2, 3, 4});
  spec.pse_type = 2;
  const AttentionResult result = attention(spec);
  for (index_t b = 0; b < 2; ++b) {
    for (index_t n = 0; n < 2; ++n) {
      EXPECT_NEAR(relative_bias(result, 2, b, n, 0, 1), -spec.pse.at(b, n), 1e-15);
    }
  }
}

TEST(Alibi, StartIndicesMoveTheDiagonal) {
  AttentionCase spec = bias_case(1, 1, 1, 4);
  spec.pse = Array({1}, {1});
  spec.pse_type = 2;
  spec.q_start_idx = {3, 99};
  EXPECT_NEAR(relative_bias(attention(spec), 1, 0, 0, 0, 3), 3, 1e-15);  // distances 3 2 1 0
  spec.kv_start_idx = {2};
  EXPECT_NEAR(relative_bias(attention(spec), 1, 0, 0, 0, 3), 1 - 2, 1e-15);  // distances 1 0 1 2
  spec.q_start_idx.clear();
  spec.kv_start_idx = {-2};
  EXPECT_NEAR(relative_bias(attention(spec), 1, 0, 0, 0, 3), -3, 1e-15);  // kv_start alone is ignored
}

// Sequences of 2 and 1 rows over 3 and 2 keys, two heads.
AttentionCase ragged_case() {
  AttentionCase spec;
  spec.layout = "TND";
  spec.head_num = 2;
  spec.query = Array({3, 2, 1});
  spec.key = Array({5, 1, 1});
  spec.value = Array({5, 1, 1});
  spec.actual_seq_qlen = {2, 3};
  spec.actual_seq_kvlen = {3, 5};
  spec.keep_probabilities = true;
  return spec;
}

TEST(FlatPse, PerScore) {
  AttentionCase spec = ragged_case();
  spec.pse = varied({2 * (2 * 3 + 1 * 2)});
  spec.pse_form = PseForm::flat_score;
  const AttentionResult result = attention(spec);
  for (index_t n = 0; n < 2; ++n) {
    for (index_t i = 0; i < 2; ++i) {
      const index_t start = (n * 2 + i) * 3;
      EXPECT_NEAR(relative_bias(result, 2, 0, n, i, 2), spec.pse.flat(start + 2) - spec.pse.flat(start), 1e-15);
    }
    const index_t start = 12 + n * 2;
    EXPECT_NEAR(relative_bias(result, 2, 1, n, 0, 1), spec.pse.flat(start + 1) - spec.pse.flat(start), 1e-15);
  }
}

TEST(FlatPse, PerColumn) {
  AttentionCase spec = ragged_case();
  spec.pse = varied({2 * (3 + 2)});
  spec.pse_form = PseForm::flat_column;
  const AttentionResult result = attention(spec);
  for (index_t n = 0; n < 2; ++n) {
    for (index_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(relative_bias(result, 2, 0, n, i, 1), spec.pse.flat(n * 3 + 1) - spec.pse.flat(n * 3), 1e-15);
    }
    EXPECT_NEAR(relative_bias(result, 2, 1, n, 0, 1), spec.pse.flat(6 + n * 2 + 1) - spec.pse.flat(6 + n * 2), 1e-15);
  }
}

// A bias that depends on the distance alone, so that any wrong element shows.
double by_distance(index_t row, index_t key) { return std::sin(0.7 * static_cast<double>(row - key)); }

// The last 1024 rows of the full matrix; columns above the diagonal are poison.
Array compressed_matrix(index_t size) {
  Array matrix({1, 1, 1024, size});
  for (index_t m = 0; m < 1024; ++m) {
    for (index_t k = 0; k < size; ++k) {
      const index_t row = size - 1024 + m;
      matrix.at(0, 0, m, k) = k <= row ? by_distance(row, k) : not_a_number;
    }
  }
  return matrix;
}

void expect_distances(const AttentionResult& result, index_t batch, index_t rows) {
  double worst = 0;
  for (index_t i = 0; i < rows; i += 7) {
    for (index_t j = 1; j <= i; j += 5) {
      const double expected = by_distance(i, j) - by_distance(i, 0);
      worst = std::max(worst, std::abs(relative_bias(result, 1, batch, 0, i, j) - expected));
    }
  }
  EXPECT_LE(worst, 1e-13);
}

TEST(CompressedPse, HoldsTheWholeTriangle) {
  for (const index_t size : {1024, 1025, 2100}) {
    AttentionCase spec = bias_case(1, 1, size, size);
    spec.sparse_mode = 2;
    spec.implied_mask = true;
    spec.pse = compressed_matrix(size);
    spec.pse_form = PseForm::compressed;
    const AttentionResult result = attention(spec);
    expect_distances(result, 0, size);
    EXPECT_FALSE(std::isnan(result.lse.flat(0)));
  }
}

TEST(CompressedPse, OfRaggedSequences) {
  AttentionCase spec;
  spec.layout = "TND";
  spec.query = spec.key = spec.value = Array({30 + 1200, 1, 1});
  spec.actual_seq_qlen = spec.actual_seq_kvlen = {30, 1230};
  spec.sparse_mode = 3;
  spec.implied_mask = true;
  spec.pse = compressed_matrix(1200);
  spec.pse_form = PseForm::compressed;
  spec.keep_probabilities = true;
  const AttentionResult result = attention(spec);
  expect_distances(result, 0, 30);
  expect_distances(result, 1, 1200);
}

}  // namespace
}  // namespace oracle_test

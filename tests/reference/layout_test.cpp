// Layouts and ragged sequences (operators 3).
#include "support.hpp"

namespace oracle_test {
namespace {

// A BNSD tensor rewritten as another layout, element by element.
Array rewritten(const Array& bnsd, const std::string& layout) {
  const index_t batch = bnsd.shape[0], heads = bnsd.shape[1], rows = bnsd.shape[2], width = bnsd.shape[3];
  Array result = layout == "BSH"    ? Array({batch, rows, heads * width})
                 : layout == "SBH"  ? Array({rows, batch, heads * width})
                 : layout == "BSND" ? Array({batch, rows, heads, width})
                 : layout == "NBSD" ? Array({heads, batch, rows, width})
                                    : Array({batch, heads, rows, width});
  for (index_t b = 0; b < batch; ++b) {
    for (index_t n = 0; n < heads; ++n) {
      for (index_t i = 0; i < rows; ++i) {
        for (index_t d = 0; d < width; ++d) {
          const double element = bnsd.at(b, n, i, d);
          if (layout == "BSH") result.at(b, i, n * width + d) = element;
          if (layout == "SBH") result.at(i, b, n * width + d) = element;
          if (layout == "BSND") result.at(b, i, n, d) = element;
          if (layout == "NBSD") result.at(n, b, i, d) = element;
          if (layout == "BNSD") result.at(b, n, i, d) = element;
        }
      }
    }
  }
  return result;
}

// attention of the textbook for one head and one row, written without the oracle's machinery.
double textbook(const AttentionCase& spec, index_t b, index_t n, index_t i, index_t d) {
  const index_t kv_head = n * extents.kv_heads / extents.heads;
  double sum = 0, out = 0;
  for (index_t j = 0; j < extents.keys; ++j) {
    double product = 0;
    for (index_t c = 0; c < extents.width; ++c) product += spec.query.at(b, n, i, c) * spec.key.at(b, kv_head, j, c);
    sum += std::exp(0.7 * product);
    out += std::exp(0.7 * product) * spec.value.at(b, kv_head, j, d);
  }
  return out / sum;
}

TEST(Layout, BnsdIsTheTextbookWithConsecutiveHeadsSharingKeys) {
  const AttentionCase spec = dense_case();
  const Array out = attention(spec).out;
  ASSERT_EQ(out.shape, (std::vector<index_t>{2, 4, 3, 2}));
  for (index_t b = 0; b < 2; ++b) {
    for (index_t n = 0; n < 4; ++n) {
      for (index_t i = 0; i < 3; ++i) {
        for (index_t d = 0; d < 2; ++d) EXPECT_NEAR(out.at(b, n, i, d), textbook(spec, b, n, i, d), 1e-15);
      }
    }
  }
}

TEST(Layout, AllDenseLayoutsAgree) {
  const AttentionResult expected = attention(dense_case());
  for (const std::string layout : {"BSH", "SBH", "BSND"}) {
    AttentionCase spec = dense_case();
    spec.layout = layout;
    spec.query = rewritten(spec.query, layout);
    spec.key = rewritten(spec.key, layout);
    spec.value = rewritten(spec.value, layout);
    spec.kv_head_num = layout == "SBH" ? 2 : 0;  // told, or derived from H2 / D
    const AttentionResult result = attention(spec);
    expect_same(result.out, rewritten(expected.out, layout), 0);
    expect_same(result.lse, expected.lse, 0);
    EXPECT_EQ(result.lse.shape, (std::vector<index_t>{2, 4, 3}));
  }
}

TEST(Layout, TheOutputLayoutMayDiffer) {
  AttentionCase spec = dense_case();
  const Array expected = attention(spec).out;
  for (const std::string output : {"BSND", "NBSD"}) {
    spec.layout = "BNSD_" + output;
    expect_same(attention(spec).out, rewritten(expected, output), 0);
  }
}

TEST(Layout, RopeIsConcatenatedWidth) {
  AttentionCase whole = dense_case();
  whole.query_rope = varied({2, 4, 3, 2}, 4);
  whole.key_rope = varied({2, 2, 5, 2}, 5);
  AttentionCase joined = dense_case();
  joined.query = Array({2, 4, 3, 6});
  joined.key = Array({2, 2, 5, 6});
  const auto join = [](const Array& head, const Array& tail, Array& into) {
    for (index_t row = 0; row < into.size() / 6; ++row) {
      for (index_t d = 0; d < 4; ++d) into.flat(row * 6 + d) = head.flat(row * 4 + d);
      for (index_t d = 0; d < 2; ++d) into.flat(row * 6 + 4 + d) = tail.flat(row * 2 + d);
    }
  };
  join(whole.query, whole.query_rope, joined.query);
  join(whole.key, whole.key_rope, joined.key);
  expect_same(attention(whole).out, attention(joined).out, 0);
}

// --- TND -----------------------------------------------------------------------------------------------------------

// Sequences of 2, 0, 3 rows over 1, 2, 4 keys, and one surplus row and key.
AttentionCase ragged_case() {
  AttentionCase spec;
  spec.layout = "TND";
  spec.head_num = 2;
  spec.query = varied({6, 2, 3}, 1);
  spec.key = varied({8, 1, 3}, 2);
  spec.value = varied({8, 1, 2}, 3);
  spec.actual_seq_qlen = {2, 2, 5};
  spec.actual_seq_kvlen = {1, 3, 7};
  return spec;
}

TEST(Tnd, IsALoopOverSequences) {
  const AttentionCase spec = ragged_case();
  const AttentionResult result = attention(spec);
  const std::vector<index_t> q_begin{0, 2, 2, 5}, kv_begin{0, 1, 3, 7};
  for (std::size_t b = 0; b < 3; ++b) {
    AttentionCase one;
    one.layout = "BSND";
    const auto take = [](const Array& from, index_t begin, index_t end) {
      const index_t row = from.shape[1] * from.shape[2];
      return Array({1, end - begin, from.shape[1], from.shape[2]},
                   std::vector<double>(from.data.begin() + begin * row, from.data.begin() + end * row));
    };
    one.query = take(spec.query, q_begin[b], q_begin[b + 1]);
    one.key = take(spec.key, kv_begin[b], kv_begin[b + 1]);
    one.value = take(spec.value, kv_begin[b], kv_begin[b + 1]);
    const AttentionResult alone = attention(one);
    for (index_t i = 0; i < one.query.shape[1]; ++i) {
      for (index_t n = 0; n < 2; ++n) {
        for (index_t d = 0; d < 2; ++d) EXPECT_EQ(result.out.at(q_begin[b] + i, n, d), alone.out.at(0, i, n, d));
        EXPECT_EQ(result.softmax_max.at(q_begin[b] + i, n), alone.softmax_max.at(0, n, i));
        EXPECT_EQ(result.softmax_sum.at(q_begin[b] + i, n), alone.softmax_sum.at(0, n, i));
      }
    }
  }
  EXPECT_EQ(result.lse.shape, (std::vector<index_t>{6, 2}));
  EXPECT_EQ(result.out.at(5, 0, 0), 0);  // the surplus row
  EXPECT_EQ(result.lse.at(5, 0), infinity);
}

TEST(Tnd, ZerosAtTheTailSkip) {
  AttentionCase spec = ragged_case();
  const Array expected = attention(spec).out;
  for (std::vector<index_t>* list : {&spec.actual_seq_qlen, &spec.actual_seq_kvlen}) list->insert(list->end(), {0, 0});
  expect_same(attention(spec).out, expected, 0);
}

TEST(Tnd, HeadsFirstIsTheSame) {
  AttentionCase spec = ragged_case();
  const Array expected = attention(spec).out;
  const auto heads_first = [](const Array& tnd) {
    Array ntd({tnd.shape[1], tnd.shape[0], tnd.shape[2]});
    for (index_t t = 0; t < tnd.shape[0]; ++t) {
      for (index_t n = 0; n < tnd.shape[1]; ++n) {
        for (index_t d = 0; d < tnd.shape[2]; ++d) ntd.at(n, t, d) = tnd.at(t, n, d);
      }
    }
    return ntd;
  };
  spec.layout = "NTD_TND";
  spec.query = heads_first(spec.query);
  spec.key = heads_first(spec.key);
  spec.value = heads_first(spec.value);
  expect_same(attention(spec).out, expected, 0);
}

TEST(Probabilities, AreKeptOnRequest) {
  AttentionCase spec = dense_case();
  EXPECT_TRUE(attention(spec).probabilities.empty());
  spec.keep_probabilities = true;
  const AttentionResult result = attention(spec);
  ASSERT_EQ(result.probabilities.size(), 8u);
  for (const auto& matrix : result.probabilities) {
    ASSERT_EQ(matrix.rows(), 3);
    ASSERT_EQ(matrix.cols(), 5);
    for (index_t i = 0; i < 3; ++i) EXPECT_NEAR(matrix.row(i).sum(), 1, 1e-15);
  }
}

}  // namespace
}  // namespace oracle_test

// Sparse modes that are other modes, sequences that are other batches, dropout from bits and from a seed: the gradient
// has the same bits (proof 3.3).
#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

struct SameMode {
  const char* name;
  bool square;
  int left_mode, right_mode;
  index_t left_pre, left_next;
};
TEST(GradExactly, ModesThatAreOtherModes) {
  const SameMode table[] = {
      {"2 = 3 when S1 == S2", true, 2, 3, kAll, kAll},
      {"band(MAX, 0) = 3", false, 4, 3, kAll, 0},
      {"band(MAX, 0) = 2 when S1 == S2", true, 4, 2, kAll, 0},
      {"band(MAX, MAX) = full", false, 4, 0, kAll, kAll},
      {"band beyond both ends = full", false, 4, 0, 139, 71},
      {"band(INT64_MAX, INT64_MAX) = full", false, 4, 0, INT64_MAX, INT64_MAX},
  };
  for (const SameMode& row : table) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      GradSpec s = row.square ? grad_square(dtype) : grad_tiles(dtype);
      s.sparse_mode = row.right_mode;
      const Gradients want = differentiate(s);
      s.sparse_mode = row.left_mode, s.pre = row.left_pre, s.next = row.left_next;
      expect_same_bits(differentiate(s), want, row.name);
    }
  }
}

// The predicates of operators 2, written from the table there.
bool kept(const GradSpec& s, index_t b, index_t i, index_t j) {
  const index_t shift = s.kv_len - s.q_len;
  switch (s.sparse_mode) {
    case 0: return i - s.pre <= j && j <= i + s.next;
    case 2: return j <= i;
    case 3: return j <= i + shift;
    case 4: return i + shift - s.pre <= j && j <= i + shift + s.next;
    case 5:
    case 6: return j <= i + shift || j < s.prefix[size(b)];
    default: return true;
  }
}

TEST(GradExactly, EveryModeIsItsExplicitMask) {
  struct Row {
    int mode;
    index_t q_len, kv_len, pre, next;
    std::vector<index_t> prefix;
  };
  const Row table[] = {
      {0, 71, 139, 40, 3, {}},
      {0, 139, 71, 100, -30, {}},
      {0, 71, 139, -5, 60, {}},
      {2, 71, 139, kAll, kAll, {}},
      {2, 139, 71, kAll, kAll, {}},
      {3, 71, 139, kAll, kAll, {}},
      {3, 139, 71, kAll, kAll, {}},
      {4, 71, 139, 30, 5, {}},
      {4, 139, 71, 60, -2, {}},
      {4, 71, 139, -2, 9, {}},
      {6, 71, 139, kAll, kAll, {68, 139}},
      {6, 139, 71, kAll, kAll, {0, 50}},
      {5, 139, 71, kAll, kAll, {3, 71}},
      {4, 300, 333, 70, 3, {}},
      {3, 270, 261, kAll, kAll, {}},
  };
  for (const Row& row : table) {
    for (const DType dtype : kDtypes) {
      GradSpec s = grad_tiles(dtype);
      s.q_len = row.q_len, s.kv_len = row.kv_len, s.sparse_mode = row.mode, s.pre = row.pre, s.next = row.next;
      s.prefix = row.prefix;
      s.draw(11), add_bias(s, 1, 4, s.q_len, 0), add_sink(s);
      s.wants_d_pse = dtype != DType::bf16;  // which would exclude the products of pairs
      GradSpec dense = s;
      dense.mask = {s.batch, 1, {}};
      for (index_t b = 0; b < s.batch; ++b)
        for (index_t i = 0; i < s.q_len; ++i)
          for (index_t j = 0; j < s.kv_len; ++j) dense.mask.drop.push_back(kept(s, b, i, j) ? 0 : 1);
      dense.sparse_mode = 1, dense.prefix = {}, dense.pre = dense.next = kAll;
      if (row.mode == 0) s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len), 0)};
      if (row.mode == 5) s.mask = dense.mask;
      expect_same_bits(differentiate(s), differentiate(dense),
                       "mode " + std::to_string(row.mode) + " " + std::to_string(row.q_len) + "x" +
                           std::to_string(row.kv_len) + " " + name_of(dtype));
    }
  }
}

TEST(GradExactly, PrefixEnds) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    GradSpec s = grad_tiles(dtype);
    s.sparse_mode = 3;
    const Gradients causal = differentiate(s);
    s.sparse_mode = 6, s.prefix = {s.kv_len - s.q_len, s.kv_len - s.q_len};
    expect_same_bits(differentiate(s), causal, "prefix S2-S1 is mode 3");
    s.prefix = {s.kv_len, s.kv_len};
    const Gradients full = differentiate(s);
    s.sparse_mode = 0, s.prefix = {};
    expect_same_bits(full, differentiate(s), "prefix S2 is full attention");
    s.q_len = 139, s.kv_len = 71;
    s.draw();
    s.sparse_mode = 6, s.prefix = {0, 0};
    const Gradients zero = differentiate(s);
    s.sparse_mode = 3, s.prefix = {};
    expect_same_bits(zero, differentiate(s), "S1 > S2, prefix 0 is mode 3");
  }
}

// Where a mask hides whole key tiles, in front or behind, they might as well not exist.
TEST(GradExactly, KeysThatNobodySeesMightAsWellNotExist) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    GradSpec longer = s;
    longer.kv_len += 100;
    longer.draw(51);
    longer.q = s.q, longer.d_out = s.d_out, longer.sparse_mode = 1;
    const auto put_in = [&](std::vector<float>& to, const Grid& wide, const std::vector<float>& from,
                            const Grid& grid) {
      grid.rows_of([&](index_t b, index_t n, index_t j) {
        std::copy_n(from.begin() + grid.logical(b, n, j), grid.dim, to.begin() + wide.logical(b, n, j));
      });
    };
    put_in(longer.k, longer.k_grid(), s.k, s.k_grid()), put_in(longer.v, longer.v_grid(), s.v, s.v_grid());
    longer.mask = {1, 1, std::vector<std::uint8_t>(size(longer.q_len * longer.kv_len))};
    for (std::size_t i = 0; i < longer.mask.drop.size(); ++i)
      longer.mask.drop[i] = static_cast<index_t>(i) % longer.kv_len >= s.kv_len;
    const Gradients got = differentiate(longer);
    expect_same_bits(got.q, want.q, name_of(dtype));
    for (auto [values, grid, shorter] : {std::tuple{&got.k, longer.k_grid(), std::pair{&want.k, s.k_grid()}},
                                         std::tuple{&got.v, longer.v_grid(), std::pair{&want.v, s.v_grid()}}})
      grid.rows_of([&, v = values, g = grid, old = shorter](index_t b, index_t n, index_t j) {
        for (index_t d = 0; d < g.dim; ++d) {
          const float value = (*v)[size(g.logical(b, n, j) + d)];
          const float same = j < s.kv_len ? (*old.first)[size(old.second.logical(b, n, j) + d)] : 0.0F;
          ASSERT_EQ(bits(value), bits(same)) << "key " << j;
        }
      });
  }
}

// Slices of a TND problem, one sequence at a time.
GradSpec ragged(const std::vector<index_t>& q_lengths, const std::vector<index_t>& kv_lengths, int mode, DType dtype) {
  GradSpec s;
  s.dtype = dtype, s.layout = "TND", s.heads = 4, s.kv_heads = 2, s.dim = 32, s.q_len = s.kv_len = 0;
  for (std::size_t b = 0; b < q_lengths.size(); ++b) {
    s.q_ends.push_back(s.q_len += q_lengths[b]);
    s.kv_ends.push_back(s.kv_len += kv_lengths[b]);
  }
  s.sparse_mode = mode;
  return s.draw(21);
}
std::vector<float> rows_between(const std::vector<float>& values, const Grid& grid, index_t first, index_t last) {
  std::vector<float> part;
  for (index_t n = 0; n < grid.heads; ++n)
    part.insert(part.end(), values.begin() + grid.logical(0, n, first), values.begin() + grid.logical(0, n, last));
  return part;
}
struct OneSequence {
  index_t q0, q1, k0, k1;
};
void expect_sequence(const GradSpec& all, const Gradients& got, OneSequence at, int mode, const std::string& what) {
  GradSpec one = all;
  one.layout = "BNSD", one.q_ends = one.kv_ends = {}, one.sparse_mode = mode, one.sink = {};
  one.q_len = at.q1 - at.q0, one.kv_len = at.k1 - at.k0;
  one.q = rows_between(all.q, all.q_grid(), at.q0, at.q1),
  one.d_out = rows_between(all.d_out, all.out_grid(), at.q0, at.q1);
  one.k = rows_between(all.k, all.k_grid(), at.k0, at.k1), one.v = rows_between(all.v, all.v_grid(), at.k0, at.k1);
  const Gradients part{rows_between(got.q, all.q_grid(), at.q0, at.q1),
                       rows_between(got.k, all.k_grid(), at.k0, at.k1),
                       rows_between(got.v, all.v_grid(), at.k0, at.k1),
                       {},
                       {},
                       {}};
  expect_same_bits(part, differentiate(one), what);
}
void expect_loop(const GradSpec& s, int mode) {
  const Gradients got = differentiate(s);
  index_t q0 = 0, k0 = 0;
  for (std::size_t b = 0; b < s.q_ends.size(); ++b) {
    // Modes 7 and 8 are a band in the last and the first sequence, mode 3 and 2 elsewhere.
    const bool band = mode == 7 ? b + 1 == s.q_ends.size() : b == 0;
    const int own = mode < 7 ? mode : band ? 4 : mode == 7 ? 3 : 2;
    expect_sequence(s, got, {q0, s.q_ends[b], k0, s.kv_ends[b]}, own,
                    std::string(name_of(s.dtype)) + " mode " + std::to_string(mode) + " sequence " + std::to_string(b));
    q0 = s.q_ends[b], k0 = s.kv_ends[b];
  }
}

TEST(GradExactly, TndIsALoopOverSequences) {
  for (const DType dtype : kDtypes) {
    for (const int mode : {0, 2, 3, 4, 7, 8}) {
      GradSpec s = ragged({5, 70, 1, 17}, {9, 139, 4, 17}, mode, dtype);
      s.pre = 200, s.next = mode == 7 || mode == 8 ? 0 : kAll;
      expect_loop(s, mode);
    }
  }
}
// A short sequence beside one that asks for other blocks; heads that share keys, and heads that do not.
TEST(GradExactly, TndIsALoopOverSequencesInBlocks) {
  for (const index_t kv_heads : {1, 4}) {
    GradSpec s = ragged({400, 10, 520}, {600, 4100, 520}, 3, DType::f32);
    s.dim = 2, s.heads = 4, s.kv_heads = kv_heads;
    s.draw();
    expect_loop(s, 3);
  }
}

TEST(GradExactly, SequencesWithoutQueriesChangeNothing) {
  for (const DType dtype : kDtypes) {
    GradSpec s = ragged({5, 70, 17}, {9, 139, 17}, 3, dtype);
    add_sink(s);
    const Gradients want = differentiate(s);
    GradSpec with = s;
    with.q_ends = {0, 5, 5, 75, 92, 92}, with.kv_ends = {0, 9, 9, 148, 165, 165};
    expect_same_bits(differentiate(with), want, "empty sequences in every place");
    with.q_ends = {5, 75, 92, 0, 0}, with.kv_ends = {9, 148, 165, 0, 0};
    expect_same_bits(differentiate(with), want, "a tail of zeros");
  }
}

// With one forward for both: that of bfloat16 in high performance rounds otherwise where there is dropout.
TEST(GradExactly, DropoutThatKeepsEverythingIsNone) {
  for (const DType dtype : kDtypes) {
    GradSpec s = grad_tiles(dtype);
    const Gradients want = differentiate(s);
    s.saved = want.forward;
    s.keep_prob = std::nextafter(1.0, 0.0);  // below 1, and 1 as a float
    s.keep_bits.assign(size((s.scores() + 7) / 8), 0xff);
    expect_same_bits(differentiate(s), want, name_of(dtype));
  }
}

TEST(GradExactly, ASeedIsItsBits) {
  for (const DType dtype : kDtypes) {
    for (const double keep_prob : {0.3, 0.8}) {
      GradSpec s = grad_tiles(dtype);
      s.keep_prob = keep_prob;
      GradSpec explicit_bits = s;
      s.generate = true, s.seed = 0x123456789abcdefULL, s.offset = 77;
      explicit_bits.keep_bits.assign(size((s.scores() + 7) / 8), 0);
      const index_t row_groups = (s.kv_len + 15) / 16;
      for (index_t row = 0; row < s.batch * s.heads * s.q_len; ++row) {
        const glint::Dropout drop{.kind = glint::Dropout::Kind::philox,
                                  .keep_prob = static_cast<float>(keep_prob),
                                  .first = row * row_groups,
                                  .row_bits = row_groups,
                                  .seed = s.seed,
                                  .offset = s.offset,
                                  .threshold = keep_prob * 255};
        for (index_t k = 0; k < s.kv_len; ++k) {
          const index_t bit = row * s.kv_len + k;
          if (drop.keep(0, k)) explicit_bits.keep_bits[size(bit / 8)] |= static_cast<std::uint8_t>(1 << bit % 8);
        }
      }
      expect_same_bits(differentiate(s), differentiate(explicit_bits), name_of(dtype));
    }
  }
}

}  // namespace
}  // namespace metamorphic

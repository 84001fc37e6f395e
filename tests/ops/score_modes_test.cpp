// Sparse modes that are other modes, and sequences that are other batches, bit for bit (proof 3.3).
#include "support/score_shapes.hpp"

namespace metamorphic {
namespace {

// Modes that are another mode.
struct SameMode {
  const char* name;
  bool square;
  int left_mode, right_mode;
  index_t left_pre, left_next, right_pre, right_next;
  bool right_masked;  // false: nothing given, full attention
};
TEST(Exactly, ModesThatAreOtherModes) {
  const SameMode table[] = {
      {"2 = 3 when S1 == S2", true, 2, 3, kAll, kAll, kAll, kAll, true},
      {"band(MAX, 0) = 3", false, 4, 3, kAll, 0, kAll, kAll, true},
      {"band(MAX, 0) = 2 when S1 == S2", true, 4, 2, kAll, 0, kAll, kAll, true},
      {"band(MAX, MAX) = full", false, 4, 0, kAll, kAll, kAll, kAll, false},
      {"band beyond both ends = full", false, 4, 0, 139, 71, kAll, kAll, false},
      {"band(INT64_MAX, INT64_MAX) = full", false, 4, 0, INT64_MAX, INT64_MAX, kAll, kAll, false},
  };
  for (const SameMode& row : table) {
    ScoreSpec s = row.square ? square() : several_tiles();
    s.sparse_mode = row.right_mode, s.compressed = row.right_masked, s.pre = row.right_pre, s.next = row.right_next;
    const Result want = run(s);
    s.sparse_mode = row.left_mode, s.compressed = true, s.pre = row.left_pre, s.next = row.left_next;
    expect_same_bits(run(s), want, row.name);
  }
}

// The predicates of operators 2, written from the table there.
bool kept(const ScoreSpec& s, index_t b, index_t i, index_t j) {
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
MaskValues explicit_mask(const ScoreSpec& s) {
  MaskValues mask{s.batch, 1, {}};
  for (index_t b = 0; b < s.batch; ++b)
    for (index_t i = 0; i < s.q_len; ++i)
      for (index_t j = 0; j < s.kv_len; ++j) mask.drop.push_back(kept(s, b, i, j) ? 0 : 1);
  return mask;
}

TEST(Exactly, EveryModeIsItsExplicitMask) {
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
  };
  for (const Row& row : table) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      ScoreSpec s = several_tiles(dtype);
      s.q_len = row.q_len, s.kv_len = row.kv_len, s.sparse_mode = row.mode, s.pre = row.pre, s.next = row.next;
      s.prefix = row.prefix;
      s.draw(11);
      ScoreSpec dense = s;
      dense.mask = explicit_mask(s);
      dense.sparse_mode = 1, dense.prefix = {}, dense.pre = dense.next = kAll;
      const Result want = run(dense);
      const std::string name = "mode " + std::to_string(row.mode) + " " + std::to_string(row.q_len) + "x" +
                               std::to_string(row.kv_len) + " " + name_of(dtype);
      if (row.mode == 0) {
        s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len), 0)};
      } else if (row.mode == 5) {
        s.mask = dense.mask;
      } else {
        s.compressed = true;
      }
      expect_same_bits(run(s), want, name);
    }
  }
}

TEST(Exactly, PrefixEnds) {
  ScoreSpec s = several_tiles();
  s.compressed = true;
  s.sparse_mode = 3;
  const Result causal = run(s);
  s.sparse_mode = 6;
  s.prefix = {s.kv_len - s.q_len, s.kv_len - s.q_len};  // the least legal prefix
  expect_same_bits(run(s), causal, "prefix S2-S1 is mode 3");
  s.prefix = {s.kv_len, s.kv_len};
  const Result full = run(s);
  s.compressed = false;
  expect_same_bits(full, run(s), "prefix S2 is full attention");

  ScoreSpec tall = several_tiles();
  tall.q_len = 139, tall.kv_len = 71;
  tall.draw();
  tall.compressed = true, tall.sparse_mode = 6, tall.prefix = {0, 0};
  const Result zero = run(tall);
  tall.sparse_mode = 3, tall.prefix = {};
  expect_same_bits(zero, run(tall), "S1 > S2, prefix 0 is mode 3");
}

TEST(Exactly, AnUnusablePrefixInMode5IsMode1) {  // operators 12.3
  ScoreSpec s = several_tiles();
  s.mask = {2, 1, std::vector<std::uint8_t>(size(2 * s.q_len * s.kv_len))};
  for (std::size_t i = 0; i < s.mask.drop.size(); ++i) s.mask.drop[i] = i % 3 == 0;
  s.sparse_mode = 1;
  const Result want = run(s);
  s.sparse_mode = 5;
  const std::vector<index_t> lists[] = {{}, {68}, {68, 68, 68}, {67, 68}, {68, 140}, {-1, 68}};
  for (const std::vector<index_t>& prefix : lists) {
    s.prefix = prefix;
    expect_same_bits(run(s), want, "prefix list of " + std::to_string(prefix.size()));
  }
}

// Slices of a TND problem, one sequence at a time.
ScoreSpec ragged(const std::vector<index_t>& q_lengths, const std::vector<index_t>& kv_lengths, int mode) {
  ScoreSpec s;
  s.layout = "TND";
  s.heads = 4, s.kv_heads = 2, s.dim = 20, s.q_len = s.kv_len = 0;
  for (std::size_t b = 0; b < q_lengths.size(); ++b) {
    s.q_ends.push_back(s.q_len += q_lengths[b]);
    s.kv_ends.push_back(s.kv_len += kv_lengths[b]);
  }
  s.sparse_mode = mode, s.compressed = mode != 0;
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
void expect_sequence(const ScoreSpec& all, const Result& got, OneSequence at, int mode, const std::string& what) {
  ScoreSpec one = all;
  one.layout = "BNSD", one.q_ends = one.kv_ends = {}, one.sparse_mode = mode;
  one.q_len = at.q1 - at.q0, one.kv_len = at.k1 - at.k0;
  one.q = rows_between(all.q, all.q_grid(), at.q0, at.q1);
  one.k = rows_between(all.k, all.k_grid(), at.k0, at.k1), one.v = rows_between(all.v, all.v_grid(), at.k0, at.k1);
  Grid rows = all.out_grid();
  Result part{rows_between(got.out, rows, at.q0, at.q1), {}, {}, {}};
  rows.dim = 1;
  part.max = rows_between(got.max, rows, at.q0, at.q1), part.sum = rows_between(got.sum, rows, at.q0, at.q1);
  expect_same_bits(part, run(one), what);
}

TEST(Exactly, TndIsALoopOverSequences) {
  const std::vector<index_t> q = {5, 70, 1, 17}, kv = {9, 139, 4, 17};
  for (const int mode : {0, 2, 3, 4, 7, 8}) {
    ScoreSpec s = ragged(q, kv, mode);
    s.pre = 200, s.next = mode == 7 || mode == 8 ? 0 : kAll;
    const Result got = run(s);
    index_t q0 = 0, k0 = 0;
    for (std::size_t b = 0; b < q.size(); ++b) {
      // Modes 7 and 8 are a band in the last and the first sequence, mode 3 and 2 elsewhere.
      const bool band = mode == 7 ? b == 3 : b == 0;
      const int own = mode < 7 ? mode : band ? 4 : mode == 7 ? 3 : 2;
      expect_sequence(s, got, {q0, q0 + q[b], k0, k0 + kv[b]}, own,
                      "mode " + std::to_string(mode) + " sequence " + std::to_string(b));
      q0 += q[b], k0 += kv[b];
    }
  }
}

TEST(Exactly, SequencesWithoutQueriesChangeNothing) {
  const ScoreSpec s = ragged({5, 70, 17}, {9, 139, 17}, 3);
  const Result want = run(s);
  ScoreSpec with = s;
  with.q_ends = {0, 5, 5, 75, 92, 92}, with.kv_ends = {0, 9, 9, 148, 165, 165};
  expect_same_bits(run(with), want, "empty sequences in every place");
  with.q_ends = {5, 75, 92, 0, 0}, with.kv_ends = {9, 148, 165, 0, 0};
  expect_same_bits(run(with), want, "a tail of zeros");
}

TEST(Exactly, RowsBehindTheLastSequenceAreZero) {  // operators 12.7
  ScoreSpec s = ragged({5, 70}, {9, 139}, 3);
  s.q_ends = {5, 40};
  const Result got = run(s);
  const Grid grid = s.out_grid();
  grid.rows_of([&](index_t, index_t n, index_t i) {
    for (index_t d = 0; d < grid.dim; ++d) {
      const float value = got.out[size(grid.logical(0, n, i) + d)];
      ASSERT_EQ(bits(value) == 0, i >= 40) << "row " << i;
    }
  });
}

// Cut the keys, run the parts, merge by their statistics.
TEST(Within, KeysCutAnywhereMergeToTheWhole) {
  for (const index_t cut : {index_t{1}, index_t{64}, index_t{127}, index_t{128}, index_t{138}}) {
    const ScoreSpec s = several_tiles();
    const Result whole = run(s);
    ScoreSpec first = s, second = s;
    const auto keys_of = [&](const std::vector<float>& values, const Grid& grid, index_t lo, index_t hi) {
      std::vector<float> part;
      for (index_t head = 0; head < grid.batch * grid.heads; ++head)
        part.insert(part.end(), values.begin() + (head * grid.rows + lo) * grid.dim,
                    values.begin() + (head * grid.rows + hi) * grid.dim);
      return part;
    };
    first.kv_len = cut, second.kv_len = s.kv_len - cut;
    first.k = keys_of(s.k, s.k_grid(), 0, cut), second.k = keys_of(s.k, s.k_grid(), cut, s.kv_len);
    first.v = keys_of(s.v, s.v_grid(), 0, cut), second.v = keys_of(s.v, s.v_grid(), cut, s.kv_len);
    const Result a = run(first), b = run(second);
    std::vector<float> merged(a.out.size());
    const index_t dim = s.out_grid().dim;
    for (std::size_t i = 0; i < merged.size(); ++i) {
      const std::size_t row = i / size(dim);
      const double lse_a = a.max[row] + std::log(static_cast<double>(a.sum[row]));
      const double lse_b = b.max[row] + std::log(static_cast<double>(b.sum[row]));
      const double weight = 1 / (1 + std::exp(lse_b - lse_a));
      merged[i] = static_cast<float>(weight * a.out[i] + (1 - weight) * b.out[i]);
    }
    s.contract().expect(merged, whole.out, "cut at " + std::to_string(cut));
  }
}

TEST(Exactly, AnEmptyPartIsTheIdentity) {
  ScoreSpec s = several_tiles();
  const Result want = run(s);
  // 128 more keys in front that nobody sees: a whole tile of exact zeros, and the other keys keep their tiles' order.
  ScoreSpec longer = s;
  longer.kv_len += 128;
  longer.draw(51);
  const auto behind = [&](std::vector<float>& target, const Grid& to, const std::vector<float>& values,
                          const Grid& from) {
    from.rows_of([&](index_t b, index_t n, index_t j) {
      std::copy_n(values.begin() + from.logical(b, n, j), from.dim, target.begin() + to.logical(b, n, j + 128));
    });
  };
  behind(longer.k, longer.k_grid(), s.k, s.k_grid()), behind(longer.v, longer.v_grid(), s.v, s.v_grid());
  longer.q = s.q;
  longer.mask = {1, 1, std::vector<std::uint8_t>(size(longer.q_len * longer.kv_len))};
  for (std::size_t i = 0; i < longer.mask.drop.size(); ++i)
    longer.mask.drop[i] = static_cast<index_t>(i) % longer.kv_len < 128;
  longer.sparse_mode = 1;
  expect_same_bits(run(longer), want, "masked keys in front");
}

}  // namespace
}  // namespace metamorphic

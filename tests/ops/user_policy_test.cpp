// What a user brings along: a mask, a draft of one, a lane modifier, a tile.  Each agrees with a plain loop in double.
#include <functional>

#include "glint/ops/flash_attention_score.hpp"
#include "support/documents.hpp"

namespace metamorphic {
namespace {

using glint::HeadIndex;
using glint::SparseMode;
namespace recipe = glint::recipe;

struct Problem {
  static constexpr index_t kBatch = 2, kHeads = 2, kRows = 150, kKeys = 150, kDim = 20;
  std::vector<float> q = gaussian(kBatch * kHeads * kRows * kDim, DType::f32, 1), k = gaussian(count(), DType::f32, 2);
  std::vector<float> v = gaussian(count(), DType::f32, 3), out = std::vector<float>(size(count()), kNan);
  std::vector<float> lse = std::vector<float>(size(kBatch * kHeads * kRows), kNan);
  glint::ScoreProblem<float> p;

  static index_t count() { return kBatch * kHeads * kRows * kDim; }
  Problem() {
    p.q = q.data(), p.k = k.data(), p.v = v.data(), p.out = out.data(), p.lse = lse.data();
    p.shape = {.batch = kBatch, .heads = kHeads, .q_len = kRows, .kv_len = kKeys, .head_dim = kDim};
    p.scale = 0.22F;
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
};

struct At {
  index_t batch, head, q, k;
};
using Keep = std::function<bool(At)>;
using Modify = std::function<double(double, At)>;

std::vector<float> plain_loop(const Problem& problem, const Keep& keep, const Modify& modify) {
  std::vector<float> out(size(Problem::count()));
  const Grid grid{Problem::kBatch, Problem::kHeads, Problem::kRows, Problem::kDim};
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    std::vector<double> sums(size(grid.dim));
    double total = 0;
    for (index_t j = 0; j < Problem::kKeys; ++j) {
      const At at{b, n, i, j};
      if (!keep(at)) continue;
      double dot = 0;
      const auto q = size(grid.logical(b, n, i)), k = size(grid.logical(b, n, j));
      for (std::size_t d = 0; d < sums.size(); ++d) dot += static_cast<double>(problem.q[q + d]) * problem.k[k + d];
      const double weight = std::exp(modify(dot * static_cast<double>(problem.p.scale), at));
      total += weight;
      for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += weight * problem.v[k + d];
    }
    for (std::size_t d = 0; d < sums.size(); ++d)
      out[size(grid.logical(b, n, i)) + d] = total > 0 ? static_cast<float>(sums[d] / total) : 0.0F;
  });
  return out;
}

bool everything(At) { return true; }
double unchanged(double score, At) { return score; }

template <class Attend>
void expect_agreement(const Attend& attend, const Keep& keep, const Modify& modify, const char* what) {
  Problem problem;
  const glint::Status status = attend(problem.p, TestExecutor(2, TestExecutor::Order::reversed));
  ASSERT_TRUE(static_cast<bool>(status)) << what << ": " << status.rule;
  const float scores = largest(problem.q) * largest(problem.k) * 20 * problem.p.scale + 75;
  Contract{DType::f32, largest(problem.v), scores}.expect(problem.out, plain_loop(problem, keep, modify), what);
}

TEST(UserPolicy, DocumentCausal) {
  const glint::FlashAttentionScore<glint::layout::BNSD, float, SparseMode::custom, Documents> attend;
  expect_agreement(
      attend, [](At at) { return start_of(at.q) <= at.k && at.k <= at.q; }, unchanged, "documents");
}

// The draft of the same: one predicate, different in every head.
struct Draft {
  auto operator()(HeadIndex at) const {
    const index_t step = at.batch * 2 + at.head + 2;
    return glint::mask::Where{at.q_len, at.kv_len, [step](index_t q, index_t k) { return (q + k) % step != 0; }};
  }
};
struct Drafted : recipe::Default {
  using masks = Draft;
};
TEST(UserPolicy, WhereIsADraftOfAMask) {
  const glint::FlashAttentionScore<glint::layout::BNSD, float, SparseMode::custom, Drafted> attend;
  expect_agreement(
      attend, [](At at) { return (at.q + at.k) % (at.batch * 2 + at.head + 2) != 0; }, unchanged, "draft");
}

// Softcap from vector + - * / and comparisons alone: cap * tanh(s / cap) through a rational approximation is too long
// for a test; cap * x / (1 + |x|) has the same shape.
struct Softcap {
  float cap = 3;
  template <class Vec>
  GLINT_INLINE void operator()(Vec& s, const Vec&) const {
    const Vec magnitude = s < Vec{} ? -s : s;
    s = cap * s / (cap + magnitude);
  }
};
struct Capped : recipe::Default {
  using modifiers = glint::SameModifier<Softcap>;
};
TEST(UserPolicy, SoftcapByTheUser) {
  const glint::FlashAttentionScore<glint::layout::BNSD, float, SparseMode::right_down_causal, Capped> attend;
  expect_agreement(
      attend, [](At at) { return at.k <= at.q; }, [](double s, At) { return 3 * s / (3 + std::abs(s)); }, "softcap");
}

struct AlibiOf {
  glint::score::Alibi operator()(HeadIndex at) const { return {at.head == 0 ? 0.5F : 0.25F, 0}; }
};
struct WithAlibi : recipe::Default {
  using modifiers = AlibiOf;
};
TEST(UserPolicy, AlibiByRecipeIsPseType2) {
  const glint::FlashAttentionScore<glint::layout::BNSD, float, SparseMode::default_mask, WithAlibi> by_recipe;
  const glint::FlashAttentionScore<glint::layout::BNSD, float> by_slopes;
  Problem recipe, slopes;
  const float values[] = {0.5F, 0.25F};
  slopes.p.slopes = {values}, slopes.p.pse_type = 2;
  ASSERT_TRUE(static_cast<bool>(by_recipe(recipe.p)));
  ASSERT_TRUE(static_cast<bool>(by_slopes(slopes.p)));
  expect_same_bits(recipe.out, slopes.out, "alibi");
  expect_same_bits(recipe.lse, slopes.lse, "alibi lse");
  expect_agreement(
      by_recipe, everything,
      [](double s, At at) { return s - (at.head == 0 ? 0.5 : 0.25) * static_cast<double>(std::abs(at.k - at.q)); },
      "alibi");
}

// Q, K and V as slices of one fused tensor [b][s][3][n][d], the output with a gap behind every row.
TEST(UserPolicy, SlicesAreTheSameAsContiguousTensors) {
  Problem apart, fused;
  const Grid grid{Problem::kBatch, Problem::kHeads, Problem::kRows, Problem::kDim};
  const index_t width = grid.heads * grid.dim, gap = 7;
  std::vector<float> slices(size(3 * Problem::count()), kNan),
      gaps(size(grid.batch * grid.heads * grid.rows * 27), kNan);
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    const index_t from = grid.logical(b, n, i), to = (b * grid.rows + i) * 3 * width + n * grid.dim;
    std::copy_n(fused.q.begin() + from, grid.dim, slices.begin() + to);
    std::copy_n(fused.k.begin() + from, grid.dim, slices.begin() + to + width);
    std::copy_n(fused.v.begin() + from, grid.dim, slices.begin() + to + 2 * width);
  });
  fused.p.q = slices.data(), fused.p.k = slices.data() + width, fused.p.v = slices.data() + 2 * width;
  fused.p.q_strides = fused.p.k_strides = fused.p.v_strides = {grid.rows * 3 * width, grid.dim, 3 * width};
  fused.p.out = gaps.data();
  const index_t row = grid.dim + gap;
  fused.p.out_strides = {grid.heads * grid.rows * row, grid.rows * row, row};
  const glint::FlashAttentionScore<glint::layout::BNSD, float> attend;
  ASSERT_TRUE(static_cast<bool>(attend(apart.p)));
  ASSERT_TRUE(static_cast<bool>(attend(fused.p)));
  expect_same_bits(fused.lse, apart.lse, "slices lse");
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    const auto from = size(grid.logical(b, n, i)), at = size(((b * grid.heads + n) * grid.rows + i) * row);
    for (std::size_t d = 0; d < 20; ++d) ASSERT_EQ(bits(gaps[at + d]), bits(apart.out[from + d]));
    for (std::size_t d = 20; d < 27; ++d) ASSERT_TRUE(is_nan(gaps[at + d])) << "the gap was written";
  });
}

template <int kRows, int kColumns, int kShared = 1>
struct Tiled : recipe::Default {
  template <class Element>
  using tile = glint::Tile<kRows, kColumns, kShared>;
};
template <class Recipe>
void expect_tile(const char* what) {
  const glint::FlashAttentionScore<glint::layout::BNSD, float, SparseMode::band, Recipe> attend;
  Problem problem;
  problem.p.pre_tokens = 70, problem.p.next_tokens = 3;
  ASSERT_TRUE(static_cast<bool>(attend(problem.p, TestExecutor(3)))) << what;
  const std::vector<float> want = plain_loop(
      problem, [](At at) { return at.q - 70 <= at.k && at.k <= at.q + 3; }, unchanged);
  Contract{DType::f32, largest(problem.v), largest(problem.q) * largest(problem.k) * 5}.expect(problem.out, want, what);
}
TEST(UserPolicy, Tiles) {
  expect_tile<Tiled<32, 96>>("32 x 96");
  expect_tile<Tiled<16, 8>>("16 x 8");
  expect_tile<Tiled<64, 1024>>("64 x 1024");
  expect_tile<Tiled<32, 40, 3>>("32 x 40, three share");
  expect_tile<recipe::Default>("default");
}

}  // namespace
}  // namespace metamorphic

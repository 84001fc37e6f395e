// What a user brings along to a gradient: a mask, a draft of one, a lane modifier with its derivative, tiles.  Each
// agrees with difference quotients of a plain loop in double.
#include "support/documents.hpp"
#include "support/score_grad_loss.hpp"
#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

using glint::HeadIndex;
using glint::SparseMode;
namespace recipe = glint::recipe;

// Tiles and blocks beyond the first, GQA, a head size that is no whole vector.
GradSpec problem() {
  GradSpec s;
  s.batch = 1, s.heads = 2, s.kv_heads = 1, s.q_len = 150, s.kv_len = 150, s.dim = 10, s.value_dim = 7;
  return s.draw();
}

template <SparseMode mode, class Recipe>
Gradients differentiate_by(const GradSpec& s, index_t workers = 1) {
  return differentiate_as<float, glint::layout::BNSD, mode, Recipe>(
      s, TestExecutor(workers, TestExecutor::Order::reversed));
}

TEST(GradUserPolicy, DocumentCausal) {
  GradSpec s = problem();
  const Gradients got = differentiate_by<SparseMode::custom, Documents>(s);
  expect_derivative(s, got, {.keep = [](At at) { return start_of(at.q) <= at.k && at.k <= at.q; }}, "documents");
  s.sparse_mode = 1;
  s.mask = {1, 1, {}};
  for (index_t i = 0; i < s.q_len * s.kv_len; ++i)
    s.mask.drop.push_back(DocumentCausal{}.visible(i / s.kv_len, i % s.kv_len) ? 0 : 1);
  expect_same_bits(got, differentiate(s), "the same as a tensor");
}

// A predicate that is different in every head.
struct Draft {
  auto operator()(HeadIndex at) const {
    const index_t step = at.head + 2;
    return glint::mask::Where{at.q_len, at.kv_len, [step](index_t q, index_t k) { return (q + k) % step != 0; }};
  }
};
struct Drafted : recipe::Default {
  using masks = Draft;
};
TEST(GradUserPolicy, WhereIsADraftOfAMask) {
  const GradSpec s = problem();
  expect_derivative(s, differentiate_by<SparseMode::custom, Drafted>(s),
                    {.keep = [](At at) { return (at.q + at.k) % (at.head + 2) != 0; }}, "draft");
}

// cap * x / (1 + |x|) with x = s / cap: the shape of a softcap from operators that vectors have.
struct Softcap {
  float cap = 3;
  template <class Vec>
  GLINT_INLINE void operator()(Vec& s, const Vec&) const {
    const Vec magnitude = s < Vec{} ? -s : s;
    s = cap * s / (cap + magnitude);
  }
  template <class Vec>
  GLINT_INLINE void pullback(Vec& d, const Vec& s, const Vec&) const {
    const Vec magnitude = s < Vec{} ? -s : s, divisor = cap + magnitude;
    d *= cap * cap / (divisor * divisor);
  }
};
struct Capped : recipe::Default {
  using modifiers = glint::SameModifier<Softcap>;
};
double capped(double s, At) { return 3 * s / (3 + std::abs(s)); }

// One mask for all of them: each costs a kernel to compile.
constexpr SparseMode kCausal = SparseMode::right_down_causal;
const Rules kCapped{.keep = [](At at) { return at.k <= at.q; }, .modify = capped};

TEST(GradUserPolicy, Softcap) {
  GradSpec s = problem();
  s.scale = 2;
  expect_derivative(s, differentiate_by<kCausal, Capped>(s), kCapped, "softcap");
  add_sink(s), add_dropout(s, 0.7);
  expect_derivative(s, differentiate_by<kCausal, Capped>(s), kCapped, "sink and dropout");
}

// Where numbers would be multiplied in pairs but for the modifier, which wants floats.
TEST(GradUserPolicy, SoftcapOfBfloat16) {
  GradSpec s = problem();
  s.dtype = DType::bf16, s.dim = s.value_dim = 32, s.inner_precise = 1;
  s.draw();
  expect_derivative(s, differentiate_as<glint::bfloat16, glint::layout::BNSD, kCausal, Capped>(s), kCapped, "softcap");
}

// The bias is added before the modifier: its gradient passes through it, too.
TEST(GradUserPolicy, SoftcapOfABias) {
  for (const int type : {0, 1}) {
    for (const index_t rows : {index_t{1}, index_t{150}}) {
      GradSpec s = problem();
      add_bias(s, 1, rows == 1 ? 1 : 2, rows, type);
      expect_derivative(s, differentiate_by<kCausal, Capped>(s), kCapped, "bias");
    }
  }
}

// A modifier that knows where it is, different in every head: s -> s * (1 + slope * (q - k)) has a derivative that
// depends on q - k.
struct Leaning {
  float slope = 0;
  template <class Vec>
  GLINT_INLINE void operator()(Vec& s, const Vec& q_minus_k) const {
    s *= 1.0F + slope * q_minus_k;
  }
  template <class Vec>
  GLINT_INLINE void pullback(Vec& d, const Vec&, const Vec& q_minus_k) const {
    d *= 1.0F + slope * q_minus_k;
  }
};
using LeaningThenCapped = glint::score::Then<Leaning, Softcap>;
struct LeaningOf {
  LeaningThenCapped operator()(HeadIndex at) const { return {{at.head == 0 ? 0.01F : -0.005F}, {}}; }
};
struct Leaned : recipe::Default {
  using modifiers = LeaningOf;
};
TEST(GradUserPolicy, AModifierByPositionThenAnother) {
  const GradSpec s = problem();
  const auto lean = [](double score, At at) {
    return capped(score * (1 + (at.head == 0 ? 0.01 : -0.005) * static_cast<double>(at.q - at.k)), at);
  };
  expect_derivative(s, differentiate_by<kCausal, Leaned>(s), {.keep = kCapped.keep, .modify = lean}, "leaning");
}

// NaN that a modifier makes of an excluded score stays where it is.
TEST(GradUserPolicy, ExcludedScoresOfAModifier) {
  GradSpec s = problem();
  const Gradients clean = differentiate_by<kCausal, Capped>(s);
  s.saved = clean.forward;
  const Grid keys = s.k_grid(), rows = s.q_grid();
  for (index_t j = 100; j < s.kv_len; ++j) std::fill_n(s.k.begin() + keys.logical(0, 0, j), s.dim, kNan);
  const Gradients got = differentiate_by<kCausal, Capped>(s);
  rows.rows_of([&](index_t b, index_t n, index_t i) {
    for (index_t d = 0; d < s.dim; ++d) {
      const std::size_t at = size(rows.logical(b, n, i) + d);
      ASSERT_TRUE(i < 100 ? bits(got.q[at]) == bits(clean.q[at]) : is_nan(got.q[at])) << i;
    }
  });
  keys.rows_of([&](index_t b, index_t n, index_t j) {
    for (index_t d = 0; d < s.dim; ++d) {
      const std::size_t at = size(keys.logical(b, n, j) + d);
      ASSERT_TRUE(j < 100 ? bits(got.k[at]) == bits(clean.k[at]) : is_nan(got.k[at])) << j;
    }
  });
}

template <int kRows, int kColumns>
struct Tiled : recipe::Default {
  template <class Element>
  using gradient_tile = glint::Tile<kRows, kColumns>;
};
template <int kRows, int kColumns>
void expect_tile() {
  GradSpec s = problem();
  s.sparse_mode = 4, s.pre = 70, s.next = 3;
  add_bias(s, 1, 1, 1, 0), add_sink(s);
  const std::string what = std::to_string(kRows) + " x " + std::to_string(kColumns);
  const Gradients got = differentiate_by<SparseMode::band, Tiled<kRows, kColumns>>(s, 3);
  expect_derivative(s, got, {.keep = [](At at) { return at.q - 70 <= at.k && at.k <= at.q + 3; }}, what);
  expect_close(got, differentiate(s), s.dtype, what);
  expect_same_bits(differentiate_by<SparseMode::band, Tiled<kRows, kColumns>>(s), got, what);
}
TEST(GradUserPolicy, Tiles) {
  expect_tile<32, 64>();
  expect_tile<16, 8>();
}

}  // namespace
}  // namespace metamorphic

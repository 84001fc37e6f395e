// Failure classes F1, F2 and F5 of the gradient (proof 2): NaN and infinities where nothing is looked at change no bit,
// and a NaN that is used reaches exactly the rows and keys that use it.
// glint-test: fast-math
#include <functional>

#include "support/score_grad_shapes.hpp"

namespace metamorphic {
namespace {

constexpr float kPoisons[] = {kNan, kInfinity, -kInfinity};

// Modes 1 and 4 of layout BNSD: few kernels, because this file is compiled twice.
Gradients poisoned(const GradSpec& s) {
  return grad::in_type(s.dtype, [&](auto element) {
    using Element = decltype(element);
    using glint::SparseMode;
    if (s.sparse_mode == 1) return differentiate_as<Element, glint::layout::BNSD, SparseMode::all_mask>(s);
    return differentiate_as<Element, glint::layout::BNSD, SparseMode::band>(s);
  });
}

using Rows = std::function<bool(index_t b, index_t n, index_t i)>;
void spoil(std::vector<float>& values, const Grid& grid, float poison, const Rows& which) {
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    if (which(b, n, i)) std::fill_n(values.begin() + grid.logical(b, n, i), grid.dim, poison);
  });
}
void expect_zero(const std::vector<float>& values, const Grid& grid, const Rows& which) {
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    for (index_t d = 0; d < grid.dim && which(b, n, i); ++d)
      ASSERT_EQ(bits(values[size(grid.logical(b, n, i) + d)]), 0u) << n << " row " << i;
  });
}

// Every third key is dropped, all of the first tile for some rows, and two whole rows.
bool empty_row(index_t, index_t, index_t i) { return i == 7 || i == 70; }
bool unseen_key(index_t, index_t, index_t j) { return j % 3 == 1; }
GradSpec with_holes(DType dtype) {
  GradSpec s = grad_tiles(dtype);
  s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
  for (index_t i = 0; i < s.q_len; ++i)
    for (index_t j = 0; j < s.kv_len; ++j)
      s.mask.drop[size(i * s.kv_len + j)] = unseen_key(0, 0, j) || (i % 5 == 0 && j < 128) || empty_row(0, 0, i);
  s.sparse_mode = 1;
  return s;
}

TEST(GradFailureClass, F1_RowsAndKeysThatMeetNobodyGetZero) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = with_holes(dtype);
    const Gradients got = poisoned(s);
    expect_zero(got.q, s.q_grid(), empty_row);
    expect_zero(got.k, s.k_grid(), unseen_key);
    expect_zero(got.v, s.v_grid(), unseen_key);
    GradSpec tall = grad_tiles(dtype);
    tall.q_len = 139, tall.kv_len = 71, tall.sparse_mode = 4, tall.next = 0;  // rows below 68 see nothing
    tall.draw();
    expect_zero(poisoned(tall).q, tall.q_grid(), [](index_t, index_t, index_t i) { return i < 68; });
  }
}

TEST(GradFailureClass, F2_PoisonInKeysThatNobodySees) {
  for (const DType dtype : kDtypes) {
    const GradSpec s = with_holes(dtype);
    const Gradients clean = poisoned(s);
    for (const float poison : kPoisons) {
      GradSpec dirty = s;
      spoil(dirty.k, s.k_grid(), poison, unseen_key);
      expect_same_bits(poisoned(dirty), clean, std::string("k ") + name_of(dtype));
      spoil(dirty.v, s.v_grid(), poison, unseen_key);
      expect_same_bits(poisoned(dirty), clean, std::string("k and v ") + name_of(dtype));
      dirty.k = s.k;
      expect_same_bits(poisoned(dirty), clean, std::string("v ") + name_of(dtype));
    }
  }
}

TEST(GradFailureClass, F2_PoisonInRowsThatSeeNothing) {
  for (const DType dtype : kDtypes) {
    for (const bool tall : {false, true}) {
      GradSpec s = with_holes(dtype);
      Rows empty = empty_row;
      if (tall) {
        s.mask = {}, s.q_len = 139, s.kv_len = 71, s.sparse_mode = 4, s.next = 0;
        s.draw();
        empty = [](index_t, index_t, index_t i) { return i < 68; };
      }
      const Gradients clean = poisoned(s);
      s.saved = clean.forward;
      for (const float poison : kPoisons) {
        GradSpec dirty = s;
        spoil(dirty.q, s.q_grid(), poison, empty);
        expect_same_bits(poisoned(dirty), clean, std::string("q ") + name_of(dtype));
        spoil(dirty.d_out, s.out_grid(), poison, empty);
        expect_same_bits(poisoned(dirty), clean, std::string("q and d_out ") + name_of(dtype));
        spoil(dirty.saved->out, s.out_grid(), poison, empty);
        expect_same_bits(poisoned(dirty), clean, std::string("q, d_out and out ") + name_of(dtype));
        dirty.q = s.q, dirty.saved = s.saved;
        expect_same_bits(poisoned(dirty), clean, std::string("d_out ") + name_of(dtype));
      }
    }
  }
}

// A row that sees nothing but the sink: its output is zero whatever happens.
TEST(GradFailureClass, F2_PoisonInRowsThatSeeOnlyTheSink) {
  for (const DType dtype : kDtypes) {
    GradSpec s = with_holes(dtype);
    add_sink(s);
    const Gradients clean = poisoned(s);
    s.saved = clean.forward;
    for (const float poison : kPoisons) {
      GradSpec dirty = s;
      spoil(dirty.q, s.q_grid(), poison, empty_row);
      expect_same_bits(poisoned(dirty), clean, "q");
      spoil(dirty.d_out, s.out_grid(), poison, empty_row);
      expect_same_bits(poisoned(dirty), clean, "q and d_out");
    }
  }
}

TEST(GradFailureClass, F2_PoisonInTheBiasOfExcludedScores) {
  for (const DType dtype : kDtypes) {
    for (const int type : {0, 1}) {
      for (const bool own : {false, true}) {  // each head its own bias, or all one
        GradSpec s = with_holes(dtype);
        add_bias(s, own ? 2 : 1, own ? 4 : 1, s.q_len, type);
        const Gradients clean = poisoned(s);
        for (std::size_t i = 0; i < s.pse.size(); ++i)
          ASSERT_TRUE(s.mask.drop[i % s.mask.drop.size()] == 0 || bits(clean.pse[i]) == 0);
        for (const float poison : kPoisons) {
          GradSpec dirty = s;
          for (std::size_t i = 0; i < s.pse.size(); ++i)
            if (s.mask.drop[i % s.mask.drop.size()] != 0) dirty.pse[i] = poison;
          expect_same_bits(poisoned(dirty), clean, name_of(dtype));
        }
      }
    }
  }
}

// Which gradients a NaN may and must reach.
struct Reached {
  Rows q, k, v;
  index_t v_dim = -1;  // of dv only this number; -1: all
};
void expect_reached(const std::vector<float>& got, const std::vector<float>& clean, const Grid& grid, const Rows& which,
                    index_t dim, const std::string& what) {
  grid.rows_of([&](index_t b, index_t n, index_t i) {
    const bool spoiled = which(b, n, i);
    for (index_t d = 0; d < grid.dim; ++d) {
      const std::size_t at = size(grid.logical(b, n, i) + d);
      if (spoiled && (dim < 0 || dim == d)) {
        ASSERT_TRUE(is_nan(got[at])) << what << " is swallowed in row " << i;
      } else {
        ASSERT_EQ(bits(got[at]), bits(clean[at])) << what << " leaks into row " << i << " of head " << n;
      }
    }
  });
}
void expect_reached(const GradSpec& s, const Gradients& got, const Gradients& clean, const Reached& reached,
                    const std::string& what) {
  expect_reached(got.q, clean.q, s.q_grid(), reached.q, -1, what + " in dq");
  expect_reached(got.k, clean.k, s.k_grid(), reached.k, -1, what + " in dk");
  expect_reached(got.v, clean.v, s.v_grid(), reached.v, reached.v_dim, what + " in dv");
}

// Row i sees keys i - 20 to i: every tile is partial, and by rows and keys that lie beside each other in one.
constexpr index_t kBack = 20;
GradSpec window(DType dtype, bool as_tensor) {
  GradSpec s = grad_square(dtype);
  s.sparse_mode = 4, s.pre = kBack, s.next = 0;
  if (!as_tensor) return s;
  s.sparse_mode = 1, s.pre = s.next = kAll;
  s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
  for (index_t i = 0; i < s.q_len; ++i)
    for (index_t j = 0; j < s.kv_len; ++j) s.mask.drop[size(i * s.kv_len + j)] = j > i || j < i - kBack;
  return s;
}
Rows rows_at(index_t n, index_t lo, index_t hi) {
  return [=](index_t b, index_t head, index_t i) { return b == 1 && head == n && lo <= i && i <= hi; };
}
Rows rows_of_group(index_t lo, index_t hi) {
  return [=](index_t b, index_t head, index_t i) { return b == 1 && head / 2 == 1 && lo <= i && i <= hi; };
}
Rows nowhere() {
  return [](index_t, index_t, index_t) { return false; };
}

TEST(GradFailureClass, F5_NanInARowReachesItAndItsKeys) {
  for (const DType dtype : kDtypes) {
    for (const bool as_tensor : {false, true}) {
      GradSpec s = window(dtype, as_tensor);
      const Gradients clean = poisoned(s);
      s.saved = clean.forward;
      for (const index_t i : {index_t{0}, index_t{63}, index_t{64}, index_t{100}, index_t{138}}) {
        const Rows row = rows_at(2, i, i), keys = rows_at(1, i - kBack, i);
        GradSpec dirty = s;
        dirty.q[size(s.q_grid().logical(1, 2, i) + 4)] = kNan;
        expect_reached(s, poisoned(dirty), clean, {row, keys, keys}, "q");
        dirty.saved.reset();
        expect_reached(s, poisoned(dirty), clean, {row, keys, keys}, "q through the forward");
        dirty = s;
        dirty.d_out[size(s.out_grid().logical(1, 2, i) + 3)] = kNan;
        expect_reached(s, poisoned(dirty), clean, {row, keys, keys, 3}, "d_out");
        dirty = s;
        dirty.saved->out[size(s.out_grid().logical(1, 2, i) + 3)] = kNan;
        expect_reached(s, poisoned(dirty), clean, {row, keys, nowhere()}, "out");
      }
    }
  }
}

TEST(GradFailureClass, F5_NanInAKeyReachesItsRowsAndTheirKeys) {
  for (const DType dtype : kDtypes) {
    for (const bool as_tensor : {false, true}) {
      GradSpec s = window(dtype, as_tensor);
      const Gradients clean = poisoned(s);
      for (const index_t j : {index_t{0}, index_t{63}, index_t{64}, index_t{100}, index_t{138}}) {
        const Rows rows = rows_of_group(j, j + kBack), keys = rows_at(1, j - kBack, j + kBack);
        GradSpec dirty = s;
        dirty.k[size(s.k_grid().logical(1, 1, j) + 4)] = kNan;
        expect_reached(s, poisoned(dirty), clean, {rows, keys, keys}, "k through the forward");
        dirty.saved = clean.forward;
        expect_reached(s, poisoned(dirty), clean, {rows, rows_at(1, j, j), rows_at(1, j, j)}, "k");
        dirty = s;
        dirty.v[size(s.v_grid().logical(1, 1, j) + 3)] = kNan;
        expect_reached(s, poisoned(dirty), clean, {rows, keys, nowhere()}, "v through the forward");
        dirty.saved = clean.forward;
        expect_reached(s, poisoned(dirty), clean, {rows, rows_at(1, j, j), nowhere()}, "v");
      }
    }
  }
}

}  // namespace
}  // namespace metamorphic

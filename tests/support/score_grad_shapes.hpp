// The gradient in any type, layout and mode, and the problems that its metamorphic tests vary.
#pragma once

#include "support/score_grad_metamorphic.hpp"

namespace metamorphic {

namespace grad {

template <class Run>
Gradients in_type(DType dtype, const Run& run) {
  if (dtype == DType::f32) return run(float{});
  if (dtype == DType::f16) return run(glint::half{});
  return run(glint::bfloat16{});
}

template <int mode, class Run>
Gradients in_mode(int wanted, const Run& run) {
  if constexpr (mode < 8) {
    if (wanted > mode) return in_mode<mode + 1>(wanted, run);
  }
  return run(std::integral_constant<glint::SparseMode, static_cast<glint::SparseMode>(mode)>{});
}

// Every mode in layouts BNSD and TND, in the others modes 0 and 3: each pair costs time to compile.
template <class Element>
Gradients in_layout(const GradSpec& s, const TestExecutor& executor) {
  const auto in = [&](auto tag) {
    return [&](auto mode) { return differentiate_as<Element, decltype(tag), decltype(mode)::value>(s, executor); };
  };
  const auto in_few = [&](auto tag) {
    EXPECT_TRUE(s.sparse_mode == 0 || s.sparse_mode == 3);
    constexpr std::integral_constant<glint::SparseMode, glint::SparseMode::default_mask> kDefault;
    constexpr std::integral_constant<glint::SparseMode, glint::SparseMode::right_down_causal> kCausal;
    return s.sparse_mode == 0 ? in(tag)(kDefault) : in(tag)(kCausal);
  };
  if (s.layout == "BSH") return in_few(glint::layout::BSH{});
  if (s.layout == "BSND") return in_few(glint::layout::BSND{});
  if (s.layout == "SBH") return in_few(glint::layout::SBH{});
  if (s.layout == "TND") return in_mode<0>(s.sparse_mode, in(glint::layout::TND{}));
  return in_mode<0>(s.sparse_mode, in(glint::layout::BNSD{}));
}

}  // namespace grad

inline Gradients differentiate(const GradSpec& s, const TestExecutor& executor = TestExecutor()) {
  return grad::in_type(s.dtype, [&](auto element) { return grad::in_layout<decltype(element)>(s, executor); });
}

// Several query tiles, several key tiles, a tail in each, GQA; with 16-bit numbers as the CPU multiplies them in pairs.
inline GradSpec grad_tiles(DType dtype = DType::f32) {
  GradSpec s;
  s.dtype = dtype;
  s.batch = 2, s.heads = 4, s.kv_heads = 2, s.q_len = 71, s.kv_len = 139;
  s.dim = 20, s.value_dim = 13;
  if (dtype == DType::bf16) s.dim = 32, s.value_dim = 64;  // whole vectors of pairs
  s.draw();
  return s;
}
inline GradSpec grad_square(DType dtype = DType::f32) {
  GradSpec s = grad_tiles(dtype);
  s.q_len = s.kv_len = 139;
  return s.draw();
}

inline void add_bias(GradSpec& s, index_t batch, index_t heads, index_t rows, int type) {
  s.pse_shape = {batch, heads, rows, s.kv_len}, s.pse_type = type;
  s.pse = gaussian(batch * heads * rows * s.kv_len, s.dtype, 9);
}
inline void add_dropout(GradSpec& s, double keep_prob, unsigned seed = 5) {
  s.keep_prob = keep_prob;
  s.keep_bits.resize(size((s.scores() + 7) / 8));
  std::mt19937 random(seed);
  for (std::uint8_t& byte : s.keep_bits) byte = static_cast<std::uint8_t>(random());
}
inline void add_sink(GradSpec& s) { s.sink = gaussian(s.heads, DType::f32, 77); }

// Everything at once, with rows that see nothing.
inline GradSpec grad_everything(DType dtype) {
  GradSpec s = grad_tiles(dtype);
  s.q_len = 150, s.kv_len = 200;
  s.draw(81);
  s.mask = {1, 1, std::vector<std::uint8_t>(size(s.q_len * s.kv_len))};
  for (std::size_t i = 0; i < s.mask.drop.size(); ++i)
    s.mask.drop[i] = i % 7 == 0 || static_cast<index_t>(i) / s.kv_len == 70;
  s.sparse_mode = 1;
  add_bias(s, 1, 4, s.q_len, 0), add_dropout(s, 0.75), add_sink(s);
  return s;
}

// Within what roundings cost: a share of the largest number.
inline void expect_close(const std::vector<float>& got, const std::vector<float>& want, DType dtype,
                         const std::string& what) {
  const float unit = dtype == DType::f32 ? 0x1p-18F : dtype == DType::f16 ? 0x1p-9F : 0x1p-5F;
  const float bound = unit * largest(want);
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_LE(std::abs(got[i] - want[i]), bound) << what << " element " << i << ": " << got[i] << " and " << want[i];
}
inline void expect_close(const Gradients& got, const Gradients& want, DType dtype, const std::string& what) {
  expect_close(got.q, want.q, dtype, what + " dq");
  expect_close(got.k, want.k, dtype, what + " dk");
  expect_close(got.v, want.v, dtype, what + " dv");
  expect_close(got.pse, want.pse, dtype, what + " dpse");
  expect_close(got.sink, want.sink, dtype, what + " dsink");
}

// Batch entries, heads or rows change places: the gradient of what moved moves along.
inline Gradients rearranged(const Gradients& g, const GradSpec& s, const Shuffle& queries, const Shuffle& keys) {
  return {rearranged(g.q, s.q_grid(), queries),
          rearranged(g.k, s.k_grid(), keys),
          rearranged(g.v, s.v_grid(), keys),
          {},
          {},
          {}};
}
inline void rearrange(GradSpec& s, const Shuffle& queries, const Shuffle& keys) {
  s.q = rearranged(s.q, s.q_grid(), queries), s.d_out = rearranged(s.d_out, s.out_grid(), queries);
  s.k = rearranged(s.k, s.k_grid(), keys), s.v = rearranged(s.v, s.v_grid(), keys);
}

}  // namespace metamorphic

// The benches' operands as a provider sees them.  The problem points into the operands, which have to outlive it; its
// workspace is the caller's business.  What the interface has no words for is a Failure with the code `unsupported`.
#pragma once

#include <optional>

#include "support/cached_inputs.hpp"
#include "support/gradient_inputs.hpp"
#include "tune/provider_host.hpp"

namespace bench {

namespace detail {

template <class Element>
inline constexpr std::uint32_t kProviderType = std::is_same_v<Element, float>         ? GLINT_F32
                                               : std::is_same_v<Element, glint::half> ? GLINT_F16
                                                                                      : GLINT_BF16;

template <class Element>
glint_tensor provider_tensor(const Element* data, const glint::Strides& to) {
  return {const_cast<Element*>(data), kProviderType<Element>, 0, to.batch, to.head, to.row};
}

inline glint_problem provider_shape(const Shape& s, float scale, int threads) {
  glint_problem p{};
  p.size = sizeof p;
  p.threads = threads;
  p.batch = s.batch;
  p.heads = s.heads;
  p.kv_heads = s.kv_head_count();
  p.q_len = s.q_len;
  p.kv_len = s.kv_len;
  p.head_dim = s.head_dim;
  p.value_dim = s.value_size();
  p.scale = scale;
  p.key_lo = -GLINT_OPEN;
  p.key_hi = GLINT_OPEN;
  return p;
}

// A bound that hides nothing is open.
inline void set_window(glint_problem& p, index_t lo, index_t hi) {
  p.key_lo = lo + p.q_len - 1 <= 0 ? -GLINT_OPEN : lo;
  p.key_hi = hi >= p.kv_len - 1 ? GLINT_OPEN : hi;
}

inline std::uint64_t provider_needs(const glint_problem& p) {
  const std::uint32_t type = p.q.dtype;
  std::uint64_t needs = 0;
  if (p.kv_heads != p.heads) needs |= GLINT_NEEDS_GROUPS;
  if (p.value_dim != p.head_dim) needs |= GLINT_NEEDS_VALUE_DIM;
  if (p.key_lo != -GLINT_OPEN || p.key_hi != GLINT_OPEN) needs |= GLINT_NEEDS_WINDOW;
  if (p.mask != nullptr) needs |= GLINT_NEEDS_MASK;
  if (p.kv_lens != nullptr) needs |= GLINT_NEEDS_LENGTHS;
  if (p.block_table != nullptr) needs |= GLINT_NEEDS_PAGES;
  if (p.op != GLINT_BACKWARD && p.softmax_max != nullptr) needs |= GLINT_NEEDS_STATISTICS;
  if (p.k.dtype != type || p.v.dtype != type || p.out.dtype != type) needs |= GLINT_NEEDS_DTYPES;
  return needs;
}

// What the interface has no words for; null: nothing.
template <class Element, class Out>
const char* beyond_provider(const Inputs<Element, Out>& in) {
  using Operands = Inputs<Element, Out>;
  const Workload& w = in.workload;
  if (Operands::kInt8 || Operands::kPostQuant) return "integers";
  if (w.layout == Layout::TND) return "TND, batches of several lengths";
  if (w.bias != BiasTensor::none) return "a bias";
  if (w.sink) return "a sink";
  if (w.keep_prob < 1) return "dropout";
  if (w.stairs().prefix > 0) return "a prefix that all rows see";
  return nullptr;
}

inline std::nullopt_t unsupported(const char* what, Failure& failure) {
  failure = {"unsupported", std::string("the interface of providers has no ") + what};
  return std::nullopt;
}

}  // namespace detail

template <class Element, class Out>
std::optional<glint_problem> provider_problem(const Inputs<Element, Out>& in, int threads, Failure& failure) {
  if (const char* const what = detail::beyond_provider(in)) return detail::unsupported(what, failure);
  const Workload& w = in.workload;
  const Shape& s = w.shape;
  const auto to = [&](index_t heads, index_t rows, index_t dim) {
    return glint::layout::strides(w.layout, {s.batch, heads, rows, dim});
  };
  glint_problem p = detail::provider_shape(s, in.scale, threads);
  p.op = GLINT_FORWARD;
  p.q = detail::provider_tensor(in.q.data(), to(s.heads, s.q_len, s.head_dim));
  p.k = detail::provider_tensor(in.k.data(), to(p.kv_heads, s.kv_len, s.head_dim));
  p.v = detail::provider_tensor(in.v.data(), to(p.kv_heads, s.kv_len, p.value_dim));
  p.out = detail::provider_tensor(in.out.data(), to(s.heads, s.q_len, p.value_dim));
  const glint::mask::Staircase stairs = w.stairs();
  detail::set_window(p, stairs.lo, stairs.hi);
  p.mask = in.drop.data();
  p.mask_row_stride = w.dense_mask ? s.kv_len : 0;
  p.needs = detail::provider_needs(p);
  return p;
}

template <class Element>
std::optional<glint_problem> provider_problem(const GradientInputs<Element>& in, int threads, Failure& failure) {
  if (in.forward.workload.bias_gradient) return detail::unsupported("a bias", failure);
  std::optional<glint_problem> p = provider_problem(in.forward, threads, failure);
  if (!p) return p;
  const auto like = [](const glint_tensor& tensor, Element* data) {
    glint_tensor gradient = tensor;
    gradient.data = data;
    return gradient;
  };
  p->op = GLINT_BACKWARD;
  p->d_out = like(p->out, in.d_out.data());
  p->d_q = like(p->q, in.d_q.data());
  p->d_k = like(p->k, in.d_k.data());
  p->d_v = like(p->v, in.d_v.data());
  p->softmax_max = in.max.data();
  p->softmax_sum = in.sum.data();
  p->needs = detail::provider_needs(*p);
  return p;
}

template <class Element, class Kv>
std::optional<glint_problem> provider_problem(const CachedInputs<Element, Kv>& in, index_t layer, int threads,
                                              Failure& failure) {
  using Operands = CachedInputs<Element, Kv>;
  static_assert(std::is_same_v<index_t, std::int64_t>, "lengths are passed as they are");
  const CachedWorkload& w = in.workload;
  const Shape& s = w.shape;
  if constexpr (Operands::kIntegers) return detail::unsupported("integers", failure);
  if constexpr (is_left_padded<Kv>) return detail::unsupported("left padding", failure);
  const auto rows_of_queries = [&](index_t dim) {
    return glint::layout::strides(w.layout, {s.batch, s.heads, s.q_len, dim});
  };
  glint_problem p = detail::provider_shape(s, in.scale, threads);
  p.op = GLINT_DECODE;
  p.q = detail::provider_tensor(in.q_of(layer), rows_of_queries(s.head_dim));
  p.k = detail::provider_tensor(in.k(layer), in.strides(s.head_dim));
  p.v = detail::provider_tensor(in.v(layer), in.strides(w.v_in_k ? s.head_dim : p.value_dim));
  p.out = detail::provider_tensor(in.out_of(layer), rows_of_queries(p.value_dim));
  if (w.draft == glint::DraftMask::causal) detail::set_window(p, -GLINT_OPEN, s.kv_len - s.q_len);
  if (!w.kv_lens.empty()) p.kv_lens = w.kv_lens.data();
  if constexpr (is_paged<Kv>) {
    p.block_table = in.block_table.data();
    p.blocks_per_entry = in.max_blocks;
    p.block_size = w.block_size;
  }
  p.needs = detail::provider_needs(p);
  return p;
}

}  // namespace bench

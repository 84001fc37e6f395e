// A workload in memory: random operands, and the typed problem or the run-time call that points at them.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "glint/glint.hpp"
#include "support/buffer.hpp"
#include "support/workload.hpp"

namespace bench {

template <class Element>
struct Inputs {
  Workload workload;
  Shape shape;  // as the operator wants it: in TND the rows of all sequences
  float scale;
  Buffer<Element> q, k, v, out, bias;
  Buffer<std::uint8_t> drop;
  std::vector<index_t> q_ends{}, kv_ends{}, prefix{};

  explicit Inputs(const Workload& w)
      : workload(w), shape(w.shape), scale(1 / std::sqrt(static_cast<float>(w.shape.head_dim))) {
    const Shape& s = w.shape;
    const index_t q_rows = s.batch * s.heads * s.q_len, kv_rows = s.batch * s.kv_head_count() * s.kv_len;
    q = random_normal<Element>(q_rows * s.head_dim, 1);
    k = random_normal<Element>(kv_rows * s.head_dim, 2);
    v = random_normal<Element>(kv_rows * s.value_size(), 3);
    // Not a number until the kernel has written it.
    const Element nan = glint::from_float<Element>(std::numeric_limits<float>::quiet_NaN());
    out = Buffer<Element>(q_rows * s.value_size(), nan);
    if (w.dense_mask) drop = random_drops(s.q_len * s.kv_len);
    if (w.bias != BiasTensor::none) bias = random_normal<Element>(bias_matrices() * s.q_len * s.kv_len, 4);
    if (w.mode == SparseMode::prefix_compressed) prefix.assign(static_cast<std::size_t>(s.batch), w.prefix);
    if (w.layout != Layout::TND) return;
    for (index_t b = 1; b <= s.batch; ++b) q_ends.push_back(b * s.q_len), kv_ends.push_back(b * s.kv_len);
    shape.q_len *= s.batch;
    shape.kv_len *= s.batch;
  }

  index_t bias_matrices() const {
    return workload.bias == BiasTensor::for_each_head ? workload.shape.batch * workload.shape.heads : 1;
  }
  glint::PseTensor pse() const {
    if (workload.bias == BiasTensor::none) return {};
    const bool each = workload.bias == BiasTensor::for_each_head;
    return {bias.data(), glint::dtype_of<Element>, each ? shape.batch : 1, each ? shape.heads : 1, shape.q_len,
            shape.kv_len};
  }
  // What must be read and written at least once.
  double bytes() const {
    return static_cast<double>(q.bytes() + k.bytes() + v.bytes() + out.bytes() + bias.bytes() + drop.bytes());
  }
  // Of all heads: what the mask shows.
  double useful_pairs() const {
    const Workload& w = workload;
    if (!w.dense_mask) return w.heads() * visible_pairs(w.stairs(), w.shape.q_len);
    return w.heads() * static_cast<double>(std::count(drop.begin(), drop.end(), std::uint8_t{0}));
  }
};

// For a typed functor.
template <class Problem, class Element>
Problem problem_of(const Inputs<Element>& in) {
  Problem p{.q = in.q.data(), .out = in.out.data(), .shape = in.shape, .scale = in.scale};
  if constexpr (requires { p.kv; }) {
    p.kv = {.k = in.k.data(), .v = in.v.data()};
  } else {
    p.k = in.k.data(), p.v = in.v.data();
  }
  p.pre_tokens = in.workload.tokens.pre;
  p.next_tokens = in.workload.tokens.next;
  if (in.workload.dense_mask) p.attn_mask = {in.drop.data(), 1, 1, in.shape.q_len, in.shape.kv_len};
  if constexpr (requires { p.pse_shift; }) {
    p.pse_shift = in.pse();
  } else {
    p.pse = in.pse();
    if (p.pse) p.pse_type = 0;  // added after the scale, as the other operator does
    p.q_ends = in.q_ends;
    p.kv_ends = in.kv_ends;
    p.prefix = in.prefix;
  }
  return p;
}

inline glint::Extents extents(Layout layout, index_t batch, index_t heads, index_t rows, index_t dim) {
  switch (layout) {
    case Layout::BSH: return {batch, rows, heads * dim};
    case Layout::SBH: return {rows, batch, heads * dim};
    case Layout::BNSD: return {batch, heads, rows, dim};
    case Layout::BSND: return {batch, rows, heads, dim};
    case Layout::TND: break;
  }
  return {rows, heads, dim};  // of all sequences
}

inline const char* name(Layout layout) {
  for (const auto& known : glint::dispatch::kLayouts)
    if (known.layout == layout) return known.name;
  return "";
}

// What the run-time calls have in common.
template <class Call, class Element>
Call call_with_tensors(const Inputs<Element>& in) {
  const Shape& s = in.shape;
  const Layout layout = in.workload.layout;
  const glint::DType type = glint::dtype_of<Element>;
  Call c;
  c.query = {in.q.data(), type, extents(layout, s.batch, s.heads, s.q_len, s.head_dim)};
  c.key = {in.k.data(), type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.head_dim)};
  c.value = {in.v.data(), type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.value_size())};
  c.attention_out = {in.out.data(), type, extents(layout, s.batch, s.heads, s.q_len, s.value_size())};
  c.input_layout = name(layout);
  c.scale_value = in.scale;
  c.sparse_mode = static_cast<int>(in.workload.mode);
  c.pre_tokens = in.workload.tokens.pre;
  c.next_tokens = in.workload.tokens.next;
  c.attn_mask_compressed = !glint::reads_mask_tensor(in.workload.mode);
  if (in.workload.dense_mask) c.attn_mask = {in.drop.data(), glint::DType::u8, {s.q_len, s.kv_len}};
  return c;
}

template <class Element>
glint::FlashAttentionScoreCall score_call(const Inputs<Element>& in) {
  auto c = call_with_tensors<glint::FlashAttentionScoreCall>(in);
  c.head_num = in.shape.heads;
  c.prefix = in.prefix;
  c.actual_seq_qlen = in.q_ends;
  c.actual_seq_kvlen = in.kv_ends;
  if (const glint::PseTensor pse = in.pse()) {
    c.real_shift = {pse.data, pse.dtype, {pse.batch, pse.heads, pse.rows, pse.columns}};
    c.pse_type = 0;
  }
  return c;
}

template <class Element>
glint::PromptFlashAttentionCall prompt_call(const Inputs<Element>& in) {
  auto c = call_with_tensors<glint::PromptFlashAttentionCall>(in);
  c.num_heads = in.shape.heads;
  c.num_key_value_heads = in.shape.kv_heads;
  return c;
}

}  // namespace bench

// A workload in memory: random operands, and the typed problem or the run-time call that points at them.
#pragma once

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "glint/glint.hpp"
#include "support/buffer.hpp"
#include "support/workload.hpp"

namespace bench {

// Of bias, sink and an output that is not quantized.
template <class Element>
using number_t = std::conditional_t<std::is_same_v<Element, std::int8_t>, glint::half, Element>;

// Of an output of int8: its numbers are small where a row sees many keys.
inline constexpr float kOutputScale = 500;

// Of queries, keys and values of int8: what kSteps means for their products.
inline constexpr float kQuant1 = 127;
inline constexpr glint::Int8Scales kInt8Scales{.dequant1 = 1 / (kSteps<std::int8_t> * kSteps<std::int8_t>),
                                               .quant1 = kQuant1,
                                               .dequant2 = 1 / (kSteps<std::int8_t> * kQuant1)};

// Not a number until a kernel has written it; of integers, one that the check tells from an answer.
template <class Item>
Item unwritten() {
  if constexpr (std::is_same_v<Item, std::int8_t>) {
    return -128;
  } else {
    return glint::from_float<Item>(std::numeric_limits<float>::quiet_NaN());
  }
}

// Out: of the output.
template <class Element, class Out = number_t<Element>>
struct Inputs {
  using Number = number_t<Element>;
  static constexpr bool kInt8 = std::is_same_v<Element, std::int8_t>, kPostQuant = std::is_same_v<Out, std::int8_t>;

  Workload workload;
  Shape shape;  // as the operator wants it: in TND the rows of all sequences
  float scale;
  Buffer<Element> q, k, v;
  Buffer<Out> out;
  Buffer<Number> bias, sink;
  Buffer<std::uint8_t> drop, kept;  // bytes of the mask tensor; bits of dropout
  std::vector<index_t> q_ends{}, kv_ends{}, prefix{};

  explicit Inputs(const Workload& w)
      : workload(w), shape(w.shape), scale(1 / std::sqrt(static_cast<float>(w.shape.head_dim))) {
    const Shape& s = w.shape;
    const index_t q_rows = w.rows_before(s.batch, s.q_len), kv_rows = w.rows_before(s.batch, s.kv_len);
    q = random_normal<Element>(q_rows * s.heads * s.head_dim, 1);
    k = random_normal<Element>(kv_rows * s.kv_head_count() * s.head_dim, 2);
    v = random_normal<Element>(kv_rows * s.kv_head_count() * s.value_size(), 3);
    out = Buffer<Out>(q_rows * s.heads * s.value_size(), unwritten<Out>());
    if (w.dense_mask) drop = random_drops(s.q_len * s.kv_len);
    if (w.bias != BiasTensor::none) bias = random_normal<Number>(bias_matrices() * s.q_len * s.kv_len, 4);
    if (w.keep_prob < 1) kept = random_keeps(s.batch * s.heads * s.q_len * s.kv_len, w.keep_prob);
    if (w.sink) sink = random_normal<Number>(s.heads, 5);
    if (w.mode == SparseMode::prefix_compressed) prefix.assign(static_cast<std::size_t>(s.batch), w.prefix);
    if (w.layout != Layout::TND) return;
    for (index_t b = 1; b <= s.batch; ++b) {
      q_ends.push_back(w.rows_before(b, s.q_len));
      kv_ends.push_back(w.rows_before(b, s.kv_len));
    }
    shape.q_len = q_rows;
    shape.kv_len = kv_rows;
  }

  index_t bias_matrices() const {
    return workload.bias == BiasTensor::for_each_head ? workload.shape.batch * workload.shape.heads : 1;
  }
  glint::PseTensor pse() const {
    if (workload.bias == BiasTensor::none) return {};
    const bool each = workload.bias == BiasTensor::for_each_head;
    return {bias.data(), glint::dtype_of<Number>, each ? shape.batch : 1, each ? shape.heads : 1, shape.q_len,
            shape.kv_len};
  }
  std::span<const std::uint8_t> keep_bits() const { return {kept.data(), kept.bytes()}; }
  // What must be read and written at least once.
  double bytes() const {
    return static_cast<double>(q.bytes() + k.bytes() + v.bytes() + out.bytes() + bias.bytes() + drop.bytes() +
                               kept.bytes());
  }
  // Of all heads: what the mask shows.
  double useful_pairs() const {
    const Workload& w = workload;
    if (!w.dense_mask) return visible_pairs(w);
    return w.heads() * static_cast<double>(std::count(drop.begin(), drop.end(), std::uint8_t{0}));
  }
  double useful_flops() const { return workload.flops_of_a_pair() * useful_pairs(); }
  // Where scores are dropped one by one, no tile is empty: all have to be calculated.  0: as useful_flops.
  double scored_flops() const {
    return workload.dense_mask ? workload.flops_of_a_pair() * workload.heads() * workload.all_pairs() : 0;
  }
};

// For a typed functor.
template <class Problem, class Element, class Out>
Problem problem_of(const Inputs<Element, Out>& in) {
  using Operands = Inputs<Element, Out>;
  Problem p{.q = in.q.data(), .shape = in.shape, .scale = in.scale};
  p.pre_tokens = in.workload.tokens.pre;
  p.next_tokens = in.workload.tokens.next;
  if (in.workload.dense_mask) p.attn_mask = {in.drop.data(), 1, 1, in.shape.q_len, in.shape.kv_len};
  if constexpr (requires { p.kv; }) {
    p.kv = {.k = in.k.data(), .v = in.v.data()};
    p.q_lens = in.q_ends;
    p.kv_lens = in.kv_ends;
    p.pse_shift = in.pse();
    p.learnable_sink = in.sink.data();
    if constexpr (Operands::kInt8) p.int8 = kInt8Scales;
    if constexpr (Operands::kPostQuant) {
      p.out_int8 = in.out.data();
      p.post_quant = {.scale = &kOutputScale};
    }
  } else {
    p.k = in.k.data(), p.v = in.v.data();
    p.pse = in.pse();
    if (p.pse) p.pse_type = 0;  // added after the scale, as the other operator does
    p.dropout = {.keep_prob = in.workload.keep_prob, .mask = in.keep_bits()};
    p.q_ends = in.q_ends;
    p.kv_ends = in.kv_ends;
    p.prefix = in.prefix;
  }
  if constexpr (!Operands::kPostQuant) p.out = in.out.data();
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
template <class Call, class Element, class Out>
Call call_with_tensors(const Inputs<Element, Out>& in) {
  const Shape& s = in.shape;
  const Layout layout = in.workload.layout;
  const glint::DType type = glint::dtype_of<Element>;
  Call c;
  c.query = {in.q.data(), type, extents(layout, s.batch, s.heads, s.q_len, s.head_dim)};
  c.key = {in.k.data(), type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.head_dim)};
  c.value = {in.v.data(), type, extents(layout, s.batch, s.kv_head_count(), s.kv_len, s.value_size())};
  c.attention_out = {in.out.data(), glint::dtype_of<Out>, extents(layout, s.batch, s.heads, s.q_len, s.value_size())};
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
  c.keep_prob = in.workload.keep_prob;
  if (c.keep_prob < 1) c.drop_mask = {in.kept.data(), glint::DType::u8, {in.kept.count()}};
  if (const glint::PseTensor pse = in.pse()) {
    c.real_shift = {pse.data, pse.dtype, {pse.batch, pse.heads, pse.rows, pse.columns}};
    c.pse_type = 0;
  }
  return c;
}

template <class Element, class Out>
glint::PromptFlashAttentionCall prompt_call(const Inputs<Element, Out>& in) {
  auto c = call_with_tensors<glint::PromptFlashAttentionCall>(in);
  c.num_heads = in.shape.heads;
  c.num_key_value_heads = in.shape.kv_heads;
  c.actual_seq_lengths = in.q_ends;
  c.actual_seq_lengths_kv = in.kv_ends;
  const auto one = [](const float& value) -> glint::TensorRef { return {&value, glint::DType::f32, {1}}; };
  if (in.kInt8) {
    c.deq_scale1 = one(*kInt8Scales.dequant1);
    c.quant_scale1 = one(*kInt8Scales.quant1);
    c.deq_scale2 = one(*kInt8Scales.dequant2);
  }
  if (in.kPostQuant) c.quant_scale2 = one(kOutputScale);
  if (in.sink.data() != nullptr)
    c.learnable_sink = {in.sink.data(), glint::dtype_of<number_t<Element>>, {in.shape.heads}};
  return c;
}

}  // namespace bench

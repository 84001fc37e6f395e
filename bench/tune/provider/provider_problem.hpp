// A problem of the operators as a provider sees it.  It points where the operator's problem points; workspace is the
// caller's business.  What is never measured with providers is a Complaint with the code `unsupported`.
#pragma once

#include <optional>

#include "glint/ops/incre_flash_attention.hpp"
#include "glint/ops/prompt_flash_attention.hpp"
#include "glint/ops/score_grad_problem.hpp"
#include "tune/provider/provider_host.hpp"
#include "tune/provider/provider_needs.hpp"

namespace bench::tune {

namespace detail {

using glint::DType, glint::index_t, glint::Layout, glint::SparseMode;

inline constexpr std::uint32_t provider_type(DType type) {
  return type == DType::f16 ? GLINT_F16 : type == DType::bf16 ? GLINT_BF16 : GLINT_F32;
}
inline bool is_float_type(DType type) { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

inline glint_tensor provider_tensor(const void* data, DType type, const glint::Strides& to) {
  return {const_cast<void*>(data), provider_type(type), 0, to.batch, to.head, to.row};
}

inline glint_problem provider_shape(const glint::Shape& s, float scale, int threads) {
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
  return p;
}

// A bound that hides nothing is open.
inline void set_window(glint_problem& p, const glint::mask::Staircase& stairs) {
  p.key_lo = stairs.lo + p.q_len - 1 <= 0 ? -GLINT_OPEN : stairs.lo;
  p.key_hi = stairs.hi >= p.kv_len - 1 ? GLINT_OPEN : stairs.hi;
}

inline void set_mask(glint_problem& p, const glint::MaskTensor& m) {
  p.mask = m.data;
  if (!m) return;
  p.mask_batch_stride = m.batch == 1 ? 0 : m.heads * m.rows * m.columns;
  p.mask_head_stride = m.heads == 1 ? 0 : m.rows * m.columns;
  p.mask_row_stride = m.rows == 1 ? 0 : m.columns;
}

inline bool is_empty(const glint::Shape& s) {
  return s.batch < 1 || s.heads < 1 || s.q_len < 1 || s.kv_len < 1 || s.head_dim < 1 || s.value_size() < 1;
}

// What is never measured with providers; null: nothing.
template <class Element>
const char* beyond_provider(const glint::ScoreProblem<Element>& p, Layout layout) {
  if (is_empty(p.shape)) return "empty tensors";
  if (layout == Layout::TND) return "batches of several lengths (TND)";
  if (p.pse || p.slopes) return "bias";
  if (p.sink != nullptr) return "sink";
  if (p.dropout.keep_prob < 1) return "dropout";
  if (p.attn_mask && size_of(p.attn_mask.dtype) != 1) return "mask of floating-point numbers";
  if (p.lse != nullptr || p.stats_repeat != 1) return "statistics but one maximum and one sum for each row";
  return nullptr;
}

inline const char* beyond_provider(const glint::detail::InferenceProblem& p) {
  using glint::detail::CacheKind;
  if (!is_float_type(p.q_type) || !is_float_type(p.cache_type) || p.out_is_int8) return "integers";
  if (p.ragged() || !p.q_lens.empty()) return "queries of several lengths";
  if (p.kind == CacheKind::left_padded) return "left padding";
  if (p.kind == CacheKind::list) return "lists of caches";
  if (p.prefix_k.data != nullptr) return "shared prefix";
  if (p.rope_dim > 0) return "rope part";
  if (p.pse) return "bias";
  if (p.sink != nullptr) return "sink";
  if (p.draft == glint::DraftMask::tree) return "trees of drafts";
  if (p.mask && size_of(p.mask.dtype) != 1) return "mask of floating-point numbers";
  if (p.lse != nullptr) return "statistics but one maximum and one sum for each row";
  return nullptr;
}

inline std::nullopt_t unsupported(const char* what, Complaint& complaint) {
  complaint = {"unsupported", std::string("glint-tune gives providers no ") + what};
  return std::nullopt;
}

}  // namespace detail

template <class Element>
std::optional<glint_problem> provider_problem(const glint::ScoreProblem<Element>& in, glint::Layout layout,
                                              glint::SparseMode mode, int threads, Complaint& complaint) {
  if (const char* const what = detail::beyond_provider(in, layout)) return detail::unsupported(what, complaint);
  const glint::Shape& s = in.shape;
  const auto stairs = glint::detail::masks(in, layout, mode).stairs({0, 0, s.q_len, s.kv_len});
  if (stairs.prefix > 0) return detail::unsupported("prefix that all rows see", complaint);
  constexpr glint::DType kType = glint::dtype_of<glint::storage_t<Element>>;
  const auto [q, k, v, out] = glint::detail::dims(in, layout);
  const auto tensor = [&](const Element* data, const glint::Strides& given, const glint::Dims& dims) {
    return detail::provider_tensor(data, kType, glint::detail::strides_or(given, layout, dims));
  };
  glint_problem p = detail::provider_shape(s, in.scale * in.q_scale, threads);
  p.op = GLINT_FORWARD;
  p.q = tensor(in.q, in.q_strides, q);
  p.k = tensor(in.k, in.k_strides, k);
  p.v = tensor(in.v, in.v_strides, v);
  p.out = tensor(in.out, in.out_strides, out);
  detail::set_window(p, stairs);
  detail::set_mask(p, in.attn_mask);
  p.softmax_max = in.softmax_max;
  p.softmax_sum = in.softmax_sum;
  p.needs = detail::provider_needs(p);
  return p;
}

template <class Element>
std::optional<glint_problem> provider_problem(const glint::ScoreGradProblem<Element>& in, glint::Layout layout,
                                              glint::SparseMode mode, int threads, Complaint& complaint) {
  if (in.d_pse != nullptr || in.d_sink != nullptr)
    return detail::unsupported("gradient of a bias or a sink", complaint);
  const glint::ScoreProblem<Element>& forward = in.forward;
  if (forward.softmax_max == nullptr || forward.softmax_sum == nullptr)
    return detail::unsupported("statistics but one maximum and one sum for each row", complaint);
  std::optional<glint_problem> p = provider_problem(forward, layout, mode, threads, complaint);
  if (!p) return p;
  constexpr glint::DType kType = glint::dtype_of<glint::storage_t<Element>>;
  const auto [q, k, v, out] = glint::detail::dims(forward, layout);
  const auto tensor = [&](const Element* data, const glint::Strides& given, const glint::Dims& dims) {
    return detail::provider_tensor(data, kType, glint::detail::strides_or(given, layout, dims));
  };
  p->op = GLINT_BACKWARD;
  p->d_out = tensor(in.d_out, in.d_out_strides, out);
  p->d_q = tensor(in.d_q, in.d_q_strides, q);
  p->d_k = tensor(in.d_k, in.d_k_strides, k);
  p->d_v = tensor(in.d_v, in.d_v_strides, v);
  p->needs = detail::provider_needs(*p);
  return p;
}

// op: GLINT_FORWARD for a prompt, GLINT_DECODE where the problem is IncreFlashAttention's.
inline std::optional<glint_problem> provider_problem(const glint::detail::InferenceProblem& in, glint_op op,
                                                     int threads, Complaint& complaint) {
  static_assert(std::is_same_v<glint::index_t, std::int64_t>, "lengths are passed as they are");
  if (const char* const what = detail::beyond_provider(in)) return detail::unsupported(what, complaint);
  glint::Shape s = in.shape;
  s.kv_len = in.longest();
  if (detail::is_empty(s)) return detail::unsupported("empty tensors", complaint);
  glint_problem p = detail::provider_shape(s, in.scale, threads);
  p.op = op;
  p.q = detail::provider_tensor(in.q, in.q_type, in.q_strides);
  p.k = detail::provider_tensor(in.k.data, in.cache_type, in.k.strides);
  p.v = detail::provider_tensor(in.v.data, in.cache_type, in.v.strides);
  p.out = detail::provider_tensor(in.out, in.q_type, in.out_strides);
  for (glint::index_t b = 0; b < s.batch; ++b)
    if (in.keys(b) != s.kv_len) p.kv_lens = in.kv_lens.data();
  glint::mask::Staircase stairs = glint::detail::masks(in).stairs({0, 0, s.q_len, s.kv_len});
  if (in.draft == glint::DraftMask::causal) stairs.hi = s.kv_len - s.q_len;
  detail::set_window(p, stairs);
  const bool from_the_left = in.mode == glint::SparseMode::default_mask || in.mode == glint::SparseMode::left_up_causal;
  if (from_the_left && in.draft == glint::DraftMask::none && p.kv_lens != nullptr &&
      (p.key_lo != -GLINT_OPEN || p.key_hi != GLINT_OPEN))
    return detail::unsupported("window from the first key of entries of several lengths", complaint);
  detail::set_mask(p, in.mask);
  p.block_table = in.block_table;
  p.blocks_per_entry = in.max_blocks;
  p.block_size = in.block_size;
  p.needs = detail::provider_needs(p);
  return p;
}

}  // namespace bench::tune

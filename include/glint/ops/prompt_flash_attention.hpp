// PromptFlashAttention: prefill, all rows of a prompt, or of a chunk of it, against its keys.
//
//   out = softmax(mask(scale * (q k^T) + pse_shift)) v
//
// Source: PromptFlashAttention (seed 002) with sections 1.5, 2, 3, 4 and 5 of the operator contract.  Layouts BSH,
// BNSD, BSND and TND, and BNSD in with BSND out.  Rows without a query are set to zero; keys at and behind kv_lens[b]
// are never read.  K and V may lie in any cache that incre_flash_attention reads; queries of int8 multiply keys of int8
// as integers (operators 4.1), in blocks of Recipe::tile<std::int8_t>::columns keys.
#pragma once

#include "glint/ops/attention.hpp"
#include "glint/ops/cache_plan.hpp"
#include "glint/ops/prompt_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

inline Products prompt_products(const InferenceProblem& p) {
  const bool bf16 = p.q_type == DType::bf16 && p.cache_type == DType::bf16;
  const bool pairs = p.inner_precise % 2 == 1 && bf16 && p.rope_dim == 0;  // pairs know no second part
  return pairs ? Products::pairs : Products::singles;
}

inline AttentionOptions options(const InferenceProblem& p) {
  const Shape& s = p.shape;
  AttentionOptions o;
  o.q = {p.q, p.q_type, p.q_strides, s.head_dim};
  o.q_rope = {p.q_rope, p.q_type, p.q_rope_strides, p.rope_dim};
  o.out = {p.out, p.out_is_int8 ? DType::i8 : p.number_type(), p.out_strides, s.value_size()};
  o.shape = s;
  o.layout = p.layout;
  o.q_rows = p.q_rows();
  o.q_padding = p.q_padding;
  o.scale = p.scale;
  o.products = prompt_products(p);
  if (p.q_type == DType::i8) {
    o.scale = rounded_to_half(p.scale);
    o.int8 = {cut_to_19_bits(p.int8.dequant1.value_or(1)), rounded_to_half(p.int8.quant1.value_or(1)),
              cut_to_19_bits(p.int8.dequant2.value_or(1))};
  }
  o.pse = p.pse;
  o.sink = p.sink;
  o.sink_type = p.number_type();
  o.post_quant = p.post_quant;
  o.lse = p.lse;
  o.empty_lse = p.empty_lse;
  return o;
}

inline StaircaseAndDenseOf masks(const InferenceProblem& p) {
  StaircaseAndDenseOf masks;
  masks.stairs.mode = p.mode;
  if (prompt_rules::tokens_act(p)) masks.stairs.tokens = p.tokens;
  const MaskTensor& m = p.mask;
  masks.dense = {m.data, m.batch == 1 ? 0 : m.rows * m.columns, 0, m.columns, size_of(m.dtype)};
  return masks;
}

// use(keys) with what the call's keys are.
template <class Use>
auto with_prompt_keys(const InferenceProblem& p, const Use& use) {
  if (p.q_type == DType::i8) return use(CacheKeys<std::int8_t, true>(p));
  return with_stored<void>(p, [&](auto stored) { return use(CacheKeys<decltype(stored)>(p)); });
}

}  // namespace detail

// The functor; see FlashAttentionScore for what its template arguments mean.  Kv: how the cache is stored, e.g.
// kv::Paged<std::int8_t>; see KvCache.
template <class LayoutTag, class Element, SparseMode mode = SparseMode::default_mask,
          class Kv = kv::Contiguous<Element>, class Recipe = recipe::Default>
struct PromptFlashAttention {
  static constexpr bool kInt8 = std::is_same_v<Element, std::int8_t>;
  static_assert(is_tensor_element<Element> || kInt8,
                "glint::PromptFlashAttention: the element type must be float, half, bfloat16 or std::int8_t");
  static_assert(kInt8 ? std::is_same_v<typename Kv::element, std::int8_t>
                      : is_cache_element<typename Kv::element, Element>,
                "glint::PromptFlashAttention: a cache holds the query's element type, std::int8_t or int4x2; under a "
                "float query also half or bfloat16, under std::int8_t only that");
  static_assert((mode == SparseMode::custom) != std::is_same_v<typename Recipe::masks, MaskFromMode>,
                "glint::PromptFlashAttention: SparseMode::custom and Recipe::masks belong together");
  using Problem = PromptProblem<Element, Kv>;
  using Keys = detail::CacheKeys<storage_t<typename Kv::element>, kInt8>;

  [[no_unique_address]] typename Recipe::masks masks{};
  [[no_unique_address]] typename Recipe::modifiers modifiers{};

  static Status check(const Problem& p) { return check_prompt(erase(p)); }

  // For these lengths: longer ones may need more.
  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    const detail::InferenceProblem erased = erase(p);
    return detail::prefill_workspace<Recipe>(detail::options(erased), Keys(erased), workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    const detail::InferenceProblem erased = erase(p);
    GLINT_PASS_ON(check_prompt(erased));
    return detail::run_in_mode<mode, Recipe>(detail::options(erased), Keys(erased), detail::masks(erased), masks,
                                             modifiers, executor, workspace);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }

 private:
  static detail::InferenceProblem erase(const Problem& p) {
    return detail::erase(p, LayoutTag::kind, layout::output_of<LayoutTag>, mode);
  }
};

}  // namespace GLINT_ABI
}  // namespace glint

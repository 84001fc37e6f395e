// IncreFlashAttention: decode, one or a few new query rows for each batch entry against its cache.
//
//   out = softmax(mask(scale * (q k^T) + pse_shift)) v
//
// Source: mindspore.ops.incre_flash_attention (seed 000) and npu_incre_flash_attention (seed 003); operator contract,
// sections 1.5, 3, 4.2, 4.3 and 5.  Layouts BSH, BNSD and BSND; what a cache may be: incre_problem.hpp.  All heads of a
// GQA group are taken together, so the cache is read once for all of them.
#pragma once

#include "glint/ops/attention.hpp"
#include "glint/ops/decode_plan.hpp"
#include "glint/ops/incre_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {

// The functor.  Kv: how the cache is stored, e.g. kv::Paged<std::int8_t>; see KvCache.
template <class LayoutTag, class Element, class Kv = kv::Contiguous<Element>, class Recipe = recipe::Default>
struct IncreFlashAttention {
  static_assert(is_tensor_element<Element>,
                "glint::IncreFlashAttention: the element type must be float, half or bfloat16");
  static_assert(is_cache_element<typename Kv::element, Element>,
                "glint::IncreFlashAttention: a cache holds the query's element type, std::int8_t or int4x2; under a "
                "float query also half or bfloat16");
  using Problem = IncreProblem<Element, Kv>;
  using Stored = storage_t<typename Kv::element>;

  static Status check(const Problem& p) { return check_incre(detail::erase(p, LayoutTag::kind)); }

  // For these lengths: longer ones may need more, where parts of a few long heads are shared out.
  static index_t workspace_bytes(const Problem& p, index_t workers = 1) {
    return detail::decode_workspace<Recipe, Stored>(detail::erase(p, LayoutTag::kind), workers);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor, std::span<std::byte> workspace) const {
    const detail::InferenceProblem erased = detail::erase(p, LayoutTag::kind);
    GLINT_PASS_ON(check_incre(erased));
    return detail::run_decode<Recipe, Stored>(erased, executor, workspace);
  }

  template <Executor Pool>
  Status operator()(const Problem& p, Pool&& executor) const {
    return detail::with_own_workspace(*this, p, executor);
  }
  Status operator()(const Problem& p) const { return (*this)(p, Serial{}); }
};

}  // namespace GLINT_ABI
}  // namespace glint

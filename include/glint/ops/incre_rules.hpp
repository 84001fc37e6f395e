// The rules of incre_flash_attention, for both doors (seeds 000 and 003; operators 1.5, 3, 4.2, 4.3, 5, 8 and 12). What
// is read through a pointer, factors and the block table, is read last.
#pragma once

#include "glint/ops/inference_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace incre_rules {

using cache_rules::Columns;
using detail::CacheKind, detail::InferenceProblem;

inline Status known_layout(Layout given) {
  GLINT_REQUIRE(given == Layout::BSH || given == Layout::BNSD || given == Layout::BSND, Code::layout_not_for_operator,
                "incre_flash_attention knows the layouts BSH, BNSD and BSND", given, Layout::BSH);
  return Status::ok();
}

inline Status attributes(const InferenceProblem& p) {
  GLINT_PASS_ON(inference_rules::types(p.q_type, p.cache_type));
  GLINT_PASS_ON(inference_rules::attributes(p));
  GLINT_REQUIRE(p.shape.q_len >= 1, Code::query_not_one_token, "incre_flash_attention takes at least one query row",
                p.shape.q_len, 1);
  GLINT_PASS_ON(known_layout(p.layout));
  GLINT_REQUIRE(p.inner_precise == 0 || p.inner_precise == 1, Code::inner_precise_range, "inner_precise must be 0 or 1",
                p.inner_precise, 1);
  return Status::ok();
}

inline Status mask(const InferenceProblem& p) {
  const MaskTensor& m = p.mask;
  if (!m) return Status::ok();
  GLINT_PASS_ON(rules::mask_dtype(m.dtype, rules::MaskTypes::decode));
  GLINT_REQUIRE(m.heads == 1, Code::mask_shape, "attn_mask must have 1 as its head axis", m.heads, 1);
  GLINT_PASS_ON(rules::mask_shape(m, p.shape, m.rows == 1 ? 1 : p.shape.q_len, Columns(p).want(m.columns), false));
  GLINT_REQUIRE(rules::countable({m.batch, m.rows, m.columns}), Code::extent_too_large,
                "attn_mask must have fewer than 2^59 bytes", m.columns, 1);
  return Status::ok();
}

// The documented device numbers (operators 5 and 8.2).
inline Status ascend(const InferenceProblem& p) {
  if (p.limits != Limits::ascend) return Status::ok();
  const index_t dim = p.shape.head_dim;
  GLINT_PASS_ON(inference_rules::ascend(p, inference_rules::kIncreMaxima));
  GLINT_REQUIRE(!p.pse || dim % 16 == 0, Code::limit_pse_head_dim,
                "ascend: with pse_shift the head size must be a multiple of 16", dim, 16);
  if (p.kind != CacheKind::paged) return Status::ok();
  const index_t rows = p.cache_type == DType::i4 ? 64 : p.cache_type == DType::i8 ? 32 : 16;
  return inference_rules::ascend_pages(p, rows,
                                       "ascend: block_size must be a multiple of 16, with int8 of 32, with int4 of 64");
}

}  // namespace incre_rules

inline Status check_incre(const detail::InferenceProblem& p) {
  GLINT_PASS_ON(incre_rules::attributes(p));
  GLINT_PASS_ON(cache_rules::cache(p, rules::LengthList::exact));
  GLINT_PASS_ON(incre_rules::mask(p));
  GLINT_PASS_ON(inference_rules::bias(p));
  GLINT_PASS_ON(cache_rules::draft(p));
  GLINT_PASS_ON(inference_rules::rope(p));
  GLINT_PASS_ON(quant_rules::antiquant(p));
  GLINT_PASS_ON(quant_rules::post_quant(p));
  GLINT_PASS_ON(incre_rules::ascend(p));
  GLINT_PASS_ON(inference_rules::memory(p));
  return inference_rules::contents(p);
}

}  // namespace GLINT_ABI
}  // namespace glint

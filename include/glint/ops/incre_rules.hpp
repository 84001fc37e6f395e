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
  const Shape& s = p.shape;
  GLINT_PASS_ON(inference_rules::types(p.q_type, p.cache_type));
  GLINT_PASS_ON(inference_rules::shape(s));
  GLINT_REQUIRE(s.q_len >= 1, Code::query_not_one_token, "incre_flash_attention takes at least one query row", s.q_len,
                1);
  GLINT_PASS_ON(rules::scale(static_cast<double>(p.scale)));
  GLINT_PASS_ON(known_layout(p.layout));
  for (const index_t dim : {s.head_dim, s.value_size()})
    GLINT_REQUIRE(p.cache_type != DType::i4 || dim % 2 == 0, Code::int4_head_dim_odd,
                  "head sizes of an int4 cache must be even: two numbers share a byte", dim, dim + 1);
  GLINT_REQUIRE(p.inner_precise == 0 || p.inner_precise == 1, Code::inner_precise_range, "inner_precise must be 0 or 1",
                p.inner_precise, 1);
  GLINT_REQUIRE(!p.two_outs, Code::two_outputs, "pass out or out_int8, not both", 2, 1);
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
inline Status ascend_pages(const InferenceProblem& p) {
  const index_t multiple = p.cache_type == DType::i4 ? 64 : p.cache_type == DType::i8 ? 32 : 16;
  GLINT_REQUIRE(p.block_size % multiple == 0, Code::limit_block_size,
                "ascend: block_size must be a multiple of 16, with int8 of 32, with int4 of 64", p.block_size,
                multiple);
  GLINT_REQUIRE(p.block_size <= 512, Code::limit_block_size, "ascend: block_size must not exceed 512", p.block_size,
                512);
  GLINT_REQUIRE(p.max_blocks <= 16384, Code::limit_block_columns, "ascend: block_table has at most 16384 columns",
                p.max_blocks, 16384);
  const index_t width = p.shape.kv_head_count() * (std::max)(p.shape.head_dim, p.shape.value_size());
  GLINT_REQUIRE(p.pages == PageLayout::head_major || width <= 65535, Code::limit_page_width,
                "ascend: a row of a page (all heads of a token) must not exceed 65535 numbers", width, 65535);
  GLINT_REQUIRE(p.pages == PageLayout::token_major || p.layout == Layout::BNSD, Code::limit_combination,
                "ascend: pages (blocks, N2, block_size, D) need layout BNSD", p.layout, Layout::BNSD);
  const index_t rows = p.max_blocks * p.block_size;
  GLINT_REQUIRE(!p.mask || p.mask.columns >= rows, Code::limit_mask_columns,
                "ascend: attn_mask must have a column for every row that block_table names", p.mask.columns, rows);
  GLINT_REQUIRE(!p.pse || p.pse.columns >= rows, Code::limit_mask_columns,
                "ascend: pse_shift must have a column for every row that block_table names", p.pse.columns, rows);
  return Status::ok();
}

inline Status ascend(const InferenceProblem& p) {
  if (p.limits != Limits::ascend) return Status::ok();
  Shape s = p.shape;
  s.kv_len = cache_rules::longest(p);
  for (index_t b = 0; b < s.batch && p.kind != CacheKind::paged; ++b)
    s.kv_len = (std::max)(s.kv_len, p.prefix_length + p.capacity(b));
  GLINT_PASS_ON(inference_rules::ascend(s, p.q_type, inference_rules::kIncreMaxima));
  GLINT_REQUIRE(p.kind != CacheKind::list || s.batch <= 256, Code::limit_batch,
                "ascend: a list of caches has at most 256 tensors", s.batch, 256);
  GLINT_REQUIRE(!p.pse || s.head_dim % 16 == 0, Code::limit_pse_head_dim,
                "ascend: with pse_shift the head size must be a multiple of 16", s.head_dim, 16);
  return p.kind == CacheKind::paged ? ascend_pages(p) : Status::ok();
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
  if (p.shape.batch == 0) return Status::ok();
  GLINT_PASS_ON(quant_rules::antiquant_values(p));
  GLINT_PASS_ON(quant_rules::post_quant_values(p));
  return cache_rules::block_ids(p);
}

}  // namespace GLINT_ABI
}  // namespace glint

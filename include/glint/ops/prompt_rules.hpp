// The rules of prompt_flash_attention, for both doors (seed 002; operators 1.5, 2, 2.1, 3, 4.1, 4.2, 5, 8 and 12). What
// is read through a pointer, factors and the block table, is read last.
#pragma once

#include "glint/ops/inference_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace prompt_rules {

using cache_rules::Columns;
using detail::CacheKind, detail::InferenceProblem;

inline Status types(const InferenceProblem& p) {
  if (p.q_type != DType::i8) return inference_rules::types(p.q_type, p.cache_type);
  GLINT_REQUIRE(p.cache_type == DType::i8, Code::dtype_key_value, "key and value of an int8 query must be int8",
                p.cache_type, DType::i8);
  return Status::ok();
}

inline Status known_layout(Layout given) {
  GLINT_REQUIRE(given == Layout::BSH || given == Layout::BNSD || given == Layout::BSND || given == Layout::TND,
                Code::layout_not_for_operator, "prompt_flash_attention knows the layouts BSH, BNSD, BSND and TND",
                given, Layout::BSH);
  return Status::ok();
}

inline Status attributes(const InferenceProblem& p) {
  const Shape& s = p.shape;
  GLINT_PASS_ON(types(p));
  GLINT_PASS_ON(inference_rules::shape(s));
  GLINT_PASS_ON(rules::scale(static_cast<double>(p.scale)));
  GLINT_PASS_ON(known_layout(p.layout));
  GLINT_PASS_ON(rules::inference_mode(p.mode));
  for (const index_t dim : {s.head_dim, s.value_size()})
    GLINT_REQUIRE(p.cache_type != DType::i4 || dim % 2 == 0, Code::int4_head_dim_odd,
                  "head sizes of an int4 cache must be even: two numbers share a byte", dim, dim + 1);
  GLINT_REQUIRE(p.inner_precise >= 0 && p.inner_precise <= 3, Code::inner_precise_range,
                "inner_precise must be between 0 and 3", p.inner_precise, 3);
  GLINT_REQUIRE(!p.two_outs, Code::two_outputs, "pass out or out_int8, not both", 2, 1);
  return Status::ok();
}

// Lengths of the query, and that TND has both lists.
inline Status query_lengths(const InferenceProblem& p) {
  if (!p.ragged()) return rules::lengths(p.q_lens, p.shape.batch, p.shape.q_len, rules::LengthList::may_be_longer);
  const auto q = static_cast<index_t>(p.q_lens.size()), kv = static_cast<index_t>(p.kv_lens.size());
  GLINT_REQUIRE(q > 0 && kv > 0, Code::sequence_lists_missing,
                "layout TND needs actual_seq_lengths and actual_seq_lengths_kv", q < kv ? q : kv, 1);
  GLINT_REQUIRE(q == kv, Code::sequence_lists_differ,
                "with layout TND actual_seq_lengths and actual_seq_lengths_kv must have the same size", kv, q);
  GLINT_REQUIRE(!p.q_padding, Code::query_padding_not_for_layout, "layout TND takes no query_padding_size",
                p.q_padding.value_or(0), 0);
  GLINT_REQUIRE(p.kind == CacheKind::contiguous || p.kind == CacheKind::paged, Code::cache_not_for_layout,
                "layout TND takes keys in one tensor or in pages", p.kind, CacheKind::contiguous);
  return rules::ends(p.q_lens, p.shape.q_len);
}

inline Status mask(const InferenceProblem& p) {
  if (!reads_mask_tensor(p.mode)) {
    GLINT_REQUIRE(!p.mask, Code::mask_unexpected,
                  "this sparse_mode implies its mask: pass no mask tensor (only modes 0 and 1 read one)", p.mode, 1);
    return Status::ok();
  }
  GLINT_REQUIRE(p.mask || p.mode == SparseMode::default_mask, Code::mask_missing, "sparse_mode 1 needs attn_mask", 0,
                1);
  const MaskTensor& m = p.mask;
  if (!m) return Status::ok();
  GLINT_PASS_ON(rules::mask_dtype(m.dtype, rules::MaskTypes::prompt));
  GLINT_REQUIRE(m.heads == 1, Code::mask_shape, "attn_mask must have 1 as its head axis", m.heads, 1);
  GLINT_PASS_ON(rules::mask_shape(m, p.shape, inference_rules::mask_rows(p), Columns(p).want(m.columns), false));
  GLINT_REQUIRE(rules::countable({m.batch, m.rows, m.columns}), Code::extent_too_large,
                "attn_mask must have fewer than 2^59 bytes", m.columns, 1);
  return Status::ok();
}

// Padding in front of queries or keys switches the tokens of mode 0 off (operators 2.1 and 12.16).
inline bool tokens_act(const InferenceProblem& p) {
  if (p.mode == SparseMode::band) return true;
  const bool padded = p.q_padding || p.kind == CacheKind::left_padded;
  return p.mode == SparseMode::default_mask && p.mask && !padded;
}

// Token rules of modes 0 and 4 (operators 2.1, PFA, with 12.19), for each batch entry's actual lengths.
inline Status tokens(const InferenceProblem& p) {
  if (!tokens_act(p)) return Status::ok();
  const index_t pre = Tokens::clamp(p.tokens.pre), next = Tokens::clamp(p.tokens.next);
  GLINT_REQUIRE(pre >= 0 || next >= 0, Code::tokens_both_negative,
                "pre_tokens and next_tokens must not both be negative", pre, 0);
  GLINT_REQUIRE(pre + next >= 0, Code::tokens_empty_band, "pre_tokens + next_tokens must not be negative", pre + next,
                0);
  if (p.mode != SparseMode::default_mask) return Status::ok();
  const Sequences q = p.q_rows();
  for (index_t b = 0; b < q.batch(); ++b) {
    const index_t rows = q.length(b), keys = p.keys(b);
    if (rows == 0) continue;
    GLINT_REQUIRE(next >= 0 || -next < rows, Code::tokens_next_outside,
                  "with next_tokens < 0, -next_tokens must be below the query length", -next, rows);
    GLINT_REQUIRE(pre >= 0 || -pre < keys || keys == 0, Code::tokens_pre_outside,
                  "with pre_tokens < 0, -pre_tokens must be below the key length", -pre, keys);
  }
  return Status::ok();
}

inline Status ascend(const InferenceProblem& p) {
  if (p.limits != Limits::ascend) return Status::ok();
  return inference_rules::ascend(p.shape, p.q_type, inference_rules::kPromptMaxima);
}

// int8 queries (operators 4.1).
inline Status int8(const InferenceProblem& p) {
  const Int8Scales& f = p.int8;
  const int given = f.dequant1.has_value() + f.quant1.has_value() + f.dequant2.has_value();
  if (p.q_type != DType::i8) {
    GLINT_REQUIRE(given == 0, Code::quant_not_for_operator,
                  "dequant_scale1, quant_scale1 and dequant_scale2 belong to an int8 query", given, 0);
    return Status::ok();
  }
  GLINT_REQUIRE(given == 3, Code::int8_scale_missing,
                "an int8 query needs dequant_scale1, quant_scale1 and dequant_scale2", given, 3);
  GLINT_REQUIRE(p.sink == nullptr, Code::int8_with_sink, "an int8 query takes no learnable_sink", 1, 0);
  GLINT_REQUIRE(p.rope_dim == 0, Code::rope_with_integers, "an int8 query takes no query_rope", p.rope_dim, 0);
  return Status::ok();
}

}  // namespace prompt_rules

inline Status check_prompt(const detail::InferenceProblem& p) {
  GLINT_PASS_ON(prompt_rules::attributes(p));
  GLINT_PASS_ON(prompt_rules::query_lengths(p));
  GLINT_PASS_ON(cache_rules::cache(p, rules::LengthList::may_be_longer));
  GLINT_PASS_ON(prompt_rules::mask(p));
  GLINT_PASS_ON(prompt_rules::tokens(p));
  GLINT_PASS_ON(inference_rules::bias(p));
  GLINT_PASS_ON(prompt_rules::int8(p));
  GLINT_PASS_ON(inference_rules::rope(p));
  GLINT_PASS_ON(quant_rules::antiquant(p));
  GLINT_PASS_ON(quant_rules::post_quant(p));
  GLINT_PASS_ON(prompt_rules::ascend(p));
  GLINT_PASS_ON(inference_rules::memory(p));
  if (p.shape.batch == 0) return Status::ok();
  GLINT_PASS_ON(quant_rules::antiquant_values(p));
  GLINT_PASS_ON(quant_rules::post_quant_values(p));
  return cache_rules::block_ids(p);
}

}  // namespace GLINT_ABI
}  // namespace glint

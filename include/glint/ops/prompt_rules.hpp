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

inline Status known_mode(SparseMode mode) {
  GLINT_REQUIRE(static_cast<int>(mode) <= 4, Code::sparse_mode_not_for_operator,
                "prompt_flash_attention knows sparse_mode 0 to 4", mode, 4);
  return Status::ok();
}

inline Status attributes(const InferenceProblem& p) {
  GLINT_PASS_ON(types(p));
  GLINT_PASS_ON(inference_rules::attributes(p));
  GLINT_PASS_ON(known_layout(p.layout));
  GLINT_PASS_ON(known_mode(p.mode));
  GLINT_REQUIRE(p.inner_precise >= 0 && p.inner_precise <= 3, Code::inner_precise_range,
                "inner_precise must be between 0 and 3", p.inner_precise, 3);
  return Status::ok();
}

// The lists that say how many sequences a TND tensor has.
inline Status sequence_lists(const InferenceProblem& p) {
  const auto q = static_cast<index_t>(p.q_lens.size()), kv = static_cast<index_t>(p.kv_lens.size());
  GLINT_REQUIRE(!p.ragged() || (q > 0 && kv > 0), Code::sequence_lists_missing,
                "layout TND needs actual_seq_lengths and actual_seq_lengths_kv", (std::min)(q, kv), 1);
  GLINT_REQUIRE(!p.ragged() || q == kv, Code::sequence_lists_differ,
                "with layout TND actual_seq_lengths and actual_seq_lengths_kv must have the same size", kv, q);
  return Status::ok();
}

// Lengths of the query, and what TND does not go with.
inline Status query_lengths(const InferenceProblem& p) {
  if (!p.ragged()) return rules::lengths(p.q_lens, p.shape.batch, p.shape.q_len, rules::LengthList::may_be_longer);
  GLINT_PASS_ON(sequence_lists(p));
  const auto sequences = static_cast<index_t>(p.q_lens.size());
  GLINT_REQUIRE(p.shape.batch == sequences, Code::batch_mismatch,
                "with layout TND batch must be 0 or the size of actual_seq_lengths", p.shape.batch, sequences);
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
  for (index_t b = 0; b < p.shape.batch; ++b) {
    const index_t rows = q.length(b), keys = p.keys(b);
    if (rows == 0) continue;
    GLINT_REQUIRE(next >= 0 || -next < rows, Code::tokens_next_outside,
                  "with next_tokens < 0, -next_tokens must be below every actual query length", -next, rows);
    GLINT_REQUIRE(pre >= 0 || -pre < keys || keys == 0, Code::tokens_pre_outside,
                  "with pre_tokens < 0, -pre_tokens must be below every actual key length (with the shared prefix)",
                  -pre, keys);
  }
  return Status::ok();
}

// One scale of an int8 query; `kernels`: what is left of it on its way to the kernel.
struct Int8ScaleRules {
  const char *missing, *unexpected, *value;
};
inline Status int8_scale(const InferenceProblem& p, const std::optional<float>& scale, float kernels,
                         const Int8ScaleRules& say) {
  if (p.q_type != DType::i8) {
    GLINT_REQUIRE(!scale, Code::int8_scale_unexpected, say.unexpected, p.q_type, DType::i8);
    return Status::ok();
  }
  GLINT_REQUIRE(scale, Code::int8_scale_missing, say.missing, 0, 1);
  GLINT_REQUIRE(quant_rules::finite(kernels) && !quant_rules::zero(kernels), Code::int8_scale_value, say.value, 0, 1);
  return Status::ok();
}

// int8 queries (operators 4.1).
inline Status int8(const InferenceProblem& p) {
  const Int8Scales& f = p.int8;
  GLINT_PASS_ON(int8_scale(
      p, f.dequant1, cut_to_19_bits(f.dequant1.value_or(1)),
      {"an int8 query needs dequant_scale1 (deq_scale1)", "dequant_scale1 (deq_scale1) belongs to an int8 query",
       "dequant_scale1 (deq_scale1) must be finite, and not 0 when cut to 19 bits"}));
  GLINT_PASS_ON(int8_scale(p, f.quant1, rounded_to_half(f.quant1.value_or(1)),
                           {"an int8 query needs quant_scale1", "quant_scale1 belongs to an int8 query",
                            "quant_scale1 must be finite and not 0 when rounded to float16"}));
  GLINT_PASS_ON(int8_scale(
      p, f.dequant2, cut_to_19_bits(f.dequant2.value_or(1)),
      {"an int8 query needs dequant_scale2 (deq_scale2)", "dequant_scale2 (deq_scale2) belongs to an int8 query",
       "dequant_scale2 (deq_scale2) must be finite, and not 0 when cut to 19 bits"}));
  if (p.q_type != DType::i8) return Status::ok();
  GLINT_REQUIRE(quant_rules::finite(rounded_to_half(p.scale)), Code::scale_not_finite,
                "with an int8 query scale_value must be finite when rounded to float16", 0, 1);
  GLINT_REQUIRE(p.sink == nullptr, Code::int8_with_sink, "an int8 query takes no learnable_sink", 1, 0);
  GLINT_REQUIRE(p.rope_dim == 0, Code::rope_with_integers, "an int8 query takes no query_rope and key_rope", p.q_type,
                DType::f16);
  return Status::ok();
}

// Has the device numbers for head sizes of whole 32 bytes (operators 8.2)?
inline bool whole_rows(const InferenceProblem& p) { return p.shape.head_dim * size_of(p.q_type) % 32 == 0; }

inline Status ascend_shape(const InferenceProblem& p) {
  const Shape& s = p.shape;
  GLINT_PASS_ON(inference_rules::ascend(p, inference_rules::kPromptMaxima));
  GLINT_REQUIRE(s.batch <= 128 || whole_rows(p), Code::limit_batch,
                "ascend: the batch must not exceed 128 where a head is not a multiple of 32 bytes", s.batch, 128);
  const index_t hidden = s.heads * s.head_dim;
  const bool by_token = p.layout == Layout::BSH || p.layout == Layout::BSND;
  GLINT_REQUIRE(!by_token || hidden < 65535, Code::limit_hidden_size,
                "ascend: with layout BSH and BSND num_heads * D must be below 65535", hidden, 65534);
  GLINT_REQUIRE(p.q_type != DType::bf16 || s.head_dim % 16 == 0, Code::limit_combination,
                "ascend: under bfloat16 the head size must be a multiple of 16", s.head_dim, 16);
  GLINT_REQUIRE(!p.post_quant || p.post_quant.channels == 1 || whole_rows(p), Code::limit_combination,
                "ascend: quant_scale2 for each channel needs heads of a multiple of 32 bytes", s.head_dim, 32);
  return Status::ok();
}

inline Status ascend_sequences(const InferenceProblem& p) {
  if (!p.ragged()) return Status::ok();
  constexpr index_t kRows = 1048576, kLists = 4096;
  const Shape& s = p.shape;
  GLINT_REQUIRE(s.batch <= kLists, Code::limit_sequence_count,
                "ascend: with layout TND actual_seq_lengths must not exceed 4096 entries", s.batch, kLists);
  GLINT_REQUIRE(s.q_len <= kRows && s.kv_len <= kRows, Code::limit_sequence,
                "ascend: with layout TND a tensor must not exceed 1048576 rows", (std::max)(s.q_len, s.kv_len), kRows);
  GLINT_REQUIRE(p.q_rows().total() == s.q_len, Code::limit_sequence_total,
                "ascend: with layout TND actual_seq_lengths must end with the rows of query", p.q_rows().total(),
                s.q_len);
  const index_t keys = p.ragged_keys() ? Sequences::ends(p.kv_lens).total() : s.kv_len;
  GLINT_REQUIRE(keys == s.kv_len, Code::limit_sequence_total,
                "ascend: with layout TND actual_seq_lengths_kv must end with the rows of key", keys, s.kv_len);
  GLINT_REQUIRE(!cache_rules::has_prefix(p), Code::limit_combination, "ascend: layout TND takes no shared prefix", 1,
                0);
  return Status::ok();
}

// Does a query row of an entry see fewer keys than its mode lets the others see (operators 2.1)?
inline bool incomplete(const InferenceProblem& p, index_t rows, index_t keys) {
  const index_t pre = Tokens::clamp(p.tokens.pre), next = Tokens::clamp(p.tokens.next);
  switch (p.mode) {
    case SparseMode::default_mask: return tokens_act(p) && (rows - keys - pre > 0 || next < 0);
    case SparseMode::right_down_causal: return keys < rows;
    case SparseMode::band: return pre < 0 || next + keys - rows < 0;
    default: return false;
  }
}

inline Status ascend_int8_output(const InferenceProblem& p) {
  if (!p.out_is_int8) return Status::ok();
  const index_t least = (std::min)(p.tokens.pre, p.tokens.next);
  GLINT_REQUIRE(p.mode != SparseMode::band || least >= 0, Code::limit_combination,
                "ascend: with sparse_mode 4 and an int8 output no tokens may be negative", least, 0);
  const Sequences q = p.q_rows();
  for (index_t b = 0; b < p.shape.batch && p.post_quant.offset != nullptr; ++b)
    GLINT_REQUIRE(!incomplete(p, q.length(b), p.keys(b)), Code::limit_combination,
                  "ascend: quant_offset2 needs query rows that all see keys (got: keys, want: rows of a batch entry)",
                  p.keys(b), q.length(b));
  return Status::ok();
}

// The documented device numbers (operators 2.1, 3, 5 and 8.2).
inline Status ascend(const InferenceProblem& p) {
  if (p.limits != Limits::ascend) return Status::ok();
  GLINT_PASS_ON(ascend_sequences(p));
  GLINT_PASS_ON(ascend_shape(p));
  GLINT_PASS_ON(ascend_int8_output(p));
  if (p.kind != CacheKind::paged) return Status::ok();
  return inference_rules::ascend_pages(p, 128, "ascend: block_size must be a multiple of 128");
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
  return inference_rules::contents(p);
}

}  // namespace GLINT_ABI
}  // namespace glint

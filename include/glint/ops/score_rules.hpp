// The rules of flash_attention_score, in the order of the documents (seeds 001 and 004; operators 1, 2.1, 8 and 12).
// Pure functions of a ScoreProblem; its element type does not matter here.
#pragma once

#include "glint/ops/rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace score_rules {

// Sequences of q and of k and v, valid once the lists have been checked.
template <class Problem>
Sequences queries(const Problem& p, Layout layout) {
  return layout == Layout::TND ? Sequences::ends(p.q_ends) : Sequences::uniform(p.shape.batch, p.shape.q_len);
}
template <class Problem>
Sequences keys(const Problem& p, Layout layout) {
  return layout == Layout::TND ? Sequences::ends(p.kv_ends) : Sequences::uniform(p.shape.batch, p.shape.kv_len);
}

template <class Problem>
Status sequences(const Problem& p, Layout layout) {
  const auto q_count = static_cast<index_t>(p.q_ends.size()), kv_count = static_cast<index_t>(p.kv_ends.size());
  if (layout != Layout::TND) {
    GLINT_REQUIRE(q_count == 0 && kv_count == 0, Code::sequence_lists_unexpected,
                  "actual_seq_qlen and actual_seq_kvlen belong to layout TND", q_count + kv_count, 0);
    return Status::ok();
  }
  GLINT_REQUIRE(q_count > 0 && kv_count > 0, Code::sequence_lists_missing,
                "layout TND needs actual_seq_qlen and actual_seq_kvlen", q_count < kv_count ? q_count : kv_count, 1);
  GLINT_REQUIRE(q_count == kv_count, Code::sequence_lists_differ,
                "actual_seq_qlen and actual_seq_kvlen must have the same size", kv_count, q_count);
  GLINT_REQUIRE(p.shape.batch == q_count || p.shape.batch == 0, Code::batch_mismatch,
                "with layout TND the batch is the size of actual_seq_qlen", p.shape.batch, q_count);
  GLINT_PASS_ON(rules::ends(p.q_ends, p.shape.q_len));
  return rules::ends(p.kv_ends, p.shape.kv_len);
}

inline Status mode(SparseMode mode, Layout layout) {
  const int value = static_cast<int>(mode);
  GLINT_REQUIRE(value >= -1 && value <= 8, Code::sparse_mode_unknown, "sparse_mode must be between 0 and 8", value, 8);
  if (layout == Layout::TND) {
    GLINT_REQUIRE(mode != SparseMode::prefix, Code::sparse_mode_not_for_layout,
                  "sparse_mode 5 is not for layout TND (use 6)", value, 6);
  } else {
    GLINT_REQUIRE(value < 7, Code::sparse_mode_not_for_layout, "sparse_mode 7 and 8 are for layout TND", value, 6);
  }
  return Status::ok();
}

// Token rules of TND (operators 2.1 with 12.5).
template <class Problem>
Status ragged_tokens(const Problem& p, SparseMode mode, const Sequences& q, const Sequences& kv) {
  const index_t pre = Tokens::clamp(p.pre_tokens), next = Tokens::clamp(p.next_tokens);
  if (mode == SparseMode::default_mask) {
    GLINT_REQUIRE(next >= 0, Code::tokens_next_outside, "layout TND: next_tokens must not be negative", next, 0);
    GLINT_REQUIRE(pre >= 0 || next >= -pre, Code::tokens_empty_band,
                  "with pre_tokens < 0, next_tokens must be at least -pre_tokens", next, -pre);
  }
  if (mode == SparseMode::band) {
    GLINT_REQUIRE(pre >= 0, Code::tokens_pre_outside, "layout TND, sparse_mode 4: pre_tokens must not be negative", pre,
                  0);
    GLINT_REQUIRE(pre + next >= 0, Code::tokens_empty_band,
                  "layout TND, sparse_mode 4: pre_tokens + next_tokens must not be negative", pre + next, 0);
  }
  const index_t band = band_entry(mode, q);
  for (index_t b = 0; b < q.batch(); ++b) {
    const index_t q_len = q.length(b), kv_len = kv.length(b);
    if (q_len == 0) continue;
    if (mode == SparseMode::default_mask) {
      GLINT_REQUIRE(kv_len + pre >= q_len, Code::tokens_pre_outside,
                    "layout TND: kv length + pre_tokens must reach the query length in every sequence", kv_len + pre,
                    q_len);
    }
    if (mode == SparseMode::right_down_causal || mode == SparseMode::varlen_right_down_band) {
      GLINT_REQUIRE(q_len <= kv_len, Code::causal_needs_more_keys,
                    "layout TND, sparse_mode 3 and 7: no sequence may have more queries than keys", q_len, kv_len);
    }
    if ((mode == SparseMode::varlen_right_down_band || mode == SparseMode::varlen_band_left_up) && b == band) {
      GLINT_REQUIRE(pre >= kv_len, Code::tokens_pre_outside,
                    "sparse_mode 7 and 8: pre_tokens must reach the kv length of the band's sequence", pre, kv_len);
      GLINT_REQUIRE(mode == SparseMode::varlen_band_left_up || next <= 0, Code::tokens_next_outside,
                    "sparse_mode 7: next_tokens must not be positive", next, 0);
      GLINT_REQUIRE(q_len - next <= kv_len, Code::tokens_next_outside,
                    "sparse_mode 7 and 8: q length - next_tokens must not exceed the kv length of the band's sequence",
                    q_len - next, kv_len);
    }
  }
  return Status::ok();
}

template <class Problem>
Status tokens(const Problem& p, SparseMode mode, Layout layout) {
  const bool ragged_causal = layout == Layout::TND && mode == SparseMode::right_down_causal;
  if (!uses_tokens(mode) && !ragged_causal) return Status::ok();
  if (mode == SparseMode::default_mask && !p.attn_mask) return Status::ok();
  if (layout == Layout::TND) return ragged_tokens(p, mode, queries(p, layout), keys(p, layout));
  const index_t pre = Tokens::clamp(p.pre_tokens), next = Tokens::clamp(p.next_tokens);
  if (p.shape.batch == 0 || p.shape.q_len == 0 || p.shape.kv_len == 0) return Status::ok();  // no band to be empty
  const index_t shift = mode == SparseMode::band ? p.shape.kv_len - p.shape.q_len : 0;
  return rules::band(pre - shift, next + shift, p.shape.q_len, p.shape.kv_len);
}

// Is the prefix list usable as a whole (operators 12.3)?
template <class Problem>
Status prefix_list(const Problem& p, Layout layout) {
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  const auto count = static_cast<index_t>(p.prefix.size());
  GLINT_REQUIRE(count > 0 || q.batch() == 0, Code::prefix_missing, "sparse_mode 5 and 6 need a prefix list", count,
                q.batch());
  GLINT_REQUIRE(count == q.batch(), Code::prefix_size, "prefix must have one entry for each batch entry", count,
                q.batch());
  for (index_t b = 0; b < count; ++b) {
    const index_t value = p.prefix[static_cast<std::size_t>(b)];
    GLINT_REQUIRE(prefix_in_range(value, q.length(b), kv.length(b)), Code::prefix_range,
                  "prefix must lie between max(0, kv length - q length) and kv length", value, kv.length(b));
  }
  return Status::ok();
}

template <class Problem>
Status prefix(const Problem& p, SparseMode mode, Layout layout) {
  if (mode == SparseMode::prefix_compressed) return prefix_list(p, layout);
  if (mode == SparseMode::prefix) {
    // An unusable list turns mode 5 into mode 1, as on the device; the strict profile reports it.
    return p.limits == Limits::ascend ? prefix_list(p, layout) : Status::ok();
  }
  GLINT_REQUIRE(p.prefix.empty(), Code::prefix_unexpected, "prefix belongs to sparse_mode 5 and 6", p.prefix.size(), 0);
  return Status::ok();
}

template <class Problem>
Status mask(const Problem& p, SparseMode mode, Layout layout) {
  if (!reads_mask_tensor(mode)) {
    GLINT_REQUIRE(!p.attn_mask, Code::mask_unexpected,
                  "this sparse_mode implies its mask: pass no mask tensor (only modes 0, 1 and 5 read one)", mode, 1);
    return Status::ok();
  }
  if (!p.attn_mask) {
    GLINT_REQUIRE(mode == SparseMode::default_mask, Code::mask_missing, "sparse_mode 1 and 5 need attn_mask", 0, 1);
    return Status::ok();
  }
  GLINT_PASS_ON(rules::mask_dtype(p.attn_mask.dtype, rules::MaskTypes::training));
  const bool prefixed = mode == SparseMode::prefix && static_cast<bool>(prefix_list(p, layout));
  return rules::mask_shape(p.attn_mask, p.shape, queries(p, layout).longest(), keys(p, layout).longest(), prefixed);
}

// The 1024 rows of an ALiBi matrix (operators 1.3 and 12.13).
template <class Problem>
Status compressed_pse(const Problem& p, SparseMode mode, Layout layout) {
  GLINT_REQUIRE(mode == SparseMode::left_up_causal || mode == SparseMode::right_down_causal, Code::pse_compressed_mode,
                "the compressed 1024-row pse needs sparse_mode 2 or 3", mode, 2);
  GLINT_REQUIRE(p.pse.rows == 1024, Code::pse_shape, "the compressed pse has 1024 rows", p.pse.rows, 1024);
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  for (index_t b = 0; b < q.batch(); ++b) {
    GLINT_REQUIRE(q.length(b) == kv.length(b), Code::pse_compressed_not_square,
                  "the compressed pse needs query length == key length", q.length(b), kv.length(b));
  }
  GLINT_REQUIRE(q.longest() > 1024, Code::pse_compressed_length, "the compressed pse needs a length above 1024",
                q.longest(), 1025);
  Shape shape = p.shape;
  shape.batch = q.batch();  // TND calls may leave it to the lists
  PseTensor one_row = p.pse;
  one_row.rows = 1;
  return rules::pse_shape(one_row, shape, 1, kv.longest());
}

template <class Problem>
Status pse_tensor(const Problem& p, SparseMode mode, Layout layout, DType dtype) {
  GLINT_REQUIRE(p.pse.dtype == dtype, Code::dtype_pse, "pse must have the data type of query", p.pse.dtype, dtype);
  GLINT_REQUIRE(mode != SparseMode::varlen_right_down_band && mode != SparseMode::varlen_band_left_up,
                Code::pse_not_for_mode, "sparse_mode 7 and 8 take no pse tensor", mode, 6);
  if (p.pse.form == PseForm::compressed) return compressed_pse(p, mode, layout);
  if (p.pse.form == PseForm::dense) {
    GLINT_REQUIRE(layout != Layout::TND, Code::pse_shape, "layout TND takes a compressed or a flat pse", 0, 1);
    return rules::pse_shape(p.pse, p.shape, p.shape.q_len, p.shape.kv_len);
  }
  GLINT_REQUIRE(layout == Layout::TND, Code::pse_shape, "a flat pse belongs to layout TND", 1, 0);
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  index_t count = 0;
  for (index_t b = 0; b < q.batch(); ++b)
    count += (p.pse.form == PseForm::tnd_per_score ? q.length(b) : index_t{1}) * kv.length(b) * p.shape.heads;
  GLINT_REQUIRE(p.pse.columns == count, Code::pse_shape, "a flat pse holds one value for each score, or for each key",
                p.pse.columns, count);
  return Status::ok();
}

// Slopes for pse types 2 and 3.  With mode 8, only for a causal attention that was cut into pieces.
template <class Problem>
Status slopes(const Problem& p, SparseMode mode, Layout layout) {
  GLINT_REQUIRE(p.slopes.batch == 1 || p.slopes.batch == queries(p, layout).batch(), Code::pse_shape,
                "slopes must have 1 or batch as their batch axis", p.slopes.batch, queries(p, layout).batch());
  GLINT_REQUIRE(mode != SparseMode::varlen_right_down_band, Code::pse_not_for_mode, "sparse_mode 7 takes no pse", mode,
                6);
  if (layout != Layout::TND) {
    GLINT_REQUIRE(p.shape.q_len == p.shape.kv_len, Code::pse_generated_not_square,
                  "pse_type 2 and 3 need query length == key length", p.shape.q_len, p.shape.kv_len);
  }
  if (mode != SparseMode::varlen_band_left_up) return Status::ok();
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  const index_t first = band_entry(mode, q);
  for (index_t b = 0; b < q.batch(); ++b) {
    const index_t gap =
        b == first ? q.length(b) - kv.length(b) + p.slopes.q_start - p.slopes.kv_start : q.length(b) - kv.length(b);
    GLINT_REQUIRE(gap == 0, Code::pse_not_for_mode,
                  "sparse_mode 8 takes slopes only where q_start_idx and kv_start_idx make every sequence square", gap,
                  0);
  }
  return Status::ok();
}

template <class Problem>
Status pse(const Problem& p, SparseMode mode, Layout layout, DType dtype) {
  GLINT_REQUIRE(p.pse_type >= 0 && p.pse_type <= 3, Code::pse_type_range, "pse_type must be between 0 and 3",
                p.pse_type, 3);
  const bool generated = p.pse_type >= 2;
  GLINT_REQUIRE(generated || !p.slopes, Code::pse_unexpected, "slopes belong to pse_type 2 and 3", p.pse_type, 2);
  GLINT_REQUIRE(!generated || !p.pse, Code::pse_unexpected, "pse_type 2 and 3 take slopes, not a pse tensor",
                p.pse_type, 1);
  GLINT_REQUIRE(p.pse || p.slopes || p.pse_type == 1, Code::pse_missing, "a pse_type other than 1 needs a pse",
                p.pse_type, 1);
  if (p.pse) return pse_tensor(p, mode, layout, dtype);
  return p.slopes ? slopes(p, mode, layout) : Status::ok();
}

// A number for a message; 10^6 and beyond, and what is not finite, all read alike.
inline index_t thousandths(double value) {
  if (!rules::finite(value)) return -1000000000;
  return static_cast<index_t>(1000 * std::clamp(value, -1e6, 1e6));
}

template <class Problem>
Status dropout(const Problem& p, Layout layout) {
  const DropoutOptions& d = p.dropout;
  GLINT_REQUIRE(rules::finite(d.keep_prob) && d.keep_prob > 0 && d.keep_prob <= 1, Code::keep_prob_range,
                "keep_prob must lie in (0, 1] (numbers in thousandths)", thousandths(d.keep_prob), 1000);
  if (d.keep_prob == 1) {
    GLINT_REQUIRE(d.mask.empty(), Code::drop_mask_unexpected, "drop_mask must be absent when keep_prob is 1",
                  d.mask.size(), 0);
    return Status::ok();
  }
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  index_t bits = 0;
  for (index_t b = 0; b < q.batch(); ++b) bits += q.length(b) * kv.length(b);
  bits *= p.shape.heads;
  GLINT_REQUIRE(!d.mask.empty() || d.generate || bits == 0, Code::drop_mask_missing,
                "keep_prob < 1 needs a drop_mask or a seed to generate one from", 0, 1);
  GLINT_REQUIRE(d.mask.empty() || !d.generate, Code::drop_mask_and_seed, "pass a drop_mask or a seed, not both", 2, 1);
  if (d.generate) return Status::ok();
  GLINT_REQUIRE(static_cast<index_t>(d.mask.size()) >= (bits + 7) / 8, Code::drop_mask_size,
                "drop_mask must hold one bit for each score", d.mask.size(), (bits + 7) / 8);
  return Status::ok();
}

// The documented device maxima (operators 8.2), and the rules of rows without keys that 12.5 leaves to this profile.
template <class Problem>
Status ascend(const Problem& p, SparseMode mode, Layout layout, DType dtype) {
  if (p.limits != Limits::ascend) return Status::ok();
  const Sequences q = queries(p, layout), kv = keys(p, layout);
  const bool ragged = layout == Layout::TND;
  GLINT_REQUIRE(dtype != DType::f32, Code::limit_dtype, "ascend: query must be float16 or bfloat16", dtype, DType::f16);
  GLINT_REQUIRE(ragged || (p.shape.batch >= 1 && p.shape.batch <= 2048), Code::limit_batch,
                "ascend: batch must be between 1 and 2048", p.shape.batch, 2048);
  GLINT_REQUIRE(!ragged || q.batch() <= 1024, Code::limit_sequence_count, "ascend: TND takes at most 1024 sequences",
                q.batch(), 1024);
  GLINT_REQUIRE(p.shape.heads <= 256, Code::limit_heads, "ascend: head_num must not exceed 256", p.shape.heads, 256);
  GLINT_REQUIRE(q.longest() <= 524288 && kv.longest() <= 524288, Code::limit_sequence,
                "ascend: a sequence must not exceed 524288", q.longest() > kv.longest() ? q.longest() : kv.longest(),
                524288);
  GLINT_REQUIRE(p.shape.head_dim <= 512, Code::limit_head_dim, "ascend: the head size must not exceed 512",
                p.shape.head_dim, 512);
  GLINT_REQUIRE(p.prefix.size() <= 32, Code::limit_prefix_batch, "ascend: prefix takes at most 32 batch entries",
                p.prefix.size(), 32);
  if (!ragged) return Status::ok();
  GLINT_REQUIRE(q.total() == p.shape.q_len, Code::sequence_list_total,
                "ascend: the last entry of actual_seq_qlen must equal T1", q.total(), p.shape.q_len);
  GLINT_REQUIRE(kv.total() == p.shape.kv_len, Code::sequence_list_total,
                "ascend: the last entry of actual_seq_kvlen must equal T2", kv.total(), p.shape.kv_len);
  for (index_t b = 0; b < q.batch(); ++b) {
    GLINT_REQUIRE(kv.length(b) > 0, Code::sequence_list_zero, "ascend: no key sequence may be empty", b, 1);
    GLINT_REQUIRE(mode != SparseMode::band || q.length(b) - Tokens::clamp(p.next_tokens) <= kv.length(b),
                  Code::causal_needs_more_keys, "ascend: layout TND, sparse_mode 4 must leave no row without keys",
                  q.length(b) - Tokens::clamp(p.next_tokens), kv.length(b));
    GLINT_REQUIRE(mode != SparseMode::prefix_compressed || q.length(b) <= kv.length(b) ||
                      p.prefix[static_cast<std::size_t>(b)] > 0,
                  Code::causal_needs_more_keys, "ascend: layout TND, sparse_mode 6 must leave no row without keys",
                  q.length(b), kv.length(b));
  }
  return Status::ok();
}

}  // namespace score_rules
}  // namespace GLINT_ABI
}  // namespace glint

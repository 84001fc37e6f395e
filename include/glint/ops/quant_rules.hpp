// The rules of integer caches and outputs (operators 4.2 and 4.3).  `antiquant_values` and `post_quant_values` read the
// factors; those of single tokens are data and are not looked at.
#pragma once

#include "glint/kernel/decode_head.hpp"
#include "glint/ops/cache_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace quant_rules {

using detail::CacheKind, detail::InferenceProblem;

// Does the cache hold integers that only factors make numbers?  Under an int8 query keys and values stay integers.
inline bool holds_integers(const InferenceProblem& p) {
  return p.q_type != DType::i8 && (p.cache_type == DType::i8 || p.cache_type == DType::i4);
}

// A mode by its number in the documents.
inline Status mode_number(index_t mode, index_t most) {
  GLINT_REQUIRE(mode >= 0, Code::antiquant_mode_range, "an antiquant mode must not be negative", mode, 0);
  GLINT_REQUIRE(mode <= most, Code::antiquant_mode_range,
                "an antiquant mode must be one of 0 to 5 (of a joint tensor: 0 or 1)", mode, most);
  return Status::ok();
}

// The modes of tokens: 1 and 3 count them in a sequence, 4 and 5 in the pool.
inline Status mode_for_cache(AntiquantMode mode, CacheKind kind) {
  using enum AntiquantMode;
  if (kind == CacheKind::paged) {
    GLINT_REQUIRE(mode != per_token && mode != per_token_head, Code::antiquant_mode_not_for_cache,
                  "pages take antiquant modes 4 and 5 in place of 1 and 3", mode,
                  mode == per_token ? per_token_paged : per_token_head_paged);
  } else {
    GLINT_REQUIRE(mode != per_token_paged && mode != per_token_head_paged, Code::antiquant_mode_not_for_cache,
                  "antiquant modes 4 and 5 are for pages: take 1 and 3", mode,
                  mode == per_token_paged ? per_token : per_token_head);
  }
  return Status::ok();
}

inline bool is_factor_type(DType type) { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

// One of key and value.
inline Status antiquant_tensor(const Antiquant& a, const InferenceProblem& p) {
  GLINT_PASS_ON(mode_number(static_cast<index_t>(a.mode), 5));
  GLINT_PASS_ON(mode_for_cache(a.mode, p.kind));
  GLINT_REQUIRE(is_factor_type(a.dtype), Code::antiquant_dtype,
                "antiquant factors must be float32, float16 or bfloat16", a.dtype, DType::f32);
  GLINT_REQUIRE(!a.single || a.mode == AntiquantMode::per_channel, Code::antiquant_shape,
                "a single antiquant factor belongs to mode 0", a.mode, AntiquantMode::per_channel);
  if (a.mode == AntiquantMode::per_token || a.mode == AntiquantMode::per_token_head) {
    const index_t needed = cache_rules::Columns(p).needed;
    GLINT_REQUIRE(a.columns >= needed, Code::antiquant_shape, "antiquant factors must reach every key of the cache",
                  a.columns, needed);
    GLINT_REQUIRE(rules::countable({p.shape.batch, p.shape.kv_head_count(), a.columns}), Code::extent_too_large,
                  "antiquant factors must have fewer than 2^62 bytes", a.columns, 1);
  }
  return Status::ok();
}

inline Status antiquant_unexpected(const InferenceProblem& p, bool given) {
  if (!given || holds_integers(p)) return Status::ok();
  GLINT_REQUIRE(p.q_type != DType::i8, Code::antiquant_unexpected,
                "antiquant factors do not go with an int8 query, whose keys and values stay integers", p.q_type,
                DType::f16);
  return {Code::antiquant_unexpected, "antiquant factors belong to a cache of int8 or int4",
          static_cast<index_t>(p.cache_type), static_cast<index_t>(DType::i8)};
}

inline Status antiquant(const InferenceProblem& p) {
  const Antiquant &k = p.k_antiquant, &v = p.v_antiquant;
  if (!holds_integers(p)) return antiquant_unexpected(p, k || v || k.offset != nullptr || v.offset != nullptr);
  for (const Antiquant* a : {&k, &v})
    GLINT_REQUIRE(*a || a->offset == nullptr, Code::antiquant_offset_alone, "an antiquant offset needs its scale", 1,
                  0);
  GLINT_REQUIRE(k && v, Code::antiquant_missing, "a cache of int8 or int4 needs antiquant scales of key and value",
                (k ? 1 : 0) + (v ? 1 : 0), 2);
  GLINT_PASS_ON(antiquant_tensor(k, p));
  GLINT_PASS_ON(antiquant_tensor(v, p));
  const bool mixed = k.mode == AntiquantMode::per_channel && v.mode == AntiquantMode::per_token;
  GLINT_REQUIRE(k.mode == v.mode || mixed, Code::antiquant_mode_pair,
                "key and value must have the same antiquant mode, or key 0 and value 1", v.mode, k.mode);
  return Status::ok();
}

inline Status post_quant(const InferenceProblem& p) {
  const PostQuant& f = p.post_quant;
  GLINT_REQUIRE(f || f.offset == nullptr, Code::post_quant_offset_alone, "quant_offset2 needs quant_scale2", 1, 0);
  GLINT_REQUIRE(f || !p.out_is_int8, Code::post_quant_missing, "an output of int8 needs quant_scale2", 0, 1);
  GLINT_REQUIRE(!f || p.out_is_int8, Code::post_quant_unexpected, "quant_scale2 needs an output of int8", 1, 0);
  if (!f) return Status::ok();
  GLINT_REQUIRE(f.dtype == DType::f32 || (f.dtype == DType::bf16 && p.q_type == DType::bf16), Code::post_quant_dtype,
                "quant_scale2 must be float32, or bfloat16 like query", f.dtype, DType::f32);
  const index_t all = p.shape.heads * p.shape.value_size();
  GLINT_REQUIRE(f.channels == 1 || f.channels == all, Code::post_quant_shape,
                "quant_scale2 must have one factor, or one for each channel of the output", f.channels, all);
  return Status::ok();
}

// By bit pattern, like rules::finite; and a denormal is not 0, whatever the user's mode makes of it.
constexpr bool finite(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7f800000u) != 0x7f800000u; }
constexpr bool zero(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7fffffffu) == 0; }

inline Status values(const void* scale, const void* offset, DType type, index_t count, Code code) {
  for (index_t i = 0; i < count; ++i) {
    const float factor = NumberRef{scale, type}[i];
    GLINT_REQUIRE(finite(factor) && !zero(factor), code,
                  "a scale must be finite and not 0 (got: its index, want: their number)", i, count);
    GLINT_REQUIRE(offset == nullptr || finite(NumberRef{offset, type}[i]), code,
                  "an offset must be finite (got: its index, want: their number)", i, count);
  }
  return Status::ok();
}

// Factors of one of key and value; `dim` is its head size.
inline index_t factors(const Antiquant& a, const InferenceProblem& p, index_t dim) {
  const index_t heads = p.shape.kv_head_count(), batch = p.shape.batch;
  switch (a.mode) {
    case AntiquantMode::per_channel: return a.single ? 1 : heads * dim;
    case AntiquantMode::per_token: return batch * a.columns;
    case AntiquantMode::per_head: return heads;
    case AntiquantMode::per_token_head: return batch * heads * a.columns;
    case AntiquantMode::per_token_paged: return p.blocks * p.block_size;
    case AntiquantMode::per_token_head_paged: return p.blocks * heads * p.block_size;
  }
  return 0;
}

inline Status antiquant_values(const InferenceProblem& p) {
  if (!holds_integers(p)) return Status::ok();
  const auto check = [&](const Antiquant& a, index_t dim) {
    const bool few = a.mode == AntiquantMode::per_channel || a.mode == AntiquantMode::per_head;
    return values(a.scale, a.offset, a.dtype, few ? factors(a, p, dim) : 0, Code::antiquant_value);
  };
  GLINT_PASS_ON(check(p.k_antiquant, p.shape.head_dim));
  return check(p.v_antiquant, p.shape.value_size());
}

inline Status post_quant_values(const InferenceProblem& p) {
  const PostQuant& f = p.post_quant;
  return values(f.scale, f.offset, f.dtype, f ? f.channels : 0, Code::post_quant_value);
}

}  // namespace quant_rules
}  // namespace GLINT_ABI
}  // namespace glint

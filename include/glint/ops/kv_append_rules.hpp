// The rules of kv_append.
#pragma once

#include "glint/ops/kv_append_problem.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace detail {

constexpr bool is_integer(DType type) { return type == DType::i8 || type == DType::i4; }
constexpr bool for_pages(AntiquantMode mode) {
  return mode == AntiquantMode::per_token_paged || mode == AntiquantMode::per_token_head_paged;
}
constexpr bool for_each_token(AntiquantMode mode) {
  return for_pages(mode) || mode == AntiquantMode::per_token || mode == AntiquantMode::per_token_head;
}
constexpr bool for_each_head(AntiquantMode mode) {
  return mode == AntiquantMode::per_token_head || mode == AntiquantMode::per_token_head_paged;
}

inline float factor_at(const void* factors, DType type, index_t i) {
  if (type == DType::f16) return to_float(static_cast<const half*>(factors)[i]);
  if (type == DType::bf16) return to_float(static_cast<const bfloat16*>(factors)[i]);
  return static_cast<const float*>(factors)[i];
}

// Factors that are given, and those that are chosen.
inline index_t given_factors(const AppendProblem& p, const AppendTensor& t) {
  if (t.factors.mode == AntiquantMode::per_head) return p.heads();
  return t.factors.single ? 1 : p.heads() * t.dim;
}
inline index_t chosen_factors(const AppendProblem& p, const AppendTensor& t) {
  const index_t tokens = p.paged ? p.blocks * p.block_size : p.shape.batch * t.factors.columns;
  return for_each_head(t.factors.mode) ? tokens * p.heads() : tokens;
}

inline Extent bytes_of(const void* data, Extent extent_in_elements, DType type) {
  return {data, data == nullptr ? 0 : extent_in_elements.bytes * size_of(type)};
}
inline Extent bytes_of(const void* data, const Strides& strides, const Dims& dims, DType type) {
  return bytes_of(data, extent(static_cast<const std::byte*>(data), strides, dims), type);
}

}  // namespace detail

namespace rules {

inline Status append_pages(const detail::AppendProblem& p) {
  GLINT_REQUIRE(p.pages == PageLayout::token_major || p.pages == PageLayout::head_major, Code::paged_layout,
                "pages must be token_major or head_major", p.pages, 0);
  GLINT_REQUIRE(p.block_size > 0, Code::block_size_range, "block_size must be at least 1", p.block_size, 1);
  GLINT_REQUIRE(p.blocks >= 0, Code::extent_negative, "the number of blocks must not be negative", p.blocks, 0);
  GLINT_REQUIRE(p.max_blocks >= 0, Code::extent_negative, "max_blocks must not be negative", p.max_blocks, 0);
  const index_t dim = p.k.dim > p.v.dim ? p.k.dim : p.v.dim;
  GLINT_REQUIRE(countable({p.blocks, p.heads(), p.block_size, dim}) && countable({p.shape.batch, p.max_blocks}) &&
                    countable({p.max_blocks, p.block_size}),
                Code::extent_too_large, "the pools and the block table must have fewer than 2^62 bytes", p.blocks, 1);
  return Status::ok();
}

// Lengths and counts, and that there is room for all new rows.
inline Status append_lengths(const detail::AppendProblem& p) {
  const auto sizes = {static_cast<index_t>(p.lengths.size()),
                      p.new_rows.empty() ? 1 : static_cast<index_t>(p.new_rows.size())};
  for (const index_t size : sizes)
    GLINT_REQUIRE(size == 1 || size == p.shape.batch, Code::lengths_size,
                  "lengths and new_rows must have 1 or batch entries", size, p.shape.batch);
  const index_t room = p.paged ? p.max_blocks * p.block_size : p.shape.kv_len;
  for (index_t b = 0; b < p.shape.batch; ++b) {
    const index_t first = p.first(b), count = p.count(b);
    GLINT_REQUIRE(first >= 0, Code::length_range, "a length must not be negative", first, 0);
    GLINT_REQUIRE(count >= 0, Code::length_range, "a number of new rows must not be negative", count, 0);
    GLINT_REQUIRE(count <= p.shape.q_len, Code::length_range,
                  "a number of new rows must not exceed the rows of k and v", count, p.shape.q_len);
    GLINT_REQUIRE(first <= room - count, p.paged ? Code::block_table_columns : Code::length_range,
                  "the cache, or an entry's row of the block table, must have room for the new rows", first,
                  room - count);
  }
  return Status::ok();
}

// The blocks that the new rows need; the rest of the table is not read.
inline Status append_blocks(const detail::AppendProblem& p) {
  for (index_t b = 0; b < p.shape.batch; ++b) {
    const index_t first = p.first(b), end = first + p.count(b);
    for (index_t t = first; t < end; t = (t / p.block_size + 1) * p.block_size) {
      GLINT_REQUIRE(p.block_table != nullptr, Code::block_table_null, "block_table must not be null", 0, 1);
      const index_t block = p.place(b, t).outer;
      GLINT_REQUIRE(block >= 0 && block < p.blocks, Code::block_id_range,
                    "a block of the table that is written must be one of the pool", block, p.blocks);
    }
  }
  return Status::ok();
}

// What is given for factors must fit the cache; no factor is read here.
inline Status append_factors(const detail::AppendProblem& p, const detail::AppendTensor& t) {
  const AppendFactors& f = t.factors;
  const bool chooses = detail::for_each_token(f.mode);
  if (!detail::is_integer(p.cache_type)) {
    GLINT_REQUIRE(f.scale == nullptr && f.offset == nullptr && f.chosen == nullptr, Code::antiquant_unexpected,
                  "only an int8 or int4 cache has factors", 1, 0);
    return Status::ok();
  }
  GLINT_REQUIRE(f.mode <= AntiquantMode::per_token_head_paged, Code::antiquant_mode_range,
                "the mode of the factors must be 0 to 5", f.mode, 5);
  GLINT_REQUIRE(!chooses || detail::for_pages(f.mode) == p.paged, Code::antiquant_mode_not_for_cache,
                "factors per token have modes 1 and 3 for plain caches, 4 and 5 for pages", f.mode, p.paged ? 4 : 1);
  GLINT_REQUIRE(f.scale != nullptr || f.offset == nullptr, Code::antiquant_offset_alone,
                "an offset needs a scale beside it", 1, 0);
  GLINT_REQUIRE((chooses ? f.scale == nullptr : f.chosen == nullptr), Code::antiquant_unexpected,
                "factors per token are chosen, all others are given", f.mode, chooses);
  GLINT_REQUIRE((chooses ? static_cast<const void*>(f.chosen) : f.scale) != nullptr, Code::antiquant_missing,
                "an int8 or int4 cache needs factors", 0, 1);
  GLINT_REQUIRE(chooses || f.dtype == DType::f32 || f.dtype == DType::f16 || f.dtype == DType::bf16,
                Code::antiquant_dtype, "factors must be f32, f16 or bf16", f.dtype, DType::f32);
  if (f.mode == AntiquantMode::per_token || f.mode == AntiquantMode::per_token_head) {
    GLINT_REQUIRE(f.columns >= p.shape.kv_len, Code::antiquant_shape,
                  "factors per token must have as many columns as the cache has rows", f.columns, p.shape.kv_len);
    GLINT_REQUIRE(countable({p.shape.batch, p.heads(), f.columns}), Code::extent_too_large,
                  "the factors must have fewer than 2^62 bytes", f.columns, 1);
  }
  return Status::ok();
}

// 1 / scale must be a number, and so must the offset.
inline Status append_factor_values(const detail::AppendProblem& p, const detail::AppendTensor& t) {
  const AppendFactors& f = t.factors;
  if (f.scale == nullptr) return Status::ok();
  for (index_t i = 0; i < detail::given_factors(p, t); ++i) {
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(detail::factor_at(f.scale, f.dtype, i)) >> 23 & 0xffu;
    GLINT_REQUIRE(exponent != 0 && exponent != 0xffu, Code::antiquant_value,
                  "a scale must be finite, and neither 0 nor denormal; got its place", i, 0);
    GLINT_REQUIRE(f.offset == nullptr || finite(static_cast<double>(detail::factor_at(f.offset, f.dtype, i))),
                  Code::antiquant_value, "an offset must be finite; got its place", i, 0);
  }
  return Status::ok();
}

inline Status append_tensor(const detail::AppendProblem& p, const detail::AppendTensor& t, Code null_rows) {
  GLINT_REQUIRE(t.rows != nullptr, null_rows, "k, and v where the cache has it, must not be null", 0, 1);
  GLINT_REQUIRE(t.cache != nullptr, Code::null_output, "the cache of the new rows must not be null", 0, 1);
  GLINT_PASS_ON(strides(p.row_strides(t), t.dim));
  GLINT_PASS_ON(output_strides(p.cache_strides(t), p.cache_dims(t)));
  return append_factors(p, t);
}

// Neither cache may share memory with the other or with anything that is read; nor may the factors that are chosen.
inline Status append_apart(const detail::AppendProblem& p) {
  using detail::bytes_of, detail::extent, detail::Extent;
  const auto rows = [&](const detail::AppendTensor& t) {
    return bytes_of(t.rows, p.row_strides(t), p.row_dims(t), p.row_type);
  };
  const auto cache = [&](const detail::AppendTensor& t) {
    return bytes_of(t.cache, p.cache_strides(t), p.cache_dims(t), p.cache_type);
  };
  const auto given = [&](const detail::AppendTensor& t, const void* factors) {
    return bytes_of(factors, {factors, detail::given_factors(p, t)}, t.factors.dtype);
  };
  const auto chosen = [&](const detail::AppendTensor& t) {
    return extent(t.factors.chosen, t.factors.chosen == nullptr ? 0 : detail::chosen_factors(p, t));
  };
  const auto list = [](std::span<const index_t> l) { return extent(l.data(), static_cast<index_t>(l.size())); };
  return apart({cache(p.k), cache(p.v), chosen(p.k), chosen(p.v)},
               {rows(p.k), rows(p.v), given(p.k, p.k.factors.scale), given(p.k, p.k.factors.offset),
                given(p.v, p.v.factors.scale), given(p.v, p.v.factors.offset), list(p.lengths), list(p.new_rows),
                extent(p.block_table, p.shape.batch * p.max_blocks)});
}

}  // namespace rules

inline Status check_kv_append(const detail::AppendProblem& p) {
  GLINT_PASS_ON(rules::shape(p.shape));
  GLINT_REQUIRE(p.layout == Layout::BSH || p.layout == Layout::BNSD || p.layout == Layout::BSND,
                Code::layout_not_for_operator, "kv_append knows the layouts BSH, BNSD and BSND", p.layout, Layout::BSH);
  GLINT_REQUIRE(p.cache_type != DType::i4 || p.k.dim % 2 == 0, Code::int4_head_dim_odd,
                "rows of an int4 cache must have an even number of numbers", p.k.dim, p.k.dim + 1);
  GLINT_REQUIRE(p.cache_type != DType::i4 || !p.v || p.v.dim % 2 == 0, Code::int4_head_dim_odd,
                "rows of an int4 cache must have an even number of numbers", p.v.dim, p.v.dim + 1);
  if (p.paged) GLINT_PASS_ON(rules::append_pages(p));
  if (p.shape.batch == 0 || p.shape.q_len == 0) return Status::ok();
  GLINT_PASS_ON(rules::append_tensor(p, p.k, Code::null_key));
  if (p.v) GLINT_PASS_ON(rules::append_tensor(p, p.v, Code::null_value));
  GLINT_PASS_ON(rules::append_lengths(p));
  if (p.paged) GLINT_PASS_ON(rules::append_blocks(p));
  GLINT_PASS_ON(rules::append_apart(p));
  GLINT_PASS_ON(rules::append_factor_values(p, p.k));
  return p.v ? rules::append_factor_values(p, p.v) : Status::ok();
}

}  // namespace GLINT_ABI
}  // namespace glint

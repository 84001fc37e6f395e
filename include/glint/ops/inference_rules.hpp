// The rules that prompt_flash_attention and incre_flash_attention share: data types, biases, rope parts, memory
// (operators 1.5, 3 and 8).  Where the cache lies: cache_rules.hpp; what its integers mean: quant_rules.hpp.
#pragma once

#include "glint/ops/quant_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace inference_rules {

using cache_rules::Columns;
using detail::CacheKind, detail::CacheTensor, detail::Extent, detail::InferenceProblem;

inline Status types(DType query, DType cache) {
  const bool floats = query == DType::f16 || query == DType::bf16 || query == DType::f32;
  GLINT_REQUIRE(floats, Code::dtype_query,
                "query must be float16, bfloat16 or float32 (of prompt_flash_attention also int8)", query, DType::f16);
  const bool narrow = query == DType::f32 && (cache == DType::f16 || cache == DType::bf16);
  GLINT_REQUIRE(cache == query || cache == DType::i8 || cache == DType::i4 || narrow, Code::dtype_key_value,
                "key and value must have the data type of query, int8 or int4 (under float32 also a 16-bit float)",
                cache, query);
  return Status::ok();
}

// A batch or query of none makes every product 0; what one entry has must be countable all the same.
inline Shape one_entry(Shape s) {
  s.batch = 1;
  s.q_len = std::max<index_t>(s.q_len, 1);
  return s;
}
// With layout TND the tensors have no batch axis.
inline Status shape(const InferenceProblem& p) {
  Shape tensors = p.shape;
  tensors.batch = p.tensor_batch();
  GLINT_PASS_ON(rules::shape(tensors));
  return rules::shape(one_entry(p.shape));
}

// What both operators ask of shapes and numbers.
inline Status attributes(const InferenceProblem& p) {
  GLINT_PASS_ON(shape(p));
  GLINT_PASS_ON(rules::scale(static_cast<double>(p.scale)));
  for (const index_t dim : {p.shape.head_dim, p.shape.value_size()})
    GLINT_REQUIRE(p.cache_type != DType::i4 || dim % 2 == 0, Code::int4_head_dim_odd,
                  "head sizes of an int4 cache must be even: two numbers share a byte", dim, dim + 1);
  GLINT_REQUIRE(!p.two_outs, Code::two_outputs, "pass out or out_int8, not both", 2, 1);
  return Status::ok();
}

// Rows of a tensor of scores.
inline index_t mask_rows(const InferenceProblem& p) { return p.ragged() ? p.q_rows().longest() : p.shape.q_len; }

inline Status bias(const InferenceProblem& p) {
  const PseTensor& pse = p.pse;
  if (!pse) return Status::ok();
  GLINT_REQUIRE(pse.dtype == p.number_type(), Code::dtype_pse,
                "pse_shift must have the data type of query, float16 beside int8", pse.dtype, p.number_type());
  GLINT_REQUIRE(pse.form == PseForm::dense, Code::pse_shape, "pse_shift is a dense tensor", 1, 0);
  GLINT_PASS_ON(rules::pse_shape(pse, p.shape, mask_rows(p), Columns(p).want(pse.columns)));
  GLINT_REQUIRE(rules::countable({pse.batch, pse.heads, pse.rows, pse.columns}), Code::extent_too_large,
                "pse_shift must have fewer than 2^62 bytes", pse.columns, 1);
  return Status::ok();
}

// Both halves or none, the prefix's too; a cache of integers would need factors for them that nobody documents.
inline Status rope(const InferenceProblem& p) {
  const bool q = p.q_rope != nullptr, k = cache_rules::has_k_rope(p);
  GLINT_REQUIRE(q == k, Code::rope_half, "query_rope and key_rope come together", (q ? 1 : 0) + (k ? 1 : 0), 2);
  GLINT_REQUIRE(q ? p.rope_dim > 0 : p.rope_dim == 0, Code::rope_shape,
                "the head size of query_rope and key_rope must be positive, and 0 without them", p.rope_dim, q ? 1 : 0);
  const bool prefixed = p.prefix_k_rope.data != nullptr;
  GLINT_REQUIRE(prefixed == (q && cache_rules::has_prefix(p)), Code::rope_half,
                "a shared prefix has a rope part if key has one", prefixed ? 1 : 0, prefixed ? 0 : 1);
  if (!q) return Status::ok();
  GLINT_REQUIRE(!quant_rules::holds_integers(p), Code::rope_with_integers,
                "a cache of int8 or int4 takes no query_rope and key_rope", p.cache_type, p.q_type);
  Shape s = one_entry(p.shape);
  s.head_dim = s.value_dim = p.rope_dim;
  return rules::shape(s);
}

// Device maxima of the inference operators (operators 8.2).
struct InferenceMaxima {
  index_t batch, sequence;
};
inline constexpr InferenceMaxima kPromptMaxima{65536, 20971520}, kIncreMaxima{65535, 262144};

inline Status ascend(const InferenceProblem& p, InferenceMaxima most) {
  Shape s = p.shape;
  s.kv_len = p.longest();
  for (index_t b = 0; b < s.batch && p.kind != CacheKind::paged; ++b)
    s.kv_len = (std::max)(s.kv_len, p.prefix_length + p.capacity(b));
  GLINT_REQUIRE(p.q_type != DType::f32, Code::limit_dtype,
                "ascend: query must be float16 or bfloat16 (of prompt_flash_attention also int8)", p.q_type,
                DType::f16);
  GLINT_REQUIRE(s.batch <= most.batch, Code::limit_batch, "ascend: the batch is too large", s.batch, most.batch);
  GLINT_REQUIRE(s.heads <= 256, Code::limit_heads, "ascend: num_heads must not exceed 256", s.heads, 256);
  GLINT_REQUIRE(s.kv_len <= most.sequence && s.q_len <= most.sequence, Code::limit_sequence,
                "ascend: a sequence is too long", s.kv_len > s.q_len ? s.kv_len : s.q_len, most.sequence);
  GLINT_REQUIRE(s.head_dim <= 512, Code::limit_head_dim, "ascend: the head size must not exceed 512", s.head_dim, 512);
  GLINT_REQUIRE(s.heads / s.kv_head_count() <= 64, Code::limit_head_ratio,
                "ascend: num_heads / num_key_value_heads must not exceed 64", s.heads / s.kv_head_count(), 64);
  GLINT_REQUIRE(p.kind != CacheKind::list || s.batch <= 256, Code::limit_batch,
                "ascend: a list of caches has at most 256 tensors", s.batch, 256);
  return Status::ok();
}

// Pages of at most 512 rows, a multiple of `rows` (operators 5).
inline Status ascend_pages(const InferenceProblem& p, index_t rows, const char* rule) {
  GLINT_REQUIRE(p.block_size % rows == 0, Code::limit_block_size, rule, p.block_size, rows);
  GLINT_REQUIRE(p.block_size <= 512, Code::limit_block_size, "ascend: block_size must not exceed 512", p.block_size,
                512);
  GLINT_REQUIRE(p.max_blocks <= 16384, Code::limit_block_columns, "ascend: block_table has at most 16384 columns",
                p.max_blocks, 16384);
  const index_t width = p.shape.kv_head_count() * (std::max)(p.shape.head_dim, p.shape.value_size());
  GLINT_REQUIRE(p.pages == PageLayout::head_major || width <= 65535, Code::limit_page_width,
                "ascend: a row of a page (all heads of a token) must not exceed 65535 numbers", width, 65535);
  GLINT_REQUIRE(p.pages == PageLayout::token_major || p.layout == Layout::BNSD || p.ragged(), Code::limit_combination,
                "ascend: pages (blocks, N2, block_size, D) need layout BNSD or TND", p.layout, Layout::BNSD);
  const index_t columns = p.max_blocks * p.block_size;
  GLINT_REQUIRE(!p.mask || p.mask.columns >= columns, Code::limit_mask_columns,
                "ascend: attn_mask must have a column for every row that block_table names", p.mask.columns, columns);
  GLINT_REQUIRE(!p.pse || p.pse.columns >= columns, Code::limit_mask_columns,
                "ascend: pse_shift must have a column for every row that block_table names", p.pse.columns, columns);
  return Status::ok();
}

// The rows of a tensor lie apart, and its last byte can be counted.
inline Status tensor_strides(Strides s, Dims d) {
  GLINT_PASS_ON(rules::strides(s, d.dim));
  GLINT_REQUIRE(
      rules::countable({d.batch, s.batch}) && rules::countable({d.heads, s.head}) && rules::countable({d.rows, s.row}),
      Code::extent_too_large, "a tensor with strides must span fewer than 2^61 bytes", s.batch, 1);
  return Status::ok();
}

inline Extent bytes_of(const void* data, DType type, index_t count) {
  return {data, data == nullptr ? 0 : count * size_of(type)};
}
inline Extent bytes_of(const void* data, DType type, Strides s, Dims d) {
  Extent whole = detail::extent(static_cast<const std::byte*>(data), s, d);
  whole.bytes *= size_of(type);
  return whole;
}

// One of the cache's tensors, as storage.
inline Dims dims_of(const InferenceProblem& p, const CacheTensor& t) {
  const Shape& s = p.shape;
  const bool paged = p.kind == CacheKind::paged;
  return {paged ? p.blocks : p.tensor_batch(), s.kv_head_count(), paged ? p.block_size : s.kv_len, p.stored(t.dim)};
}

// The cache and its prefix lie apart from `outputs`.
inline Status cache_apart(const InferenceProblem& p, std::initializer_list<Extent> outputs) {
  const index_t heads = p.shape.kv_head_count();
  for (const CacheTensor* t : {&p.k, &p.v, &p.k_rope}) {
    GLINT_PASS_ON(rules::apart(outputs, {bytes_of(t->data, p.cache_type, t->strides, dims_of(p, *t))}));
    for (index_t b = 0; b < t->list.count; ++b)
      GLINT_PASS_ON(
          rules::apart(outputs, {bytes_of(t->list[b], p.cache_type, heads * p.list_rows[b] * p.stored(t->dim))}));
  }
  for (const CacheTensor* t : {&p.prefix_k, &p.prefix_v, &p.prefix_k_rope})
    GLINT_PASS_ON(rules::apart(
        outputs, {bytes_of(t->data, p.cache_type, t->strides, {1, heads, p.prefix_rows, p.stored(t->dim)})}));
  return Status::ok();
}

// So do the factors.
inline Status factors_apart(const InferenceProblem& p, std::initializer_list<Extent> outputs) {
  const auto antiquant = [&](const Antiquant& a, index_t dim) {
    const index_t count = a ? quant_rules::factors(a, p, dim) : 0;
    return rules::apart(outputs, {bytes_of(a.scale, a.dtype, count), bytes_of(a.offset, a.dtype, count)});
  };
  GLINT_PASS_ON(antiquant(p.k_antiquant, p.shape.head_dim));
  GLINT_PASS_ON(antiquant(p.v_antiquant, p.shape.value_size()));
  const PostQuant& f = p.post_quant;
  return rules::apart(outputs, {bytes_of(f.scale, f.dtype, f.channels), bytes_of(f.offset, f.dtype, f.channels)});
}

inline Status memory(const InferenceProblem& p) {
  const Shape& s = p.shape;
  if (s.batch == 0 || s.q_len == 0) return Status::ok();
  const index_t batch = p.tensor_batch();
  const Dims q{batch, s.heads, s.q_len, s.head_dim}, q_rope{batch, s.heads, s.q_len, p.rope_dim};
  const Dims out{batch, s.heads, s.q_len, s.value_size()};
  GLINT_REQUIRE(p.q != nullptr, Code::null_query, "query must not be null", 0, 1);
  GLINT_PASS_ON(cache_rules::pointers(p));
  GLINT_REQUIRE(p.out != nullptr, Code::null_output, "attention_out must not be null", 0, 1);
  GLINT_PASS_ON(tensor_strides(p.q_strides, q));
  GLINT_PASS_ON(tensor_strides(p.q_rope_strides, q_rope));
  for (const CacheTensor* t : {&p.k, &p.v, &p.k_rope})
    if (t->data != nullptr) GLINT_PASS_ON(tensor_strides(t->strides, dims_of(p, *t)));
  GLINT_PASS_ON(tensor_strides(p.out_strides, out));
  GLINT_PASS_ON(rules::output_strides(p.out_strides, out));
  const std::initializer_list<Extent> outputs = {
      bytes_of(p.out, p.out_is_int8 ? DType::i8 : p.number_type(), p.out_strides, out),
      bytes_of(p.lse, DType::f32, batch * s.heads * s.q_len)};
  GLINT_PASS_ON(rules::apart(
      outputs,
      {bytes_of(p.q, p.q_type, p.q_strides, q), bytes_of(p.q_rope, p.q_type, p.q_rope_strides, q_rope),
       detail::mask_extent(p.mask), detail::mask_extent(p.tree), detail::pse_extent(p.pse),
       bytes_of(p.sink, p.number_type(), s.heads), bytes_of(p.block_table, DType::i32, s.batch * p.max_blocks)}));
  GLINT_PASS_ON(cache_apart(p, outputs));
  return factors_apart(p, outputs);
}

// What is read through the caller's pointers: factors and the block table.  It comes last.
inline Status contents(const InferenceProblem& p) {
  if (p.shape.batch == 0) return Status::ok();
  GLINT_PASS_ON(quant_rules::antiquant_values(p));
  GLINT_PASS_ON(quant_rules::post_quant_values(p));
  return cache_rules::block_ids(p);
}

}  // namespace inference_rules
}  // namespace GLINT_ABI
}  // namespace glint

// Where the cache of a run-time call lies: one tensor, a list, pages, left padding, a shared prefix, rope parts.  Call:
// a call of prompt_flash_attention or incre_flash_attention.
#pragma once

#include "glint/dispatch/call.hpp"
#include "glint/ops/inference_rules.hpp"

namespace glint {
inline namespace GLINT_ABI {
namespace dispatch {

// int4 the documents' way, eight numbers in an int32, becomes i4 with its logical shape.  Extents that cannot grow are
// left alone: the rule of data types refuses them.
inline TensorRef unpacked(TensorRef t) {
  const int last = t.shape.rank - 1;
  if (t.dtype != DType::i32 || last < 0 || last > 3) return t;
  index_t& extent = t.shape.extent[last];
  if (extent < 0 || extent > (std::numeric_limits<index_t>::max)() / 8) return t;
  t.dtype = DType::i4;
  extent *= 8;
  return t;
}

// key and value, whichever way they came.
struct KeyValue {
  TensorRef key{}, value{};                     // of lists the first tensors
  std::span<const TensorRef> keys{}, values{};  // empty: one tensor

  bool is_list() const { return !keys.empty(); }
};

template <class Call>
Status read_key_value(const Call& c, KeyValue& kv) {
  const auto keys = static_cast<index_t>(c.key_list.size()), values = static_cast<index_t>(c.value_list.size());
  if (keys == 0 && values == 0) {
    kv = {unpacked(c.key), unpacked(c.value)};
    return Status::ok();
  }
  GLINT_REQUIRE(!c.key.present() && !c.value.present(), Code::kv_list_and_tensor,
                "pass key and value, or key_list and value_list", 1, 0);
  GLINT_REQUIRE(keys == values, Code::kv_list_size, "key_list and value_list must have the same size", values, keys);
  kv = {unpacked(c.key_list[0]), unpacked(c.value_list[0])};
  if (keys > 1) kv.keys = c.key_list, kv.values = c.value_list;
  return Status::ok();
}

inline Status value_like_key(const KeyValue& kv) {
  GLINT_REQUIRE(kv.value.dtype == kv.key.dtype, Code::dtype_key_value, "value must have the data type of key",
                kv.value.dtype, kv.key.dtype);
  return Status::ok();
}

// What a pool, (blocks, block_size, N2 * D) or (blocks, N2, block_size, D), would be as a cache without rows, so that
// heads and head sizes are read like those of any other.
template <class Call>
Status page_operand(const Call& c, const LayoutName& layout, TensorRef& pool) {
  const Extents& e = pool.shape;
  const index_t batch = layout.batch >= 0 ? c.query.shape[layout.batch] : 0;
  if (e.rank == 4) {
    GLINT_REQUIRE(layout.layout == Layout::BNSD || layout.layout == Layout::TND, Code::paged_layout,
                  "pages (blocks, N2, block_size, D) need layout BNSD or TND", e.rank, 3);
    pool.shape = extents_in(layout, {batch, e[1], 0, e[3]});
    return Status::ok();
  }
  GLINT_REQUIRE(e.rank == 3, Code::rank_mismatch,
                "pages are (blocks, block_size, N2 * D), with layout BNSD and TND also (blocks, N2, block_size, D)",
                e.rank, 3);
  index_t heads = c.num_key_value_heads == 0 ? c.num_heads : c.num_key_value_heads;
  if (layout.heads < 0 || heads <= 0) heads = 1;  // the hidden size is read, or the number refused, further on
  GLINT_REQUIRE(e[2] % heads == 0, Code::hidden_not_divisible,
                "the width of a page must be a multiple of the number of kv heads", e[2], heads);
  pool.shape = extents_in(layout, {batch, heads, 0, e[2] / heads});
  return Status::ok();
}

inline Status read_block_table(const TensorRef& table, detail::InferenceProblem& p) {
  GLINT_REQUIRE(table.dtype == DType::i32, Code::block_table_dtype, "block_table is int32", table.dtype, DType::i32);
  GLINT_PASS_ON(one_of(table.shape, {{p.shape.batch, -1}}, Code::block_table_shape,
                       "block_table must have the shape (B, max_blocks)"));
  p.block_table = static_cast<const std::int32_t*>(table.data);
  p.max_blocks = table.shape[1];
  return Status::ok();
}

template <class Call>
Status read_pages(const Call& c, const KeyValue& kv, detail::InferenceProblem& p) {
  GLINT_PASS_ON(cache_rules::block_size(c.block_size));
  const Extents &key = kv.key.shape, &value = kv.value.shape;
  GLINT_REQUIRE(value.rank == key.rank, Code::kv_shape_mismatch, "key and value must have pages of the same form",
                value.rank, key.rank);
  const int slots = key.rank - 2;
  for (const Extents* e : {&key, &value})
    GLINT_REQUIRE((*e)[slots] == c.block_size, Code::kv_shape_mismatch, "a page must have block_size rows", (*e)[slots],
                  c.block_size);
  GLINT_REQUIRE(value[0] == key[0], Code::kv_shape_mismatch, "key and value must have the same number of blocks",
                value[0], key[0]);
  p.kind = detail::CacheKind::paged;
  p.block_size = c.block_size;
  p.blocks = key[0];
  p.pages = key.rank == 4 ? PageLayout::head_major : PageLayout::token_major;
  p.k = detail::pool_tensor(p, data_of(kv.key), p.shape.head_dim);
  p.v = detail::pool_tensor(p, data_of(kv.value), p.shape.value_dim);
  return read_block_table(c.block_table, p);
}

// The fields of a list of tensors are the problem's lists.
inline Status read_list(const KeyValue& kv, const LayoutName& layout, detail::InferenceProblem& p) {
  const Shape& s = p.shape;
  for (std::size_t b = 0; b < kv.keys.size(); ++b) {
    const TensorRef key = unpacked(kv.keys[b]), value = unpacked(kv.values[b]);
    for (const DType type : {key.dtype, value.dtype})
      GLINT_REQUIRE(type == p.cache_type, Code::dtype_key_value, "all tensors of a list must have one data type", type,
                    p.cache_type);
    GLINT_PASS_ON(one_of(key.shape, {extents_in(layout, {1, s.kv_heads, -1, s.head_dim})}, Code::kv_list_shape,
                         "keys of a list have batch 1 and differ in their rows only"));
    GLINT_PASS_ON(one_of(value.shape, {extents_in(layout, {1, s.kv_heads, key.shape[layout.rows], s.value_dim})},
                         Code::kv_list_shape, "a value of a list must have batch 1 and the rows of its key"));
  }
  p.kind = detail::CacheKind::list;
  const auto count = static_cast<index_t>(kv.keys.size());
  const auto list = [count](const TensorRef& first, index_t dim) -> detail::CacheTensor {
    return {nullptr, {&first.data, count, sizeof(TensorRef)}, {}, dim};
  };
  p.k = list(kv.keys[0], s.head_dim);
  p.v = list(kv.values[0], s.value_dim);
  p.list_rows = {&kv.keys[0].shape.extent[layout.rows], count, sizeof(TensorRef)};
  return Status::ok();
}

// A number of padded rows: one int64, below 0 as 0.  It counts only beside actual lengths (operators 5).
struct PaddingRules {
  struct Rule {
    Code code;
    const char* text;
  } dtype, shape, null;
};
inline constexpr PaddingRules kKvPadding{{Code::kv_padding_dtype, "kv_padding_size is int64"},
                                         {Code::kv_padding_shape, "kv_padding_size is one number"},
                                         {Code::kv_padding_null, "kv_padding_size has a shape but no data"}};
inline constexpr PaddingRules kQueryPadding{{Code::query_padding_dtype, "query_padding_size is int64"},
                                            {Code::query_padding_shape, "query_padding_size is one number"},
                                            {Code::query_padding_null, "query_padding_size has a shape but no data"}};

inline Status read_padding_rows(const TensorRef& padding, const PaddingRules& say, index_t& rows) {
  GLINT_REQUIRE(padding.dtype == DType::i64, say.dtype.code, say.dtype.text, padding.dtype, DType::i64);
  GLINT_PASS_ON(one_of(padding.shape, {{1}, {}}, say.shape.code, say.shape.text));
  GLINT_REQUIRE(padding.data != nullptr, say.null.code, say.null.text, 0, 1);
  rows = (std::max)(index_t{0}, index_t{*static_cast<const std::int64_t*>(padding.data)});
  return Status::ok();
}

template <class Call>
Status read_padding(const Call& c, detail::InferenceProblem& p) {
  if (!c.kv_padding_size.present()) return Status::ok();
  GLINT_PASS_ON(read_padding_rows(c.kv_padding_size, kKvPadding, p.padding));
  if (p.kv_lens.empty()) return Status::ok();
  GLINT_REQUIRE(!p.ragged(), Code::cache_not_for_layout, "layout TND takes no kv_padding_size", 1, 0);
  GLINT_REQUIRE(p.kind != detail::CacheKind::paged, Code::paged_with_padding, "pages take no kv_padding_size", 1, 0);
  GLINT_REQUIRE(p.kind != detail::CacheKind::list, Code::kv_list_with_padding, "a list takes no kv_padding_size", 1, 0);
  p.kind = detail::CacheKind::left_padded;
  return Status::ok();
}

template <class Call>
Status read_query_padding(const Call& c, detail::InferenceProblem& p) {
  if (!c.query_padding_size.present()) return Status::ok();
  index_t rows = 0;
  GLINT_PASS_ON(read_padding_rows(c.query_padding_size, kQueryPadding, rows));
  if (!p.q_lens.empty()) p.q_padding = rows;
  return Status::ok();
}

template <class Call>
Status read_prefix(const Call& c, const LayoutName& layout, detail::InferenceProblem& p) {
  const TensorRef key = unpacked(c.key_shared_prefix), value = unpacked(c.value_shared_prefix);
  const index_t length = c.actual_shared_prefix_len;
  if (!key.present() && !value.present()) {
    GLINT_REQUIRE(length <= 0, Code::shared_prefix_length, "actual_shared_prefix_len needs a shared prefix", length, 0);
    return Status::ok();
  }
  GLINT_REQUIRE(key.present() && value.present(), Code::shared_prefix_half,
                "key_shared_prefix and value_shared_prefix come together", 1, 2);
  for (const DType type : {key.dtype, value.dtype})
    GLINT_REQUIRE(type == p.cache_type, Code::dtype_key_value, "a shared prefix must have the data type of key", type,
                  p.cache_type);
  const Shape& s = p.shape;
  GLINT_PASS_ON(one_of(key.shape, {extents_in(layout, {1, s.kv_heads, -1, s.head_dim})}, Code::shared_prefix_shape,
                       "key_shared_prefix must have the shape of key with batch 1"));
  p.prefix_rows = key.shape[layout.rows];
  GLINT_PASS_ON(one_of(value.shape, {extents_in(layout, {1, s.kv_heads, p.prefix_rows, s.value_dim})},
                       Code::shared_prefix_shape, "value_shared_prefix must have batch 1 and the prefix's rows"));
  p.prefix_k = detail::cache_tensor(p, data_of(key), {}, 1, p.prefix_rows, s.head_dim);
  p.prefix_v = detail::cache_tensor(p, data_of(value), {}, 1, p.prefix_rows, s.value_dim);
  GLINT_REQUIRE(p.prefix_k.data != nullptr, Code::null_key, "key_shared_prefix must not be null", 0, 1);
  GLINT_REQUIRE(p.prefix_v.data != nullptr, Code::null_value, "value_shared_prefix must not be null", 0, 1);
  p.prefix_length = length == -1 ? p.prefix_rows : length;
  return Status::ok();
}

// query_rope is like query and key_rope like key, with a head size of their own.
template <class Call>
Status read_rope(const Call& c, const LayoutName& layout, detail::InferenceProblem& p) {
  const TensorRef &q = c.query_rope, &k = c.key_rope;
  if (!q.present() && !k.present()) return Status::ok();
  GLINT_REQUIRE(q.present() && k.present(), Code::rope_half, "query_rope and key_rope come together", 1, 2);
  GLINT_REQUIRE(!quant_rules::holds_integers(p), Code::rope_with_integers,
                "a cache of int8 or int4 takes no query_rope and key_rope", p.cache_type, p.q_type);
  GLINT_REQUIRE(q.dtype == p.q_type, Code::rope_dtype, "query_rope must have the data type of query", q.dtype,
                p.q_type);
  GLINT_REQUIRE(k.dtype == p.cache_type, Code::rope_dtype, "key_rope must have the data type of key", k.dtype,
                p.cache_type);
  const Shape& s = p.shape;
  GLINT_REQUIRE(q.shape.rank == layout.rank, Code::rope_shape, "query_rope must have the rank of query", q.shape.rank,
                layout.rank);
  p.rope_dim = q.shape[layout.last] / (layout.heads >= 0 ? 1 : s.heads);
  GLINT_REQUIRE(p.rope_dim > 0, Code::rope_shape, "the head size of query_rope must be at least 1", p.rope_dim, 1);
  GLINT_PASS_ON(one_of(q.shape, {extents_in(layout, {s.batch, s.heads, s.q_len, p.rope_dim})}, Code::rope_shape,
                       "query_rope must have the shape of query but for its head size"));
  GLINT_REQUIRE(p.kind != detail::CacheKind::list, Code::rope_shape,
                "key_rope is one tensor: a list of caches would need one for each", p.list_rows.count, 1);
  GLINT_REQUIRE(rules::countable({s.kv_heads, p.rope_dim}), Code::extent_too_large, "the head size is too large",
                p.rope_dim, 1);
  const bool paged = p.kind == detail::CacheKind::paged, token_major = p.pages == PageLayout::token_major;
  const Extents key = !paged        ? extents_in(layout, {s.batch, s.kv_heads, s.kv_len, p.rope_dim})
                      : token_major ? Extents{p.blocks, p.block_size, s.kv_heads * p.rope_dim}
                                    : Extents{p.blocks, s.kv_heads, p.block_size, p.rope_dim};
  GLINT_PASS_ON(one_of(k.shape, {key}, Code::rope_shape, "key_rope must have the shape of key but for its head size"));
  p.q_rope = data_of(q);
  p.q_rope_strides = detail::safe_strides({}, p.layout, {s.batch, s.heads, s.q_len, p.rope_dim});
  p.k_rope = paged ? detail::pool_tensor(p, data_of(k), p.rope_dim)
                   : detail::cache_tensor(p, data_of(k), {}, s.batch, s.kv_len, p.rope_dim);
  GLINT_REQUIRE(p.q_rope != nullptr && p.k_rope.data != nullptr, Code::rope_null,
                "query_rope and key_rope must not be null", 0, 1);
  return Status::ok();
}

// key and value, and all that belongs to them; p knows the data types and lengths already.
template <class Call>
Status read_cache(const Call& c, const LayoutPair& layouts, KeyValue& kv, detail::InferenceProblem& p) {
  const LayoutName& layout = *layouts.in;
  const bool paged = c.block_table.present();
  GLINT_REQUIRE(!paged || !kv.is_list(), Code::paged_with_list, "pages take no list of caches", kv.keys.size(), 1);
  GLINT_REQUIRE(paged || c.block_size == 0, Code::block_table_missing, "block_size needs block_table", 0, 1);
  GLINT_REQUIRE(!kv.is_list() || layout.batch >= 0, Code::cache_not_for_layout,
                "layout TND takes keys in one tensor or in pages", kv.keys.size(), 1);
  Operands o{c.query, kv.key, kv.value, c.attention_out, c.num_heads, c.num_key_value_heads};
  for (TensorRef* operand : {&o.key, &o.value}) {
    if (paged) GLINT_PASS_ON(page_operand(c, layout, *operand));
    if (kv.is_list()) operand->shape.extent[layout.batch] = c.query.shape[layout.batch];
  }
  Shape& s = p.shape;
  GLINT_PASS_ON(read_shapes(o, layouts, s));
  if (p.ragged()) s.batch = static_cast<index_t>(p.q_lens.size());
  GLINT_PASS_ON(inference_rules::shape(p));
  if (paged) {
    GLINT_PASS_ON(read_pages(c, kv, p));
  } else if (kv.is_list()) {
    s.kv_len = 0;  // the list's own rows count
    GLINT_PASS_ON(read_list(kv, layout, p));
  } else {
    p.k = detail::cache_tensor(p, kv.key.data, {}, s.batch, s.kv_len, s.head_dim);
    p.v = detail::cache_tensor(p, kv.value.data, {}, s.batch, s.kv_len, s.value_dim);
  }
  GLINT_PASS_ON(read_padding(c, p));
  GLINT_PASS_ON(read_prefix(c, layout, p));
  return read_rope(c, layout, p);
}

// What a call says beside its tensors.
template <class Call>
Status read_attributes(const Call& c, const LayoutPair& layouts, detail::InferenceProblem& p) {
  GLINT_REQUIRE(c.num_key_value_heads >= 0, Code::head_num_not_positive, "num_key_value_heads must not be negative",
                c.num_key_value_heads, 0);
  p.layout = layouts.in->layout;
  p.limits = c.limits;
  p.scale = static_cast<float>(c.scale_value);
  p.empty_lse = std::numeric_limits<float>::infinity();
  return Status::ok();
}

// query, key, value and attention_out.
template <class Call>
Status read_operands(const Call& c, const LayoutPair& layouts, KeyValue& kv, detail::InferenceProblem& p) {
  GLINT_PASS_ON(read_cache(c, layouts, kv, p));
  const Shape& s = p.shape;
  p.q = c.query.data;
  p.q_strides = detail::safe_strides({}, p.layout, {s.batch, s.heads, s.q_len, s.head_dim});
  p.out = c.attention_out.data;
  p.out_is_int8 = c.attention_out.dtype == DType::i8;
  p.out_strides = detail::safe_strides({}, layouts.out->layout, {s.batch, s.heads, s.q_len, s.value_dim});
  GLINT_REQUIRE(!c.padding_mask.present(), Code::padding_mask_given, "padding_mask is reserved and must be absent", 1,
                0);
  return Status::ok();
}

}  // namespace dispatch
}  // namespace GLINT_ABI
}  // namespace glint

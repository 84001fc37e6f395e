// Query, key and value fit each other.
#include <algorithm>
#include <limits>

#include "kit/bundle/sound_parts.hpp"
#include "kit/bundle/types.hpp"

namespace kit::sound {

namespace {

constexpr std::string_view kLayouts[] = {"BSH", "SBH", "BNSD", "BSND", "TND", "NTD"};

bool known_layout(std::string_view name) { return std::count(std::begin(kLayouts), std::end(kLayouts), name) != 0; }
bool folds_heads(std::string_view layout) { return layout == "BSH" || layout == "SBH"; }
index_t rank_of(std::string_view layout) { return layout == "BNSD" || layout == "BSND" ? 4 : 3; }

std::string check_layout(const AttentionCase& spec, Shapes& shapes) {
  shapes.layout = glint::reference::input_layout(spec.layout);
  shapes.out_layout = glint::reference::output_layout(spec.layout);
  const bool packed = glint::reference::is_packed(shapes.layout);
  const bool known = known_layout(shapes.layout) && (known_layout(shapes.out_layout) || shapes.out_layout == "NBSD");
  if (known && packed == glint::reference::is_packed(shapes.out_layout)) return {};
  return wrong("layout", "got " + in_quotes(spec.layout) + ", want BSH, SBH, BNSD, BSND, TND, NTD or such a pair");
}

// Extents of a tensor with so many heads.
std::string take_extent(std::string_view name, const Array& tensor, std::string_view layout, index_t heads,
                        Extent& extent) {
  if (tensor.rank() != rank_of(layout))
    return wrong(name, "shape " + text_of(tensor.shape) + ", want " + std::to_string(rank_of(layout)) + " axes for " +
                           std::string(layout));
  if (folds_heads(layout) && (heads < 1 || tensor.shape[2] % heads != 0))
    return want(name, "last axis", tensor.shape[2], "a multiple of " + std::to_string(heads) + " heads");
  extent = glint::reference::extent_of(tensor, layout, heads);
  if (extent.width < 1) return want(name, "head width", extent.width, "at least 1");
  if (extent.batch > kMostBatches) return want(name, "batch", extent.batch, "at most " + std::to_string(kMostBatches));
  if (extent.rows > kMostTokens) return want(name, "rows", extent.rows, "at most 2^40");
  return unequal(name, "heads", extent.heads, heads);
}

std::string check_query(const AttentionCase& spec, Shapes& shapes) {
  if (!spec.query.present()) return "query: there is none";
  return take_extent("query", spec.query, shapes.layout, spec.head_num, shapes.query);
}

// A page of rank 3, 4 or 5 holds `block_size` rows of `heads` heads.
std::string check_pages(std::string_view name, const Array& pages, index_t block_size, index_t heads, index_t& width) {
  const std::vector<index_t>& shape = pages.shape;
  if (pages.rank() < 3 || pages.rank() > 5)
    return wrong(name, "shape " + text_of(shape) + ", want 3 to 5 axes for pages");
  const std::size_t slots = pages.rank() == 3 ? 1 : pages.rank() == 4 ? 2 : 3;
  if (std::string error = unequal(name, "rows of a page", shape[slots], block_size); !error.empty()) return error;
  if (pages.rank() == 3) {
    width = shape[2] / heads;
    return shape[2] % heads == 0 && width >= 1
               ? ""
               : want(name, "last axis", shape[2], "a multiple of " + std::to_string(heads) + " heads");
  }
  if (std::string error = unequal(name, "heads", shape[1], heads); !error.empty()) return error;
  width = pages.rank() == 4 ? shape[3] : elements_of({shape[2], shape[4]}).value_or(0);
  return width >= 1 ? "" : want(name, "head width", width, "at least 1");
}

// N2, from the case or from the shape of its keys.
std::string take_kv_heads(const AttentionCase& spec, Shapes& shapes) {
  const Array& keys = glint::reference::key_sample(spec);
  const index_t least = shapes.paged ? 3 : rank_of(shapes.layout);
  if (keys.rank() < least)
    return wrong("key", "shape " + text_of(keys.shape) + ", want " + std::to_string(least) + " axes");
  shapes.kv_heads = glint::reference::kv_heads_of(spec);
  if (shapes.kv_heads < 1 || spec.head_num % shapes.kv_heads != 0)
    return want("key", "heads", shapes.kv_heads, "a divisor of " + std::to_string(spec.head_num));
  return {};
}

std::string check_paged(const AttentionCase& spec, Shapes& shapes) {
  const auto& table = spec.paging.block_table;
  const index_t block_size = spec.paging.block_size;
  if (block_size < 1 || block_size > kMostTokens) return want("paging.block_size", "got", block_size, "at least 1");
  if (table.rank() != 2) return wrong("block_table", "shape " + text_of(table.shape) + ", want 2 axes");
  if (table.shape[1] > kMostTokens / block_size) return want("block_table", "columns", table.shape[1], "fewer");
  shapes.key_rows = shapes.most_key_rows = table.shape[1] * block_size;
  if (spec.key_list.size() > 1) return "key_list: pages are one tensor";
  if (spec.key_shared_prefix.present()) return "key_shared_prefix: there is none beside pages";
  const index_t heads = shapes.kv_heads;
  std::string error = check_pages("key", glint::reference::key_sample(spec), block_size, heads, shapes.key_width);
  if (error.empty())
    error = check_pages("value", glint::reference::value_sample(spec), block_size, heads, shapes.value_width);
  if (error.empty() && spec.key_rope.present())
    error = check_pages("key_rope", spec.key_rope, block_size, heads, shapes.rope_width);
  return error;
}

// A pair of plain tensors: of a list, each with a batch entry of its own.
std::string check_pair(const AttentionCase& spec, const Array& key, const Array& value, bool own_tensor,
                       Shapes& shapes) {
  Extent keys, values;
  std::string error = take_extent("key", key, shapes.layout, shapes.kv_heads, keys);
  if (error.empty()) error = take_extent("value", value, shapes.layout, shapes.kv_heads, values);
  if (error.empty()) error = unequal("value", "rows", values.rows, keys.rows);
  if (error.empty()) error = unequal("key", "batch", keys.batch, own_tensor ? 1 : shapes.query.batch);
  if (error.empty()) error = unequal("value", "batch", values.batch, keys.batch);
  if (!error.empty()) return error;
  const bool first = &key == &glint::reference::key_sample(spec);
  if (first) shapes.key_width = keys.width, shapes.value_width = values.width, shapes.key_rows = keys.rows;
  shapes.key_rows = std::min(shapes.key_rows, keys.rows);
  shapes.most_key_rows = std::max(shapes.most_key_rows, keys.rows);
  return first_error({unequal("key", "head width", keys.width, shapes.key_width),
                      unequal("value", "head width", values.width, shapes.value_width)});
}

std::string check_list(const AttentionCase& spec, Shapes& shapes) {
  const auto count = static_cast<index_t>(spec.key_list.size());
  const bool own_tensor = count > 1;
  if (own_tensor && count != shapes.query.batch)
    return want("key_list", "tensors", count, "one, or " + std::to_string(shapes.query.batch));
  if (own_tensor && glint::reference::is_packed(shapes.layout)) return "key_list: there is none in packed layouts";
  std::string error;
  for (std::size_t b = 0; b < spec.key_list.size() && error.empty(); ++b) {
    error = check_pair(spec, spec.key_list[b], spec.value_list[b], own_tensor, shapes);
    if (!error.empty()) error = "key_list, value_list, tensors " + std::to_string(b) + ": " + error;
  }
  return error;
}

std::string check_keys(const AttentionCase& spec, Shapes& shapes) {
  shapes.paged = spec.paging.block_table.present();
  const auto keys = static_cast<index_t>(spec.key_list.size()), values = static_cast<index_t>(spec.value_list.size());
  if (std::string error = unequal("value_list", "tensors", values, keys); !error.empty()) return error;
  if (std::string error = take_kv_heads(spec, shapes); !error.empty()) return error;
  if (shapes.paged) return check_paged(spec, shapes);
  if (keys > 0) return check_list(spec, shapes);
  return check_pair(spec, spec.key, spec.value, false, shapes);
}

// More width of the scores; the oracle has it beside plain tensors and pages only.
std::string check_rope(const AttentionCase& spec, Shapes& shapes) {
  if (spec.query_rope.present() != spec.key_rope.present()) return "query_rope, key_rope: want both or none";
  if (!spec.query_rope.present()) return {};
  if (spec.key_list.size() > 1 || spec.key_shared_prefix.present())
    return "key_rope: there is none beside lists and a shared prefix";
  Extent queries, keys{shapes.query.batch, shapes.key_rows, shapes.kv_heads, shapes.rope_width};
  std::string error = take_extent("query_rope", spec.query_rope, shapes.layout, spec.head_num, queries);
  if (error.empty() && !shapes.paged)
    error = take_extent("key_rope", spec.key_rope, shapes.layout, shapes.kv_heads, keys);
  if (!error.empty()) return error;
  return first_error({unequal("query_rope", "batch", queries.batch, shapes.query.batch),
                      unequal("query_rope", "rows", queries.rows, shapes.query.rows),
                      unequal("key_rope", "batch", keys.batch, shapes.query.batch),
                      unequal("key_rope", "rows", keys.rows, shapes.key_rows),
                      unequal("key_rope", "head width", keys.width, queries.width)});
}

std::string check_prefix(const AttentionCase& spec, Shapes& shapes) {
  if (spec.key_shared_prefix.present() != spec.value_shared_prefix.present())
    return "key_shared_prefix, value_shared_prefix: want both or none";
  if (!spec.key_shared_prefix.present()) return {};
  Extent keys, values;
  std::string error = take_extent("key_shared_prefix", spec.key_shared_prefix, shapes.layout, shapes.kv_heads, keys);
  if (error.empty())
    error = take_extent("value_shared_prefix", spec.value_shared_prefix, shapes.layout, shapes.kv_heads, values);
  if (!error.empty()) return error;
  shapes.shared_prefix = spec.actual_shared_prefix_len.value_or(keys.rows);
  if (shapes.shared_prefix < 0 || shapes.shared_prefix > keys.rows)
    return want("actual_shared_prefix_len", "got", shapes.shared_prefix, "0 to " + std::to_string(keys.rows));
  return first_error({unequal("key_shared_prefix", "batch", keys.batch, 1),
                      unequal("value_shared_prefix", "batch", values.batch, 1),
                      unequal("value_shared_prefix", "rows", values.rows, keys.rows),
                      unequal("key_shared_prefix", "head width", keys.width, shapes.key_width),
                      unequal("value_shared_prefix", "head width", values.width, shapes.value_width)});
}

}  // namespace

std::string check_shapes(const AttentionCase& spec, Shapes& shapes) {
  std::string error = check_layout(spec, shapes);
  if (error.empty()) error = check_query(spec, shapes);
  if (error.empty()) error = check_keys(spec, shapes);
  if (error.empty()) error = unequal("key", "head width", shapes.key_width, shapes.query.width);
  if (error.empty()) error = check_prefix(spec, shapes);
  if (error.empty()) error = check_rope(spec, shapes);
  if (!error.empty()) return error;
  shapes.out = shapes.query;
  shapes.out.width = shapes.value_width;
  const std::vector<index_t> out = glint::reference::shape_of(shapes.out, shapes.out_layout);
  return elements_of(out) ? "" : wrong("out", "shape " + text_of(out) + " has too many elements to count");
}

}  // namespace kit::sound

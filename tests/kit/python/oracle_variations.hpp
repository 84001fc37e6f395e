// Changes of drawn questions to what the drawing of cases never asks: caps, other layouts and shapes of the same
// tensors, rope in training, trees, pages of five axes, parameters that must have no effect.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "glint/reference/layout.hpp"
#include "kit/question.hpp"
#include "support/random.hpp"

namespace kit::variation {

using glint::reference::Operator;
using glint_test::Random;
using Spec = AttentionCase;

inline bool is_int8(const Spec& spec) { return spec.int8.dequant_scale1.present(); }
inline bool is_training(const Spec& spec) { return spec.op == Operator::score; }
inline bool is_paged(const Spec& spec) { return spec.paging.block_table.present(); }
inline bool is_packed(const Spec& spec) {
  return glint::reference::is_packed(glint::reference::input_layout(spec.layout));
}
// No lengths, pages, lists or prefix: every entry has the rows of the tensors.
inline bool is_plain(const Spec& spec) {
  return spec.key_list.empty() && !is_paged(spec) && !spec.key_shared_prefix.present() &&
         (is_training(spec) || (spec.actual_seq_qlen.empty() && spec.actual_seq_kvlen.empty()));
}

inline bool cap_scores(Random& random, Question& question) {
  if (is_int8(question.spec)) return false;
  question.spec.softcap = random.pick(0.5, 3.0, 30.0);
  question.spec.softcap_order =
      random.pick(glint::reference::SoftcapOrder::before_bias, glint::reference::SoftcapOrder::after_bias);
  return true;
}

inline bool average_invalid_rows(Random&, Question& question) {
  if (is_int8(question.spec)) return false;
  question.spec.invalid_row = glint::reference::InvalidRow::uniform;
  return true;
}

// Numbers for `width` more columns beside the rows of `beside`.
inline Array more_columns(Random& random, const Array& beside, const std::string& layout, index_t heads,
                          index_t width) {
  auto extent = glint::reference::extent_of(beside, layout, heads);
  extent.width = width;
  Array rows(glint::reference::shape_of(extent, layout));
  for (double& number : rows.data) number = random.normal();
  return rows;
}

inline bool add_rope(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (!is_training(spec)) return false;
  const index_t width = random.between(1, 9);
  spec.query_rope = more_columns(random, spec.query, spec.layout, spec.head_num, width);
  spec.key_rope = more_columns(random, spec.key, spec.layout, glint::reference::kv_heads_of(spec), width);
  return true;
}

inline Array with_layout(const Array& from, const std::string& old_name, const std::string& name, index_t heads) {
  if (!from.present()) return from;
  const auto extent = glint::reference::extent_of(from, old_name, heads);
  Array to(glint::reference::shape_of(extent, name));
  for (index_t b = 0; b < extent.batch; ++b)
    for (index_t n = 0; n < extent.heads; ++n)
      for (index_t i = 0; i < extent.rows; ++i)
        for (index_t d = 0; d < extent.width; ++d)
          to.flat(glint::reference::row_position(extent, name, b, n, i) + d) =
              from.flat(glint::reference::row_position(extent, old_name, b, n, i) + d);
  return to;
}

// NTD in, NTD or TND out; or TND in, NTD out.
inline bool turn_packed(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (spec.layout != "TND") return false;
  const index_t heads = spec.head_num, kv_heads = glint::reference::kv_heads_of(spec);
  spec.layout = random.pick("NTD", "NTD_TND", "TND_NTD");
  spec.kv_head_num = kv_heads;
  if (spec.layout != "NTD_TND") question.d_out = with_layout(question.d_out, "TND", "NTD", heads);
  if (spec.layout == "TND_NTD") return true;
  for (Array* rows : {&spec.query, &spec.query_rope}) *rows = with_layout(*rows, "TND", "NTD", heads);
  if (is_paged(spec)) return true;
  for (Array* rows : {&spec.key, &spec.value, &spec.key_rope, &spec.key_shared_prefix, &spec.value_shared_prefix})
    *rows = with_layout(*rows, "TND", "NTD", kv_heads);
  return true;
}

inline bool turn_output(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (is_training(spec)) return false;
  if (spec.layout == "BSH")
    spec.layout = random.pick("BSH_BNSD", "BSH_NBSD");
  else if (spec.layout == "BNSD")
    spec.layout = random.pick("BNSD_BSND", "BNSD_NBSD");
  else if (spec.layout == "BSND")
    spec.layout = random.pick("BSND_BNSD", "BSND_NBSD");
  else
    return false;
  return true;
}

inline bool count_heads_by_shape(Random&, Question& question) {
  if (question.spec.query.size() == 0) return false;
  question.spec.kv_head_num = 0;
  return true;
}

// The largest divisor of `number` up to `most`.
inline index_t divisor(index_t number, index_t most) {
  while (most > 1 && number % most != 0) --most;
  return most;
}

// (blocks,N2,size,D) or (blocks,size,H) to (blocks,N2,D/D0,size,D0).
inline void split_pages(Array& pool, index_t heads) {
  if (!pool.present()) return;
  const bool head_major = pool.rank() == 4;
  const index_t blocks = pool.shape[0], size = pool.shape[head_major ? 2 : 1];
  const index_t width = head_major ? pool.shape[3] : pool.shape[2] / heads, d0 = divisor(width, 16);
  Array split({blocks, heads, width / d0, size, d0});
  for (index_t b = 0; b < blocks; ++b)
    for (index_t n = 0; n < heads; ++n)
      for (index_t s = 0; s < size; ++s)
        for (index_t d = 0; d < width; ++d)
          split.at(b, n, d / d0, s, d % d0) = head_major ? pool.at(b, n, s, d) : pool.at(b, s, n * width + d);
  pool = split;
}

inline bool give_pages_five_axes(Random&, Question& question) {
  Spec& spec = question.spec;
  if (!is_paged(spec)) return false;
  const index_t heads = glint::reference::kv_heads_of(spec);
  for (Array* pool : {&spec.key, &spec.value, &spec.key_rope}) split_pages(*pool, heads);
  return true;
}

// The same mask with fewer axes.
inline bool flatten_mask(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (is_training(spec) || spec.attn_mask.rank() != 4) return false;
  const index_t batch = spec.attn_mask.shape[0], rows = spec.attn_mask.shape[2], columns = spec.attn_mask.shape[3];
  const bool one_row = glint::reference::query_extent(spec).rows == 1;
  const bool two_axes = random.chance(70) && (one_row ? rows == 1 : batch == 1);
  spec.attn_mask.shape = {batch, rows, columns};
  if (two_axes) spec.attn_mask.shape = {one_row ? batch : rows, columns};
  return true;
}

// Query and key rows of each entry, of questions that are plain or packed.
inline std::vector<std::pair<index_t, index_t>> rows_of(const Spec& spec) {
  if (!is_packed(spec)) {
    const auto keys = glint::reference::extent_of(spec.key, glint::reference::input_layout(spec.layout),
                                                  glint::reference::kv_heads_of(spec));
    const auto queries = glint::reference::query_extent(spec);
    return {static_cast<std::size_t>(queries.batch), {queries.rows, keys.rows}};
  }
  std::vector<std::pair<index_t, index_t>> rows;
  index_t q = 0, kv = 0;
  for (std::size_t b = 0; b < spec.actual_seq_qlen.size(); ++b) {
    const index_t q_end = spec.actual_seq_qlen[b], kv_end = spec.actual_seq_kvlen[b];
    rows.emplace_back(std::max<index_t>(0, q_end - q), std::max<index_t>(0, kv_end - kv));
    q = q_end, kv = kv_end;
  }
  return rows;
}

// sparse_mode 9: (B|1,S1,S1), or for packed layouts [b][S1_b][S1_b].
inline bool grow_tree(Random& random, Question& question) {
  Spec& spec = question.spec;
  const bool simple = is_packed(spec) ? !is_paged(spec) && !spec.key_shared_prefix.present() : is_plain(spec);
  if (spec.op != Operator::prompt || !simple || is_int8(spec)) return false;
  const auto rows = rows_of(spec);
  index_t squares = 0, most = 0;
  for (const auto& [q, kv] : rows) {
    if (q > kv) return false;
    squares += q * q, most = std::max(most, q);
  }
  const index_t trees = random.chance(50) ? 1 : static_cast<index_t>(rows.size());
  spec.attn_mask = ByteArray(is_packed(spec) ? std::vector<index_t>{squares} : std::vector<index_t>{trees, most, most});
  for (std::uint8_t& drop : spec.attn_mask.data) drop = random.chance(40) ? 1 : 0;
  spec.sparse_mode = 9;
  return true;
}

// Per channel: axes of 1, or heads and channels as one axis.  Per token: an axis of 1 in front.
inline void reshape_factor(Random& random, Array& factor, int mode, bool joint) {
  if (!factor.present()) return;
  const std::size_t front = joint ? 1 : 0;
  std::vector<index_t>& shape = factor.shape;
  if (mode == 1 && !joint) shape.insert(shape.begin(), 1);
  if (mode != 0 || shape.size() != front + 2) return;
  const index_t heads = shape[front], width = shape[front + 1];
  shape.resize(front);
  const auto add = [&](std::vector<index_t> axes) { shape.insert(shape.end(), axes.begin(), axes.end()); };
  switch (random.below(joint ? 2 : 4)) {
    case 0: return add({heads, 1, width});
    case 1: return joint ? add({heads * width}) : add({1, heads * width});
    case 2: return add({1, heads, 1, width});
    default: return add({1, heads, width});
  }
}

inline bool reshape_factors(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (!spec.antiquant.scale.present() && !spec.key_antiquant.scale.present()) return false;
  for (glint::reference::Antiquant* pair : {&spec.antiquant, &spec.key_antiquant, &spec.value_antiquant})
    for (Array* factor : {&pair->scale, &pair->offset})
      reshape_factor(random, *factor, pair->mode, pair == &spec.antiquant);
  return true;
}

inline bool cut_into_key_blocks(Random& random, Question& question) {
  if (!is_int8(question.spec)) return false;
  question.spec.int8.key_block = random.pick<index_t>(1, 2, 7, 16, 100);
  return true;
}

// The typed door's rule: modes without a tensor, also those that usually have one.  Mode 6 needs a valid prefix, which
// a question without a mask need not have.  What becomes seen may be NaN, which the int8 path has no rule for.
inline bool imply_mask(Random&, Question& question) {
  Spec& spec = question.spec;
  if (spec.op == Operator::incre || spec.sparse_mode == 6 || spec.sparse_mode == 9 || is_int8(spec)) return false;
  spec.attn_mask = {};
  spec.implied_mask = true;
  return true;
}

// The run-time door's rule: some tensor, whose contents nobody reads.
inline bool give_compressed_mask(Random& random, Question& question) {
  Spec& spec = question.spec;
  const bool compressed = spec.sparse_mode >= 2 && spec.sparse_mode <= 8 && spec.sparse_mode != 5;
  if (spec.op == Operator::incre || !compressed || !spec.implied_mask) return false;
  spec.implied_mask = false;
  spec.attn_mask = ByteArray({3, 3});
  for (std::uint8_t& byte : spec.attn_mask.data) byte = random.chance(50) ? 1 : 0;
  return true;
}

inline bool drop_leading_axes_of_pse(Random&, Question& question) {
  Array& pse = question.spec.pse;
  const bool dense = question.spec.pse_form == glint::reference::PseForm::dense && question.spec.pse_type < 2;
  if (!dense || pse.rank() != 4 || pse.shape[0] != 1) return false;
  while (pse.rank() > 1 && pse.shape[0] == 1) pse.shape.erase(pse.shape.begin());
  return true;
}

// What the documents say has no effect here.
inline bool add_what_is_ignored(Random& random, Question& question) {
  Spec& spec = question.spec;
  if (is_training(spec)) {
    if (!is_packed(spec)) spec.actual_seq_qlen = spec.actual_seq_kvlen = {1};
    if (spec.keep_prob == 1) spec.philox = true;
    return true;
  }
  if (spec.actual_seq_kvlen.empty()) spec.kv_padding_size = 1;
  if (spec.actual_seq_qlen.empty()) spec.query_padding_size = 1;
  if (!spec.pse.present() || spec.pse_type == 1) spec.pse_type = 0;
  if (spec.op == Operator::incre && spec.sparse_mode != 9) {
    spec.sparse_mode = static_cast<int>(random.between(0, 4));
    spec.pre_tokens = spec.next_tokens = 0;
  }
  return true;
}

struct Variation {
  const char* name;
  bool (*change)(Random&, Question&);  // false: it does not fit the question, which is as before
};

inline constexpr Variation kVariations[] = {
    {"cap_scores", cap_scores},
    {"average_invalid_rows", average_invalid_rows},
    {"add_rope", add_rope},
    {"grow_tree", grow_tree},
    {"flatten_mask", flatten_mask},
    {"give_compressed_mask", give_compressed_mask},
    {"imply_mask", imply_mask},
    {"drop_leading_axes_of_pse", drop_leading_axes_of_pse},
    {"add_what_is_ignored", add_what_is_ignored},
    {"reshape_factors", reshape_factors},
    {"cut_into_key_blocks", cut_into_key_blocks},
    {"turn_packed", turn_packed},
    {"turn_output", turn_output},
    {"give_pages_five_axes", give_pages_five_axes},
    {"count_heads_by_shape", count_heads_by_shape},
};

// A third of those that fit; the question's line names them.
inline void vary(Random& random, Question& question) {
  for (const Variation& variation : kVariations)
    if (random.chance(33) && variation.change(random, question)) question.line += std::string(" ") + variation.name;
}

}  // namespace kit::variation

// The same question in another form: a decode case's logical rows laid out anew, in another kind of cache, layout or
// batch, or only some of them.  What the metamorphic tests compare.
#pragma once

#include "support/inference_doors.hpp"

namespace glint_test {

// Which part of a case is asked again.  New entry b is entries[b] of the old case, and so on.
struct Selection {
  std::vector<index_t> entries, heads, rows;  // heads: query heads
  std::vector<index_t> first_key, keys;       // for each new entry

  // All of it.
  Selection(const InferenceCase& c, const InferenceData& data) {
    for (index_t b = 0; b < c.batch; ++b)
      entries.push_back(b), first_key.push_back(0), keys.push_back(data.lists.keys(b));
    for (index_t n = 0; n < c.heads(); ++n) heads.push_back(n);
    for (index_t i = 0; i < c.q_len; ++i) rows.push_back(i);
  }
};

struct Restated {
  InferenceCase c;
  InferenceData data;
};

namespace detail {

// Lists for a case of given lengths, in whatever form it has.
inline InferenceLists lists_for(InferenceCase& c, const Selection& part) {
  InferenceLists lists;
  lists.prefix = c.prefix;
  c.prefix_length = -1;
  c.lens = kLengthsEach;
  index_t longest = 0;
  for (const index_t keys : part.keys)
    lists.own.push_back(keys - c.prefix), longest = std::max(longest, keys - c.prefix);
  lists.lens = lists.own;
  c.kv_len = longest + static_cast<index_t>(c.seed % 3) + (c.form == kLeftPadded ? std::max<index_t>(0, c.padding) : 0);
  lists.max_blocks = c.form == kPaged ? (longest + c.block_size - 1) / c.block_size + c.spare_columns : 0;
  lists.columns = c.form == kContiguous || c.form == kLeftPadded ? c.kv_len : 0;
  for (const index_t own : lists.own) {
    const index_t room = c.form == kPaged ? lists.max_blocks * c.block_size : c.form == kList ? own : c.kv_len;
    lists.room.push_back(room);
    lists.first.push_back(c.form == kLeftPadded ? room - std::max<index_t>(0, c.padding) - own : 0);
    lists.columns = std::max(lists.columns, room);
  }
  lists.columns += c.prefix;
  return lists;
}

inline void copy_row(const Operand& from, index_t old, Operand& to, index_t fresh) {
  for (index_t d = 0; d < to.extent.width; ++d) to.set(fresh + d, from.numbers.flat(old + d));
}

inline void spoil_all(Operand& operand) {
  for (index_t i = 0; i < operand.size(); ++i) operand.spoil(i);
}

struct Restating {
  const InferenceCase& old;
  const InferenceData& from;
  const Selection& part;
  const InferenceCase& c;
  InferenceData& to;

  template <class Each>
  void for_keys(const Each& each) const {  // (new entry, new key, old entry, old key)
    for (std::size_t b = 0; b < part.entries.size(); ++b)
      for (index_t key = 0; key < part.keys[b]; ++key)
        each(static_cast<index_t>(b), key, part.entries[b], part.first_key[b] + key);
  }
  index_t old_kv_head(index_t head) const { return part.heads[static_cast<std::size_t>(head * c.group)] / old.group; }

  void queries(const Operand& source, Operand& target) const {
    if (!source.present()) return;
    const Extent extent{c.batch, c.q_len, c.heads(), source.extent.width};
    target = Operand(source.dtype, extent, kLayoutNames[c.layout], c.skew);
    for_rows(extent, [&](index_t b, index_t n, index_t i) {
      copy_row(source,
               source.row(part.entries[static_cast<std::size_t>(b)], part.heads[static_cast<std::size_t>(n)],
                          part.rows[static_cast<std::size_t>(i)]),
               target, target.row(b, n, i));
    });
  }
  void cache(const std::vector<Operand>& source, const Operand& source_prefix, std::vector<Operand>& target,
             Operand& prefix) const {
    if (source.empty() && !source_prefix.present()) return;
    for (Operand& tensor : target) spoil_all(tensor);
    for_keys([&](index_t b, index_t key, index_t old_b, index_t old_key) {
      const KeySpot here = to.spot(c, b, key), there = from.spot(old, old_b, old_key);
      const Operand& one = there.prefix ? source_prefix : source[static_cast<std::size_t>(there.tensor)];
      Operand& other = here.prefix ? prefix : target[static_cast<std::size_t>(here.tensor)];
      for (index_t head = 0; head < c.kv_heads; ++head)
        copy_row(one, one.row(there.batch, old_kv_head(head), there.row), other, other.row(here.batch, head, here.row));
    });
  }
  void masks() const {
    to.mask_batch = c.batch, to.mask_rows = c.q_len;
    to.mask.assign(static_cast<std::size_t>(c.mask == kUnmasked ? 0 : c.batch * c.q_len * to.lists.columns), 1);
    if (c.mask == kUnmasked) return;
    for_keys([&](index_t b, index_t key, index_t old_b, index_t old_key) {
      for (index_t i = 0; i < c.q_len; ++i) {
        const index_t old_i = part.rows[static_cast<std::size_t>(i)];
        const index_t row = (from.mask_batch > 1 ? old_b : 0) * from.mask_rows + (from.mask_rows > 1 ? old_i : 0);
        to.mask[static_cast<std::size_t>((b * c.q_len + i) * to.lists.columns + to.column(b, key))] =
            from.mask[static_cast<std::size_t>(row * from.lists.columns + from.column(old_b, old_key))];
      }
    });
  }
  void tree() const {
    if (c.draft != kDraftTree) return;
    to.tree_batch = c.batch;
    to.tree.reserve(1);
    const index_t square = c.q_len * c.q_len;
    for (const index_t b : part.entries)
      for (index_t at = 0; at < square; ++at)
        to.tree.push_back(from.tree[static_cast<std::size_t>((from.tree_batch > 1 ? b : 0) * square + at)]);
  }
  void pse() const {
    if (c.pse == 0) return;
    const std::vector<index_t>& shape = from.pse.numbers.shape;
    to.pse = Operand(from.pse.dtype, std::vector<index_t>{c.batch, c.heads(), c.q_len, to.lists.columns}, c.skew);
    spoil_all(to.pse);
    for_keys([&](index_t b, index_t key, index_t old_b, index_t old_key) {
      for (index_t n = 0; n < c.heads(); ++n) {
        for (index_t i = 0; i < c.q_len; ++i) {
          const index_t old_n = part.heads[static_cast<std::size_t>(n)], old_i = part.rows[static_cast<std::size_t>(i)];
          const index_t plane = (shape[0] > 1 ? old_b : 0) * shape[1] + (shape[1] > 1 ? old_n : 0);
          const index_t row = plane * shape[2] + (shape[2] > 1 ? old_i : 0);
          to.pse.set(((b * c.heads() + n) * c.q_len + i) * to.lists.columns + to.column(b, key),
                     from.pse.numbers.flat(row * shape[3] + from.column(old_b, old_key)));
        }
      }
    });
  }
  void factors(const FactorForm& old_form, const FactorForm& form, const Operand& source, index_t first,
               Operand& target) const {
    if (!source.present()) return;
    target = Operand(source.dtype, factor_shape(c, to, form), c.skew);
    spoil_all(target);
    const auto copy = [&](index_t b, index_t key, index_t old_b, index_t old_key) {
      for (index_t head = 0; head < c.kv_heads; ++head)
        for (index_t d = 0; d < (form.mode == 0 ? form.width : 1); ++d)
          target.set(factor_at(c, to, form, b, head, key, d),
                     source.numbers.flat(first + factor_at(old, from, old_form, old_b, old_kv_head(head), old_key, d)));
    };
    if (form.mode == 0 || form.mode == 2)
      copy(0, 0, 0, 0);
    else
      for_keys(copy);
  }
  void by_head(const Operand& source, index_t each, Operand& target) const {
    if (!source.present()) return;
    if (source.size() == 1 && each != 1) return void(target = source);
    target = Operand(source.dtype, std::vector<index_t>{c.heads() * each}, c.skew);
    for (index_t n = 0; n < c.heads(); ++n)
      for (index_t d = 0; d < each; ++d)
        target.set(n * each + d, source.numbers.flat(part.heads[static_cast<std::size_t>(n)] * each + d));
  }
};

}  // namespace detail

// `part` of a case as `change(case)` wants it to be: form, layout, pages, padding, prefix and draft are its to choose.
template <class Change>
Restated restate(const InferenceCase& old, const InferenceData& from, const Selection& part, const Change& change) {
  Restated result{old, {}};
  InferenceCase& c = result.c;
  InferenceData& to = result.data;
  c.batch = static_cast<index_t>(part.entries.size()), c.q_len = static_cast<index_t>(part.rows.size());
  c.prefix = c.shared = c.joint = 0;
  if (c.form == kLeftPadded) c.form = kContiguous;
  change(c);
  c.kv_heads = static_cast<index_t>(part.heads.size()) / c.group;
  // Factors of single tokens are counted in the pool by pages, and in the sequence by everything else.
  for (index_t* const mode : {&c.k_mode, &c.v_mode}) {
    if (c.form == kPaged && (*mode == 1 || *mode == 3)) *mode = *mode == 1 ? 4 : 5;
    if (c.form != kPaged && *mode >= 4) *mode = *mode == 4 ? 1 : 3;
  }
  to.lists = detail::lists_for(c, part);
  to.scale = from.scale;
  if (c.form == kPaged) detail::fill_table(c, to);
  detail::fill_cache(c, to);
  to.out_extent = {c.batch, c.q_len, c.heads(), c.value_dim};
  const detail::Restating work{old, from, part, c, to};
  work.queries(from.q, to.q);
  work.queries(from.q_rope, to.q_rope);
  work.cache(from.k, from.prefix_k, to.k, to.prefix_k);
  work.cache(from.v, from.prefix_v, to.v, to.prefix_v);
  work.cache(from.k_rope, from.prefix_k_rope, to.k_rope, to.prefix_k_rope);
  work.masks();
  work.tree();
  work.pse();
  const bool joint = old.joint != 0;
  const index_t half = joint ? from.k_scale.size() / 2 : 0;
  work.factors(detail::k_form(old), detail::k_form(c), from.k_scale, 0, to.k_scale);
  work.factors(detail::k_form(old), detail::k_form(c), from.k_offset, 0, to.k_offset);
  work.factors(detail::v_form(old), detail::v_form(c), joint ? from.k_scale : from.v_scale, half, to.v_scale);
  work.factors(detail::v_form(old), detail::v_form(c), joint ? from.k_offset : from.v_offset, half, to.v_offset);
  work.by_head(from.sink, 1, to.sink);
  work.by_head(from.post_scale, c.post == kPostChannel ? c.value_dim : 0, to.post_scale);
  work.by_head(from.post_offset, c.post == kPostChannel ? c.value_dim : 0, to.post_offset);
  return result;
}

}  // namespace glint_test

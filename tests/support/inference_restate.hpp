// The same question in another form: an inference case's logical rows laid out anew, in another kind of cache, layout
// or batch, or only some of them.  What the metamorphic tests compare.
#pragma once

#include "support/inference_question.hpp"

namespace glint_test {

// Which part of a case is asked again.  New entry b is entries[b] of the old case, and so on.
struct Selection {
  std::vector<index_t> entries, heads;   // heads: query heads
  std::vector<index_t> first_row, rows;  // for each new entry
  std::vector<index_t> first_key, keys;

  // All of it.
  Selection(const InferenceCase& c, const InferenceData& data) {
    for (index_t b = 0; b < c.batch; ++b) add(data, b);
    for (index_t n = 0; n < c.heads(); ++n) heads.push_back(n);
  }
  // One entry.
  static Selection entry(const InferenceCase& c, const InferenceData& data, index_t b) {
    Selection one(c, data);
    one.entries.clear(), one.first_row.clear(), one.rows.clear(), one.first_key.clear(), one.keys.clear();
    one.add(data, b);
    return one;
  }

  index_t old_entry(index_t b) const { return entries[static_cast<std::size_t>(b)]; }
  index_t old_row(index_t b, index_t i) const { return first_row[static_cast<std::size_t>(b)] + i; }

 private:
  void add(const InferenceData& data, index_t b) {
    entries.push_back(b);
    first_row.push_back(0), rows.push_back(data.lists.rows(b));
    first_key.push_back(0), keys.push_back(data.lists.keys(b));
  }
};

struct Restated {
  InferenceCase c;
  InferenceData data;
};

namespace detail {

inline index_t longest_of(const std::vector<index_t>& lengths) {
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

// Lists for a case of given lengths, in whatever form it has.
inline void keys_for(InferenceCase& c, const Selection& part, InferenceLists& lists) {
  lists.prefix = c.prefix;
  c.prefix_length = -1;
  c.lens = kLengthsEach;
  for (const index_t keys : part.keys) lists.own.push_back(keys - c.prefix);
  const index_t longest = longest_of(lists.own);
  lists.lens = lists.own;
  c.kv_len = longest + static_cast<index_t>(c.seed % 3) + (c.form == kLeftPadded ? std::max<index_t>(0, c.padding) : 0);
  lists.kv_rows = c.kv_len;
  lists.max_blocks = c.form == kPaged ? (longest + c.block_size - 1) / c.block_size + c.spare_columns : 0;
  lists.columns = c.form == kContiguous || c.form == kLeftPadded ? c.kv_len : 0;
  lists.shift.assign(lists.own.size(), 0);
  if (c.ragged() && c.form == kContiguous) {
    lists.first = starts_of(lists.own);
    lists.lens = ends_of(lists.own, false);
    lists.kv_rows = std::accumulate(lists.own.begin(), lists.own.end(), c.surplus_kv);
    lists.columns = longest;
  }
  for (const index_t own : lists.own) {
    const index_t room = c.form == kPaged ? lists.max_blocks * c.block_size : c.form == kList ? own : c.kv_len;
    if (c.form == kLeftPadded) lists.shift[lists.room.size()] = room - std::max<index_t>(0, c.padding) - own;
    lists.room.push_back(room);
    if (c.form == kPaged || c.form == kList) lists.columns = std::max(lists.columns, room);
  }
  if (lists.first.empty()) lists.first = lists.shift;
  lists.columns += c.prefix;
}

inline void queries_for(InferenceCase& c, const Selection& part, InferenceLists& lists) {
  const index_t longest = longest_of(part.rows);
  const auto batch = static_cast<std::size_t>(c.batch);
  lists.ragged = c.ragged();
  lists.q_of = part.rows;
  lists.q_first.assign(batch, 0);
  c.longer_lists = c.zero_tail = 0;
  c.q_lens = c.op == kPrompt && c.batch > 0 ? kLengthsEach : kLengthsNone;
  if (c.ragged()) {
    lists.q_first = starts_of(part.rows);
    lists.q_lens = ends_of(lists.q_of, false);
    lists.height = longest;
    lists.q_rows = std::accumulate(part.rows.begin(), part.rows.end(), c.surplus_q);
    c.q_len = longest;
    return;
  }
  c.surplus_q = c.surplus_kv = 0;
  if (c.batch > 0) c.q_len = longest;
  if (c.op == kPrompt) {
    c.q_len += static_cast<index_t>(c.seed / 3 % 3) + (c.pad_queries != 0 ? std::max<index_t>(0, c.q_padding) : 0);
    if (c.batch > 0) lists.q_lens = part.rows;
  }
  lists.q_rows = lists.height = c.q_len;
  for (std::size_t b = 0; b < batch && c.padded_queries(); ++b)
    lists.q_first[b] = c.q_len - std::max<index_t>(0, c.q_padding) - part.rows[b];
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

  // each(new entry, new row, old entry, old row)
  template <class Each>
  void for_rows_of(const Each& each) const {
    for (index_t b = 0; b < c.batch; ++b)
      for (index_t i = 0; i < to.lists.rows(b); ++i) each(b, i, part.old_entry(b), part.old_row(b, i));
  }
  void queries(const Operand& source, Operand& target) const {
    if (!source.present()) return;
    const Extent extent{to.out_extent.batch, to.lists.q_rows, c.heads(), source.extent.width};
    target = Operand(source.dtype, extent, c.layout_name(), c.skew);
    spoil_all(target);
    for_rows_of([&](index_t b, index_t i, index_t old_b, index_t old_i) {
      for (index_t n = 0; n < c.heads(); ++n)
        copy_row(source,
                 source.row(from.lists.q_axis(old_b), part.heads[static_cast<std::size_t>(n)],
                            from.lists.q_row(old_b, old_i)),
                 target, target.row(to.lists.q_axis(b), n, to.lists.q_row(b, i)));
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
  // What the old rows see, whatever made it so.
  void masks() const {
    if (c.mask == kUnmasked) return;
    const index_t height = to.lists.height, columns = to.lists.columns;
    to.mask_batch = c.batch, to.mask_rows = height;
    to.mask.assign(static_cast<std::size_t>(c.batch * height * columns), 1);
    for_rows_of([&](index_t b, index_t i, index_t old_b, index_t old_i) {
      for (index_t key = 0; key < to.lists.keys(b); ++key) {
        const index_t old_key = part.first_key[static_cast<std::size_t>(b)] + key;
        const index_t old = (old_b * from.lists.height + old_i) * from.lists.columns + from.column(old_b, old_key);
        to.mask[static_cast<std::size_t>((b * height + to.lists.score_row(b, i)) * columns + to.column(b, key))] =
            from.seen[static_cast<std::size_t>(old)] == 0 ? 1 : 0;
      }
    });
  }
  void tree() const {
    if (c.draft != kDraftTree) return;
    to.tree_batch = c.batch;
    const index_t square = c.q_len * c.q_len;
    for (const index_t b : part.entries)
      for (index_t at = 0; at < square; ++at)
        to.tree.push_back(from.tree[static_cast<std::size_t>((from.tree_batch > 1 ? b : 0) * square + at)]);
  }
  void pse() const {
    if (c.pse == 0) return;
    const std::vector<index_t>& shape = from.pse.numbers.shape;
    const index_t height = to.lists.height, columns = to.lists.columns;
    to.pse = Operand(from.pse.dtype, std::vector<index_t>{c.batch, c.heads(), height, columns}, c.skew);
    spoil_all(to.pse);
    for_rows_of([&](index_t b, index_t i, index_t old_b, index_t old_i) {
      for (index_t n = 0; n < c.heads(); ++n) {
        const index_t old_n = part.heads[static_cast<std::size_t>(n)];
        const index_t plane = (shape[0] > 1 ? old_b : 0) * shape[1] + (shape[1] > 1 ? old_n : 0);
        const index_t row = plane * shape[2] + (shape[2] > 1 ? from.lists.score_row(old_b, old_i) : 0);
        const index_t fresh = (b * c.heads() + n) * height + to.lists.score_row(b, i);
        for (index_t key = 0; key < to.lists.keys(b); ++key) {
          const index_t old_key = part.first_key[static_cast<std::size_t>(b)] + key;
          to.pse.set(fresh * columns + to.column(b, key),
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
  c.batch = static_cast<index_t>(part.entries.size());
  c.prefix = c.shared = c.joint = 0;
  c.mask_type = kBytes;
  if (c.form == kLeftPadded) c.form = kContiguous;
  c.pad_queries = 0;
  change(c);
  if (c.mode == 0 && !old.tokens_act()) c.pre = c.next = 2147483647;  // without padding they would act
  c.kv_heads = static_cast<index_t>(part.heads.size()) / c.group;
  // Factors of single tokens are counted in the pool by pages, and in the sequence by everything else.
  for (index_t* const mode : {&c.k_mode, &c.v_mode}) {
    if (c.form == kPaged && (*mode == 1 || *mode == 3)) *mode = *mode == 1 ? 4 : 5;
    if (c.form != kPaged && *mode >= 4) *mode = *mode == 4 ? 1 : 3;
  }
  detail::keys_for(c, part, to.lists);
  detail::queries_for(c, part, to.lists);
  to.scale = from.scale;
  to.dequant1 = from.dequant1, to.quant1 = from.quant1, to.dequant2 = from.dequant2;
  if (c.form == kPaged) detail::fill_table(c, to);
  detail::fill_cache(c, to);
  to.out_extent = {c.ragged() ? 1 : c.batch, to.lists.q_rows, c.heads(), c.value_dim};
  const detail::Restating work{old, from, part, c, to};
  work.queries(from.q, to.q);
  work.queries(from.q_rope, to.q_rope);
  work.cache(from.k, from.prefix_k, to.k, to.prefix_k);
  work.cache(from.v, from.prefix_v, to.v, to.prefix_v);
  work.cache(from.k_rope, from.prefix_k_rope, to.k_rope, to.prefix_k_rope);
  work.masks();
  work.tree();
  work.pse();
  detail::fill_seen(c, to);
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

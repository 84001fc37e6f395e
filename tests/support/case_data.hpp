// A case's tensors, and the same numbers as the oracle's question.  Rows that no sequence owns hold NaN: nothing may
// read them.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "glint/core/dtype.hpp"
#include "glint/reference/attention.hpp"
#include "support/case_init.hpp"
#include "support/case_rules.hpp"

namespace glint_test {

using glint::reference::Array;
using glint::reference::AttentionCase;
using glint::reference::ByteArray;
using glint::reference::Extent;

// Elements that start `skew` behind an allocation of exactly their size, so that sanitizers see both ends.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(index_t count, index_t skew) : memory_(static_cast<std::size_t>(count + skew)), count_(count), skew_(skew) {
    memory_.reserve(1);  // without elements, but not null
  }
  T* data() { return memory_.data() + skew_; }
  const T* data() const { return memory_.data() + skew_; }
  index_t size() const { return count_; }

 private:
  std::vector<T> memory_;
  index_t count_ = 0, skew_ = 0;
};

template <class T>
struct CaseData {
  Lists lists;
  Extent q_extent, kv_extent, v_extent, out_extent;
  Buffer<T> q, k, v, pse;
  std::vector<float> slopes, sink;
  std::vector<std::uint8_t> mask, drop;
  std::vector<index_t> mask_shape, pse_shape, q_start, kv_start;
  float scale = 1, q_scale = 1;
  AttentionCase spec;  // as the run-time door is asked
};

namespace detail {

inline const char* layout_name(const Case& c) { return kLayoutNames[c.layout]; }

template <class T>
T quiet_nan() {
  return glint::from_float<T>(std::numeric_limits<float>::quiet_NaN());
}

template <class T>
T random_value(Random& random, double spread, double mean) {
  return glint::from_float<T>(static_cast<float>(mean + spread * random.normal()));
}

// Rows [used, rows) of every (batch, head) become NaN.
template <class T, class Used>
void poison_rows(T* tensor, const Extent& extent, const char* layout, const Used& used) {
  for (index_t b = 0; b < extent.batch; ++b) {
    for (index_t n = 0; n < extent.heads; ++n) {
      for (index_t i = used(b); i < extent.rows; ++i) {
        T* const row = tensor + glint::reference::row_position(extent, layout, b, n, i);
        std::fill(row, row + extent.width, quiet_nan<T>());
      }
    }
  }
}

template <class T>
Array as_array(const Buffer<T>& from, std::vector<index_t> shape) {
  Array array(std::move(shape));
  for (index_t i = 0; i < array.size(); ++i)
    array.data[static_cast<std::size_t>(i)] = static_cast<double>(glint::to_float(from.data()[i]));
  return array;
}

// Rows of the tensor that sequences own.
inline index_t rows_used(const Case& c, const std::vector<index_t>& of, index_t b) {
  return c.layout == kTnd ? std::accumulate(of.begin(), of.end(), index_t{0}) : of[static_cast<std::size_t>(b)];
}

// A tensor of random numbers; `of` holds the lengths of its sequences.
template <class T>
Buffer<T> random_rows(const Case& c, const Extent& e, const std::vector<index_t>& of, double spread, double mean,
                      std::uint64_t stream, Role role = Role::other) {
  Buffer<T> tensor(e.batch * e.rows * e.heads * e.width, c.skew);
  Random random(c.seed, stream);
  for (index_t i = 0; i < tensor.size(); ++i)
    tensor.data()[i] =
        glint::from_float<T>(static_cast<float>(draw_number(c.init, role, glint::dtype_of<T>, random, spread, mean)));
  poison_rows(tensor.data(), e, layout_name(c), [&](index_t b) { return rows_used(c, of, b); });
  return tensor;
}

template <class T>
void fill_tensors(const Case& c, CaseData<T>& data) {
  const char* const layout = layout_name(c);
  const double spread_v = kSpreads[c.sd_v];
  data.q = random_rows<T>(c, data.q_extent, data.lists.q_of, kSpreads[c.sd_q], 0, 1, Role::query);
  data.k = random_rows<T>(c, data.kv_extent, data.lists.kv_of, kSpreads[c.sd_k], 0, 2, Role::key);
  data.v =
      random_rows<T>(c, data.v_extent, data.lists.kv_of, spread_v, c.v_mean != 0 ? 3 * spread_v : 0, 3, Role::value);
  using glint::reference::shape_of;
  data.spec.query = as_array(data.q, shape_of(data.q_extent, layout));
  data.spec.key = as_array(data.k, shape_of(data.kv_extent, layout));
  data.spec.value = as_array(data.v, shape_of(data.v_extent, layout));
  if (c.init == kOneHot) make_one_hot<T>(layout, data);
}

// fill: 0 a tenth dropped, 1 half, 2 half and some rows all, 3 everything, 4 nothing, 5 nine tenths.
template <class T>
void fill_mask(const Case& c, CaseData<T>& data) {
  if (c.mask == kMaskNone) return;
  ByteArray mask(data.mask_shape);
  const index_t columns = data.mask_shape.back();
  Random random(c.seed, 4);
  const double percents[] = {10, 50, 50, 100, 0, 90};
  bool whole_row = false;
  for (index_t i = 0; i < mask.size(); ++i) {
    if (i % columns == 0) whole_row = c.mask_fill == 2 && random.chance(30);
    const bool drop = whole_row || random.chance(percents[c.mask_fill]);
    const index_t value = c.mask_bool != 0 ? 1 : random.between(1, 255);
    mask.data[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(drop ? value : 0);
  }
  data.mask = mask.data;
  if (data.mask.empty()) data.mask.reserve(1);  // present, though it has no elements
  data.spec.attn_mask = std::move(mask);
}

// ALiBi as a matrix that depends on row - column alone, any function of it.
template <class T>
void fill_compressed_pse(const Case& c, Random& random, CaseData<T>& data) {
  const index_t columns = data.pse_shape[3], cut = columns - 1024;
  const index_t planes = data.pse_shape[0] * data.pse_shape[1];
  std::vector<T> by_distance(static_cast<std::size_t>(2 * columns + 1024));
  for (index_t plane = 0; plane < planes; ++plane) {
    for (T& value : by_distance) value = random_value<T>(random, kSpreads[c.sd_pse], 0);
    for (index_t m = 0; m < 1024; ++m)
      for (index_t k = 0; k < columns; ++k)
        data.pse.data()[(plane * 1024 + m) * columns + k] =
            by_distance[static_cast<std::size_t>(cut + m - k + columns)];
  }
}

template <class T>
void fill_slopes(const Case& c, Random& random, CaseData<T>& data) {
  Array slopes(data.pse_shape);
  for (index_t i = 0; i < slopes.size(); ++i) {
    const auto slope = random.chance(10) ? 0.0F : static_cast<float>(kSpreads[c.sd_pse] * random.normal() * 0.2);
    data.slopes.push_back(slope);
    slopes.flat(i) = static_cast<double>(slope);
  }
  data.slopes.reserve(1);
  data.spec.pse = std::move(slopes);
  data.spec.q_start_idx = data.q_start;
  data.spec.kv_start_idx = data.kv_start;
}

template <class T>
void fill_pse(const Case& c, CaseData<T>& data) {
  if (c.pse == 0) return;
  Random random(c.seed, 5);
  data.spec.pse_type = static_cast<int>(c.pse_type);
  if (c.pse_type >= 2) return fill_slopes(c, random, data);
  using glint::reference::PseForm;
  constexpr PseForm kForms[] = {PseForm::dense, PseForm::compressed, PseForm::flat_score, PseForm::flat_column};
  data.spec.pse_form = kForms[c.pse_store];
  data.pse = Buffer<T>(static_cast<index_t>(Array::element_count(data.pse_shape)), c.skew);
  if (c.pse_store == kPseCompressed) {
    fill_compressed_pse(c, random, data);
  } else {
    for (index_t i = 0; i < data.pse.size(); ++i) data.pse.data()[i] = random_value<T>(random, kSpreads[c.sd_pse], 0);
  }
  data.spec.pse = as_array(data.pse, data.pse_shape);
}

// Among the scores, and now and then far above or below all of them.
template <class T>
void fill_sink(const Case& c, CaseData<T>& data) {
  if (c.sink == 0) return;
  Random random(c.seed, 7);
  const double spread = random.pick(0.5, 3.0, 20.0);
  Array sink({c.heads});
  for (index_t n = 0; n < c.heads; ++n) {
    const double far = random.chance(50) ? 6e4 : -6e4;
    data.sink.push_back(static_cast<float>(random.chance(5) ? far : spread * random.normal()));
    sink.flat(n) = static_cast<double>(data.sink.back());
  }
  data.spec.sink = std::move(sink);
}

template <class T>
void fill_drop(const Case& c, CaseData<T>& data) {
  if (c.drop != kDropBits) return;
  index_t bits = 0;
  for (std::size_t b = 0; b < data.lists.q_of.size(); ++b) bits += data.lists.q_of[b] * data.lists.kv_of[b];
  bits *= c.heads;
  Random random(c.seed, 6);
  // Exactly as many bytes as needed, or as torch allocates.
  const index_t bytes = c.drop_rank4 != 0 || random.chance(50) ? (bits + 7) / 8 : (bits + 127) / 128 * 16;
  for (index_t i = 0; i < bytes; ++i) {
    unsigned byte = 0;
    for (unsigned bit = 0; bit < 8; ++bit) byte |= unsigned{random.chance(static_cast<double>(c.keep) / 10)} << bit;
    data.drop.push_back(static_cast<std::uint8_t>(byte));
  }
  data.drop.reserve(1);
  data.spec.drop_mask = ByteArray({bytes}, data.drop);
}

inline void ask_dropout(const Case& c, AttentionCase& spec) {
  if (c.drop == kDropNone) return;
  spec.keep_prob = static_cast<double>(c.keep) / 1000;
  spec.philox = c.drop == kDropPhilox;
  spec.seed = mix(c.seed);
  spec.offset = static_cast<std::uint64_t>(c.offset);
}

}  // namespace detail

// Lists, shapes and scalars: everything but the tensors' numbers.
template <class T>
CaseData<T> outline_of(const Case& c) {
  using glint::reference::Operator;
  CaseData<T> data;
  data.lists = lists_of(c);
  AttentionCase& spec = data.spec;
  spec.op = Operator::score;
  spec.layout = detail::layout_name(c);
  spec.head_num = c.heads;
  spec.kv_head_num = c.kv_heads;
  data.scale = scale_of(c, c.dim);
  data.q_scale = static_cast<float>(static_cast<double>(c.q_scale) / 1000);
  spec.scale = static_cast<double>(data.scale);
  spec.q_scale = static_cast<double>(data.q_scale);
  spec.sparse_mode = static_cast<int>(c.mode);
  spec.softcap = c.softcap;
  spec.softcap_order = static_cast<glint::reference::SoftcapOrder>(c.softcap_order);
  spec.pre_tokens = c.pre;
  spec.next_tokens = c.next;
  // The compressed mask is implied: its tag or its tensor only says that the mode counts (operators C36).
  spec.implied_mask = c.mode != 0 && c.mode != 1 && c.mode != 5 && c.compressed != kNoMask;
  spec.prefix = data.lists.prefix;
  spec.actual_seq_qlen = data.lists.q_ends;
  spec.actual_seq_kvlen = data.lists.kv_ends;
  detail::ask_dropout(c, spec);
  const index_t batch = c.layout == kTnd ? 1 : c.batch;
  data.q_extent = {batch, data.lists.q_rows, c.heads, c.dim};
  data.kv_extent = {batch, data.lists.kv_rows, c.kv_heads, c.dim};
  data.v_extent = {batch, data.lists.kv_rows, c.kv_heads, c.value_dim};
  data.out_extent = {batch, data.lists.q_rows, c.heads, c.value_dim};
  data.mask_shape = detail::mask_extents(c, data.lists);
  data.pse_shape = detail::pse_extents(c, data.lists);
  if (c.pse != 0 && c.pse_type >= 2 && (c.starts & kStartQ) != 0) data.q_start = {c.q_start};
  if (c.pse != 0 && c.pse_type >= 2 && (c.starts & kStartKv) != 0) data.kv_start = {c.kv_start};
  return data;
}

template <class T>
CaseData<T> data_of(const Case& c) {
  CaseData<T> data = outline_of<T>(c);
  detail::fill_tensors(c, data);
  detail::fill_mask(c, data);
  detail::fill_pse(c, data);
  detail::fill_sink(c, data);
  detail::fill_drop(c, data);
  if (c.init == kPoison) detail::poison_unseen_keys<T>(detail::layout_name(c), data);
  return data;
}

}  // namespace glint_test

// A problem with its layout and options resolved, in the form that kernels ask for: HeadWork by HeadWork.  All three
// forward operators end here.
#pragma once

#include "glint/kernel/forward.hpp"
#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

// Everything that is shared by the heads of one call.
template <class Element>
struct AttentionTensors {
  Tensor<const Element> q, k, v;
  Tensor<Element> out;
  Shape shape{};
  Layout layout = Layout::BSH;
  Sequences q_rows, kv_rows;
  float scale = 1;
  Products products = Products::singles;

  PseTensor pse{};
  float pse_factor = 1;
  Slopes slopes{};
  bool slope_square_root = false;
  DropoutOptions dropout{};

  float* softmax_max = nullptr;
  float* softmax_sum = nullptr;
  float* lse = nullptr;
  StatsLayout stats_layout = StatsLayout::token_major;
  index_t stats_repeat = 1;
  float empty_lse = -std::numeric_limits<float>::infinity();
};

// MaskOf makes the mask of one head from a HeadIndex, ModifierOf its lane modifier.
template <class Element, class MaskOf, class ModifierOf>
class AttentionPlan {
 public:
  using Head = HeadWork<Element, std::invoke_result_t<const MaskOf&, HeadIndex>,
                        std::invoke_result_t<const ModifierOf&, HeadIndex>>;

  AttentionPlan(const AttentionTensors<Element>& tensors, const MaskOf& masks, const ModifierOf& modifiers)
      : t_(tensors), masks_(masks), modifiers_(modifiers) {}

  index_t groups() const { return entries() * t_.shape.kv_head_count(); }
  index_t heads_per_group() const { return t_.shape.heads / t_.shape.kv_head_count(); }
  index_t max_rows() const {
    if (!ragged()) return t_.shape.q_len;
    const index_t longest = t_.q_rows.longest(), rest = surplus();
    return longest > rest ? longest : rest;
  }
  index_t max_keys() const { return t_.kv_rows.longest(); }
  index_t head_dim() const { return t_.shape.head_dim; }
  index_t value_dim() const { return t_.shape.value_size(); }
  Products products() const { return t_.products; }

  Head head(index_t group, index_t member) const {
    const index_t batch = group / t_.shape.kv_head_count(), kv_head = group % t_.shape.kv_head_count();
    const bool real = batch < t_.q_rows.batch();
    // The surplus entry has no queries, so what it would look up by batch is never used; entry 0 always exists.
    const HeadIndex at{real ? batch : 0, kv_head * heads_per_group() + member, real ? t_.q_rows.length(batch) : 0,
                       real ? t_.kv_rows.length(batch) : 0};
    const index_t first = real ? t_.q_rows.first(batch) : t_.q_rows.total();
    const index_t axis = ragged() ? 0 : batch;  // TND has no batch axis: the first row says where an entry starts
    const index_t rows = !ragged() ? t_.shape.q_len : real ? at.q_len : surplus();
    const index_t first_key = real ? t_.kv_rows.first(batch) : 0;
    return {.q = t_.q.head(axis, at.head, first, at.q_len),
            .kv = {t_.k.head(axis, kv_head, first_key, at.kv_len), t_.v.head(axis, kv_head, first_key, at.kv_len)},
            .out = t_.out.head(axis, at.head, first, rows),
            .scale = t_.scale,
            .mask = masks_(at),
            .modifier = modifiers_(at),
            .bias = bias(at),
            .slope = slope(at),
            .dropout = dropout(at),
            .stats = stats(at, first, rows)};
  }

 private:
  bool ragged() const { return t_.layout == Layout::TND; }
  index_t surplus() const { return t_.shape.q_len - t_.q_rows.total(); }
  // Rows behind the last TND sequence form one more entry, without queries: its rows are only set to zero.
  index_t entries() const { return t_.q_rows.batch() + (ragged() && surplus() > 0 ? 1 : 0); }

  // Scores before this head in the flat order [entry][head][row][key], each row of keys rounded up to whole units.
  index_t scores_before(HeadIndex at, index_t unit) const {
    const auto units = [unit](index_t keys) { return (keys + unit - 1) / unit; };
    index_t before = 0;
    if (ragged()) {
      for (index_t b = 0; b < at.batch; ++b) before += t_.q_rows.length(b) * units(t_.kv_rows.length(b));
    } else {
      before = at.batch * t_.shape.q_len * units(t_.shape.kv_len);
    }
    const index_t rows = ragged() ? at.q_len : t_.shape.q_len, keys = ragged() ? at.kv_len : t_.shape.kv_len;
    return before * t_.shape.heads + at.head * rows * units(keys);
  }

  Bias bias(HeadIndex at) const {
    const PseTensor& p = t_.pse;
    if (!p || at.q_len == 0) return {};
    const index_t size = size_of(p.dtype);
    const auto from = [&](index_t element) { return static_cast<const char*>(p.data) + element * size; };
    Bias bias{.data = p.data, .dtype = p.dtype, .row_stride = p.columns, .factor = t_.pse_factor};
    if (p.form == PseForm::tnd_per_score) {
      bias.data = from(scores_before(at, 1));
      bias.row_stride = at.kv_len;
      return bias;
    }
    if (p.form == PseForm::tnd_per_column) {
      bias.data = from(t_.kv_rows.first(at.batch) * t_.shape.heads + at.head * at.kv_len);
      bias.row_stride = 0;
      return bias;
    }
    const index_t matrix = p.rows * p.columns;
    bias.data = from((p.batch == 1 ? 0 : at.batch * p.heads * matrix) + (p.heads == 1 ? 0 : at.head * matrix));
    if (p.form == PseForm::compressed) {
      bias.fold = ragged() ? Bias::Fold::toeplitz_1024 : Bias::Fold::last_1024;
      bias.length = ragged() ? p.columns : at.q_len;
    } else if (p.rows == 1) {
      bias.row_stride = 0;
    }
    return bias;
  }

  Slope slope(HeadIndex at) const {
    if (!t_.slopes) return {};
    const index_t row = t_.slopes.batch == 1 ? 0 : at.batch;
    return {t_.slopes.data[row * t_.shape.heads + at.head], static_cast<float>(t_.slopes.q_start - t_.slopes.kv_start),
            t_.slope_square_root};
  }

  Dropout dropout(HeadIndex at) const {
    const DropoutOptions& d = t_.dropout;
    if (d.keep_prob >= 1) return {};
    const index_t unit = d.generate ? 16 : 1;
    const index_t keys = ragged() ? at.kv_len : t_.shape.kv_len;
    return {.kind = d.generate ? Dropout::Kind::philox : Dropout::Kind::bits,
            .keep_prob = static_cast<float>(d.keep_prob),
            .stream = d.mask.data(),
            .first = scores_before(at, unit),
            .row_bits = (keys + unit - 1) / unit,
            .seed = d.seed,
            .offset = d.offset,
            .threshold = d.keep_prob * 255};
  }

  RowStats stats(HeadIndex at, index_t first, index_t rows) const {
    const index_t heads = t_.shape.heads;
    const bool by_token = ragged() && t_.stats_layout == StatsLayout::token_major;
    const index_t row = by_token   ? first * heads + at.head
                        : ragged() ? first * heads + at.head * rows
                                   : (at.batch * heads + at.head) * rows;
    const index_t stride = by_token ? heads : 1, repeat = t_.stats_repeat;
    const auto from = [&](float* data, index_t offset) { return data == nullptr ? nullptr : data + offset; };
    RowStats stats{from(t_.softmax_max, row * repeat), from(t_.softmax_sum, row * repeat), from(t_.lse, row)};
    stats.row_stride = stride * repeat;
    stats.lse_stride = stride;
    stats.repeat = repeat;
    stats.empty_lse = t_.empty_lse;
    if (t_.shape.kv_len == 0) stats.empty_max = stats.empty_sum = 0;  // no key tensor at all (operators 1.2)
    return stats;
  }

  AttentionTensors<Element> t_;
  MaskOf masks_;
  ModifierOf modifiers_;
};

}  // namespace GLINT_ABI
}  // namespace glint

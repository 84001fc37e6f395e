// A problem with its layout and options resolved, in the form that prefill asks for: HeadWork by HeadWork.
#pragma once

#include <optional>

#include "glint/kernel/forward.hpp"
#include "glint/ops/problem.hpp"

namespace glint {
inline namespace GLINT_ABI {

// An operand whose type is looked at once for each tile.
struct OperandRef {
  const void* data = nullptr;
  DType dtype = DType::none;
  Strides strides{};
  index_t dim = 0;

  const void* at(index_t batch, index_t head, index_t row) const {
    if (data == nullptr) return nullptr;  // an empty tensor: no arithmetic on null
    const index_t element = batch * strides.batch + head * strides.head + row * strides.row;
    return static_cast<const char*>(data) + element * size_of(dtype);
  }
};

// Everything that is shared by the heads of one call, but for K and V.
struct AttentionOptions {
  OperandRef q{}, q_rope{};
  OperandRef out{};  // written
  Shape shape{};
  Layout layout = Layout::BSH;
  Sequences q_rows;
  std::optional<index_t> q_padding{};  // rows of an entry behind its last query row; absent: the first row is row 0
  float scale = 1;
  Products products = Products::singles;
  Int8Factors int8{};

  PseTensor pse{};
  float pse_factor = 1;
  Slopes slopes{};
  bool slope_square_root = false;
  DropoutOptions dropout{};
  const void* sink = nullptr;  // [N]
  DType sink_type = DType::none;
  PostQuant post_quant{};

  float* softmax_max = nullptr;
  float* softmax_sum = nullptr;
  float* lse = nullptr;
  StatsLayout stats_layout = StatsLayout::token_major;
  index_t stats_repeat = 1;
  float empty_lse = -std::numeric_limits<float>::infinity();
};

// K and V in one tensor each, in the layout of q; what a plan asks of its keys.
template <class Element>
struct TensorKeys {
  using element = Element;
  static constexpr bool kBytes = false;
  Tensor<const Element> k, v;
  Sequences rows;
  bool ragged = false;

  index_t length(index_t b) const { return rows.length(b); }
  index_t longest() const { return rows.longest(); }
  // Of a batch entry's keys: where they begin among the columns of masks, biases and factors.
  index_t first_column(index_t) const { return 0; }
  // Do tiles of `keys` keys lie in memory as the products want them?
  bool stages(index_t) const { return !std::is_same_v<Element, float>; }

  template <class Head>
  void place(index_t batch, index_t kv_head, Head& head) const {
    const index_t axis = ragged ? 0 : batch, first = rows.first(batch), count = rows.length(batch);
    head.kv = kv::whole(k.head(axis, kv_head, first, count), v.head(axis, kv_head, first, count));
  }
};

// Keys: TensorKeys, or CacheKeys (cache_plan.hpp).  MaskOf makes the mask of one head from a HeadIndex, ModifierOf its
// lane modifier.
template <class Keys, class MaskOf, class ModifierOf>
class AttentionPlan {
 public:
  using Head = HeadWork<typename Keys::element, std::invoke_result_t<const MaskOf&, HeadIndex>,
                        std::invoke_result_t<const ModifierOf&, HeadIndex>>;

  static constexpr bool kBytes = Keys::kBytes;

  AttentionPlan(const AttentionOptions& options, const Keys& keys, const MaskOf& masks, const ModifierOf& modifiers)
      : t_(options), keys_(keys), masks_(masks), modifiers_(modifiers) {}

  index_t groups() const { return entries() * t_.shape.kv_head_count(); }
  index_t heads_per_group() const { return t_.shape.heads / t_.shape.kv_head_count(); }
  index_t max_rows() const {
    if (!ragged()) return t_.shape.q_len;
    const index_t longest = t_.q_rows.longest(), rest = surplus();
    return longest > rest ? longest : rest;
  }
  index_t max_keys() const { return keys_.longest(); }
  index_t head_dim() const { return t_.shape.head_dim + t_.q_rope.dim; }
  index_t value_dim() const { return t_.shape.value_size(); }
  Products products() const { return t_.products; }
  bool stages(index_t keys) const { return keys_.stages(keys) || t_.q_rope.dim > 0; }

  Head head(index_t group, index_t member) const {
    const index_t batch = group / t_.shape.kv_head_count(), kv_head = group % t_.shape.kv_head_count();
    const bool real = batch < t_.q_rows.batch();
    const Place place = real ? entry(batch) : Place{.first = t_.q_rows.total(), .behind = surplus()};
    // The surplus entry has no queries, so what it would look up by batch is never used; entry 0 always exists.
    const HeadIndex at{.batch = real ? batch : 0,
                       .head = kv_head * heads_per_group() + member,
                       .q_len = place.rows,
                       .kv_len = real ? keys_.length(batch) : 0,
                       .first_row = place.lead,
                       .first_column = real ? keys_.first_column(batch) : 0};
    const index_t axis = ragged() ? 0 : batch;  // TND has no batch axis: the first row says where an entry starts
    const index_t first = place.first + place.lead;
    Head head{.q = {t_.q.at(axis, at.head, first), t_.q.dtype, at.q_len, t_.q.strides.row, t_.q.dim},
              .kv = {},
              .out = output(axis, at.head, place),
              .scale = t_.scale,
              .mask = masks_(at),
              .modifier = modifiers_(at),
              .bias = bias(at),
              .slope = slope(at),
              .dropout = dropout(at),
              .sink = NumberRef{t_.sink, t_.sink_type}.from(at.head),
              .int8 = t_.int8,
              .stats = stats(at, place)};
    if (t_.q_rope.dim > 0)
      head.q_rope = {t_.q_rope.at(axis, at.head, first), t_.q_rope.dtype, at.q_len, t_.q_rope.strides.row,
                     t_.q_rope.dim};
    if (real) keys_.place(batch, kv_head, head);
    return head;
  }

  // Of another tensor that has the rows of q: those of one head.
  OutputView rows_of(const OperandRef& tensor, index_t group, index_t member) const {
    const index_t batch = group / t_.shape.kv_head_count(), kv_head = group % t_.shape.kv_head_count();
    return rows_at(tensor, ragged() ? 0 : batch, kv_head * heads_per_group() + member, entry(batch));
  }

  // Of all batch entries before one.
  index_t keys_before(index_t batch) const {
    index_t keys = 0;
    for (index_t b = 0; b < batch; ++b) keys += keys_.length(b);
    return keys;
  }

 private:
  // The rows of an entry: from row `first` of the tensor on `lead` without queries, `rows` with, `behind` without.
  struct Place {
    index_t first = 0, lead = 0, rows = 0, behind = 0;
  };
  Place entry(index_t batch) const {
    const index_t rows = t_.q_rows.length(batch);
    if (ragged()) return {.first = t_.q_rows.first(batch), .rows = rows};
    const index_t spare = t_.shape.q_len - rows;
    if (!t_.q_padding) return {.rows = rows, .behind = spare};
    const index_t lead = spare - *t_.q_padding;
    if (lead < 0) return {.behind = t_.shape.q_len};  // no room: an entry without queries (operators 5)
    return {.lead = lead, .rows = rows, .behind = *t_.q_padding};
  }

  OutputView output(index_t axis, index_t head, const Place& place) const {
    const OperandRef& o = t_.out;
    OutputView view = rows_at(o, axis, head, place);
    if (const PostQuant& f = t_.post_quant) {
      const index_t stride = f.channels == 1 ? 0 : 1;
      view.factors = {NumberRef{f.scale, f.dtype}.from(head * stride * o.dim),
                      NumberRef{f.offset, f.dtype}.from(head * stride * o.dim), stride};
    }
    return view;
  }
  static OutputView rows_at(const OperandRef& o, index_t axis, index_t head, const Place& place) {
    // Written, though it came as a pointer to const like all the others.
    void* const data = const_cast<void*>(o.at(axis, head, place.first + place.lead));
    return {data, o.dtype, place.rows + place.behind, place.lead, o.strides.row, o.dim};
  }

  bool ragged() const { return t_.layout == Layout::TND; }
  index_t surplus() const { return t_.shape.q_len - t_.q_rows.total(); }
  // Rows behind the last TND sequence form one more entry, without queries: its rows are only set to zero.
  index_t entries() const { return t_.q_rows.batch() + (ragged() && surplus() > 0 ? 1 : 0); }

  // Scores before this head in the flat order [entry][head][row][key], each row of keys rounded up to whole units.
  index_t scores_before(HeadIndex at, index_t unit) const {
    const auto units = [unit](index_t keys) { return (keys + unit - 1) / unit; };
    index_t before = 0;
    if (ragged()) {
      for (index_t b = 0; b < at.batch; ++b) before += t_.q_rows.length(b) * units(keys_.length(b));
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
      bias.data = from(keys_before(at.batch) * t_.shape.heads + at.head * at.kv_len);
      bias.row_stride = 0;
      return bias;
    }
    const index_t matrix = p.rows * p.columns;
    bias.data = from((p.batch == 1 ? 0 : at.batch * p.heads * matrix) + (p.heads == 1 ? 0 : at.head * matrix) +
                     (p.rows == 1 ? 0 : at.first_row * p.columns) + at.first_column);
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

  RowStats stats(HeadIndex at, const Place& place) const {
    const index_t heads = t_.shape.heads, rows = ragged() ? place.rows + place.behind : t_.shape.q_len;
    const bool by_token = ragged() && t_.stats_layout == StatsLayout::token_major;
    const index_t stride = by_token ? heads : 1, repeat = t_.stats_repeat;
    const index_t start = by_token   ? place.first * heads + at.head
                          : ragged() ? place.first * heads + at.head * rows
                                     : (at.batch * heads + at.head) * rows;
    const index_t row = start + place.lead * stride;
    const auto from = [&](float* data, index_t offset) { return data == nullptr ? nullptr : data + offset; };
    RowStats stats{from(t_.softmax_max, row * repeat), from(t_.softmax_sum, row * repeat), from(t_.lse, row)};
    stats.row_stride = stride * repeat;
    stats.lse_stride = stride;
    stats.repeat = repeat;
    stats.empty_lse = t_.empty_lse;
    if (t_.shape.kv_len == 0) stats.empty_max = stats.empty_sum = 0;  // no key tensor at all (operators 1.2)
    return stats;
  }

  AttentionOptions t_;
  Keys keys_;
  MaskOf masks_;
  ModifierOf modifiers_;
};

}  // namespace GLINT_ABI
}  // namespace glint

// A gradient problem with its layout and options resolved, in the form that the backward kernel asks for.
#pragma once

#include "glint/kernel/backward.hpp"
#include "glint/ops/plan.hpp"

namespace glint {
inline namespace GLINT_ABI {

// The gradients of one call, and that of its output.
struct GradientOptions {
  OperandRef d_out{};
  OperandRef d_q{}, d_k{}, d_v{};  // written
  void* d_pse = nullptr;           // in the form of pse; null: not wanted
  float* d_sink = nullptr;         // the same
};

template <class Keys, class MaskOf, class ModifierOf>
class GradientPlan {
 public:
  using ForwardPlan = AttentionPlan<Keys, MaskOf, ModifierOf>;
  using Head = GradientHead<typename ForwardPlan::Head>;
  using Modifier = std::remove_cvref_t<decltype(ForwardPlan::Head::modifier)>;
  static_assert(score::PullsBack<Modifier>,
                "glint: a score modifier needs pullback(ds, s, q_minus_k) to be used in the gradient");

  GradientPlan(const AttentionOptions& forward, const GradientOptions& gradients, const Keys& keys, const MaskOf& masks,
               const ModifierOf& modifiers)
      : t_(forward), g_(gradients), keys_(keys), forward_(forward, keys, masks, modifiers) {}

  index_t entries() const { return t_.q_rows.batch(); }
  index_t heads() const { return t_.shape.heads; }
  index_t groups() const { return entries() * kv_heads(); }
  index_t heads_per_group() const { return heads() / kv_heads(); }
  index_t max_rows() const { return t_.q_rows.longest(); }
  index_t max_keys() const { return keys_.longest(); }
  index_t head_dim() const { return t_.shape.head_dim; }
  index_t value_dim() const { return t_.shape.value_size(); }
  float scale() const { return t_.scale; }

  // Pairs of numbers are multiplied where rows are whole vectors of them, and nobody asks for dS in float.
  Products products() const {
    constexpr bool kPlain = std::is_same_v<Modifier, score::None>;
    const bool whole = head_dim() % 32 == 0 && value_dim() % 32 == 0;
    return kPlain && whole && g_.d_pse == nullptr ? t_.products : Products::singles;
  }

  Head head(index_t group, index_t member) const {
    Head head{forward_.head(group, member), rows(g_.d_out, group, member), forward_.rows_of(g_.d_q, group, member)};
    if (g_.d_pse != nullptr && !shares_bias()) head.d_bias = d_bias(head.forward.bias);
    return head;
  }
  OutputView d_k(index_t group) const { return keys(g_.d_k, group); }
  OutputView d_v(index_t group) const { return keys(g_.d_v, group); }
  float* d_sink() const { return g_.d_sink; }

  // TND: rows behind the last sequence, of each head of d_q, d_k and d_v.
  index_t unowned() const {
    return ragged() && (surplus(t_.q_rows, t_.shape.q_len) || surplus(keys_.rows, t_.shape.kv_len))
               ? heads() + 2 * kv_heads()
               : 0;
  }
  OutputView unowned(index_t i) const {
    if (i < heads()) return behind(g_.d_q, i, t_.q_rows, t_.shape.q_len);
    const index_t head = (i - heads()) % kv_heads();
    return behind(i - heads() < kv_heads() ? g_.d_k : g_.d_v, head, keys_.rows, t_.shape.kv_len);
  }

  // Parts of d_pse that are sums over heads, entries or rows.
  index_t bias_planes() const {
    if (g_.d_pse == nullptr || !shares_bias()) return 0;
    const PseTensor& p = t_.pse;
    if (p.form == PseForm::tnd_per_column) return entries() * heads();
    return p.rows * p.columns == 0 ? 0 : p.batch * p.heads;
  }
  BiasPlane bias_plane(index_t i) const {
    const PseTensor& p = t_.pse;
    BiasPlane plane{.all_heads = heads(), .rows = p.rows, .keys = p.columns, .factor = t_.pse_factor};
    if (p.form == PseForm::tnd_per_column) {
      const index_t entry = i / heads(), head = i % heads();
      plane.first_batch = entry, plane.first_head = head, plane.batches = plane.heads = 1;
      plane.keys = keys_.length(entry), plane.one_row = true;
      plane.to = {at(forward_.keys_before(entry) * heads() + head * plane.keys), p.dtype, 0};
      return plane;
    }
    plane.first_batch = p.batch == 1 ? 0 : i / p.heads, plane.batches = p.batch == 1 ? entries() : 1;
    plane.first_head = p.heads == 1 ? 0 : i % p.heads, plane.heads = p.heads == 1 ? heads() : 1;
    plane.one_row = p.rows == 1;
    plane.to = {at(i * p.rows * p.columns), p.dtype, p.columns};
    return plane;
  }

 private:
  index_t kv_heads() const { return t_.shape.kv_head_count(); }
  bool ragged() const { return t_.layout == Layout::TND; }
  static bool surplus(const Sequences& rows, index_t all) { return rows.total() < all; }

  QueryView rows(const OperandRef& tensor, index_t group, index_t member) const {
    const OutputView rows = forward_.rows_of(tensor, group, member);
    return {rows.data, rows.dtype, rows.rows, rows.row_stride, rows.dim};
  }
  OutputView keys(const OperandRef& tensor, index_t group) const {
    const index_t entry = group / kv_heads();
    return view(tensor, ragged() ? 0 : entry, group % kv_heads(), {keys_.rows.first(entry), keys_.length(entry)});
  }
  OutputView behind(const OperandRef& tensor, index_t head, const Sequences& rows, index_t all) const {
    return view(tensor, 0, head, {rows.total(), all - rows.total()});
  }

  struct Rows {
    index_t first, count;
  };
  static OutputView view(const OperandRef& tensor, index_t axis, index_t head, Rows rows) {
    void* const data = const_cast<void*>(tensor.at(axis, head, rows.first));  // written
    return {data, tensor.dtype, rows.count, 0, tensor.strides.row, tensor.dim};
  }

  bool shares_bias() const {
    const PseTensor& p = t_.pse;
    if (p.form != PseForm::dense) return p.form == PseForm::tnd_per_column;
    return p.batch != entries() || p.heads != heads() || p.rows != t_.shape.q_len;
  }
  void* at(index_t element) const { return static_cast<char*>(g_.d_pse) + element * size_of(t_.pse.dtype); }
  // Where the head's own part of d_pse lies: as its bias does in pse.
  BiasGradient d_bias(const Bias& bias) const {
    if (!bias) return {};
    const auto* const first = static_cast<const char*>(t_.pse.data);
    return {static_cast<char*>(g_.d_pse) + (static_cast<const char*>(bias.data) - first), bias.dtype, bias.row_stride};
  }

  AttentionOptions t_;
  GradientOptions g_;
  Keys keys_;
  ForwardPlan forward_;
};

}  // namespace GLINT_ABI
}  // namespace glint

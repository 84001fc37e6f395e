// FlashAttentionScoreGrad through its typed door, for a problem in logical order: what the metamorphic and
// failure-class tests of the gradient vary.
#pragma once

#include <optional>

#include "glint/ops/flash_attention_score_grad.hpp"
#include "support/score_shapes.hpp"

namespace metamorphic {

// What a gradient answers, in logical order, and the forward that it belongs to.
struct Gradients {
  std::vector<float> q, k, v, pse, sink;
  Result forward;
};

struct GradSpec : ScoreSpec {
  std::vector<float> d_out, sink;
  glint::PseForm pse_form = glint::PseForm::dense;
  bool wants_d_pse = true;
  bool generate = false;  // keep bits from a seed
  std::uint64_t seed = 0, offset = 0;
  bool lse_only = false;
  glint::StatsLayout stats_layout = glint::StatsLayout::token_major;
  std::string storage;          // how tensors really lie, told by strides; empty: as the layout says
  index_t gap = 0;              // numbers behind each of their rows; needs `storage`
  std::optional<Result> saved;  // the forward's answer; absent: it is run

  GradSpec& draw(unsigned first_seed = 1) {
    ScoreSpec::draw(first_seed);
    d_out = gaussian(out_grid().count(), dtype, first_seed + 3);
    return *this;
  }
  bool ragged() const { return layout == "TND"; }
  // Cumulative; for TND without lists every entry is a sequence.
  std::vector<index_t> ends_or(const std::vector<index_t>& given, index_t rows) const {
    std::vector<index_t> ends = given;
    for (index_t b = 1; ragged() && given.empty() && b <= batch; ++b) ends.push_back(b * rows);
    return ends;
  }
  // Where a row's statistics are.
  index_t slot(index_t b, index_t n, index_t i) const {
    if (!ragged()) return (b * heads + n) * q_len + i;
    const index_t token = b * q_len + i;
    if (stats_layout == glint::StatsLayout::token_major) return token * heads + n;
    index_t first = 0, end = batch * q_len;
    for (const index_t e : ends_or(q_ends, q_len)) {
      if (e <= token && e > first) first = e;
      if (e > token) end = std::min(end, e);
    }
    return first * heads + n * (end - first) + token - first;
  }
};

namespace grad {

inline glint::Layout kind_of(const std::string& name) {
  if (name == "BSH") return glint::Layout::BSH;
  if (name == "BSND") return glint::Layout::BSND;
  if (name == "SBH") return glint::Layout::SBH;
  return name == "TND" ? glint::Layout::TND : glint::Layout::BNSD;
}

// A tensor of a call: rows as the specification says they lie, NaN wherever there is no number yet.
class Operand {
 public:
  Operand(const GradSpec& s, const Grid& grid, const std::vector<float>* values = nullptr)
      : grid_(grid), room_(grid), place_(s.storage.empty() ? s.layout : s.storage), memory_(s.dtype, 0) {
    room_.dim += s.gap;
    memory_ = Buffer(s.dtype, room_.count());
    if (!s.storage.empty())
      strides_ = glint::layout::strides(kind_of(s.storage), {grid.batch, grid.heads, grid.rows, room_.dim});
    if (values == nullptr) return;
    grid.rows_of([&](index_t b, index_t n, index_t i) {
      const index_t from = grid.logical(b, n, i), to = room_.place(place_, b, n, i);
      for (index_t d = 0; d < grid.dim; ++d) memory_.set(to + d, (*values)[size(from + d)]);
    });
  }
  template <class Element>
  Element* data() {
    return static_cast<Element*>(memory_.data());
  }
  glint::Strides strides() const { return strides_; }
  std::vector<float> values() const {
    std::vector<float> values(size(grid_.count()));
    grid_.rows_of([&](index_t b, index_t n, index_t i) {
      const index_t to = grid_.logical(b, n, i), from = room_.place(place_, b, n, i);
      for (index_t d = 0; d < grid_.dim; ++d) values[size(to + d)] = memory_.at(from + d);
      for (index_t d = grid_.dim; d < room_.dim; ++d) EXPECT_TRUE(is_nan(memory_.at(from + d))) << "a gap was written";
    });
    EXPECT_TRUE(is_nan(memory_.at(-1)) && is_nan(memory_.at(room_.count()))) << "a write beside the tensor";
    return values;
  }

 private:
  Grid grid_, room_;
  std::string place_;
  Buffer memory_;
  glint::Strides strides_{};
};

inline Buffer flat(DType dtype, const std::vector<float>& values) {
  Buffer memory(dtype, static_cast<index_t>(values.size()));
  for (index_t i = 0; i < memory.count(); ++i) memory.set(i, values[size(i)]);
  return memory;
}
inline std::vector<float> values_of(const Buffer& memory) {
  std::vector<float> values;
  for (index_t i = 0; i < memory.count(); ++i) values.push_back(memory.at(i));
  EXPECT_TRUE(is_nan(memory.at(-1)) && is_nan(memory.at(memory.count()))) << "a write beside the tensor";
  return values;
}

// Everything that a call points at.
struct Memory {
  Operand q, k, v, out, d_out, d_q, d_k, d_v;
  Buffer pse, d_pse, sink, d_sink, max, sum, lse;
  std::vector<index_t> q_ends, kv_ends;

  explicit Memory(const GradSpec& s)
      : q(s, s.q_grid(), &s.q),
        k(s, s.k_grid(), &s.k),
        v(s, s.v_grid(), &s.v),
        out(s, s.out_grid(), s.saved ? &s.saved->out : nullptr),
        d_out(s, s.out_grid(), &s.d_out),
        d_q(s, s.q_grid()),
        d_k(s, s.k_grid()),
        d_v(s, s.v_grid()),
        pse(flat(s.pse_type >= 2 ? DType::f32 : s.dtype, s.pse)),
        d_pse(s.dtype, pse.count()),
        sink(flat(DType::f32, s.sink)),
        d_sink(DType::f32, sink.count()),
        max(DType::f32, s.batch * s.heads * s.q_len * s.stats_repeat),
        sum(DType::f32, max.count()),
        lse(DType::f32, s.batch * s.heads * s.q_len),
        q_ends(s.ends_or(s.q_ends, s.q_len)),
        kv_ends(s.ends_or(s.kv_ends, s.kv_len)) {
    if (s.saved)
      each_row(s, [&](std::size_t i, index_t slot) {
        for (index_t r = 0; r < s.stats_repeat; ++r)
          max.set(slot * s.stats_repeat + r, s.saved->max[i]), sum.set(slot * s.stats_repeat + r, s.saved->sum[i]);
        lse.set(slot, s.saved->lse[i]);
      });
  }
  Result forward(const GradSpec& s) const {
    const std::vector<float> rows(size(lse.count()));
    Result result{out.values(), rows, rows, rows};
    each_row(s, [&](std::size_t i, index_t slot) {
      result.max[i] = max.at(slot * s.stats_repeat), result.sum[i] = sum.at(slot * s.stats_repeat);
      result.lse[i] = lse.at(slot);
    });
    return result;
  }
  Gradients gradients(const GradSpec& s) const {
    return {d_q.values(), d_k.values(), d_v.values(), values_of(d_pse), values_of(d_sink), forward(s)};
  }

 private:
  template <class Each>
  static void each_row(const GradSpec& s, const Each& each) {
    std::size_t i = 0;
    s.q_grid().rows_of([&](index_t b, index_t n, index_t row) { each(i++, s.slot(b, n, row)); });
  }
};

template <class Element>
glint::ScoreProblem<Element> forward_problem(const GradSpec& s, Memory& m) {
  glint::ScoreProblem<Element> p;
  p.q = m.q.data<Element>(), p.k = m.k.data<Element>(), p.v = m.v.data<Element>(), p.out = m.out.data<Element>();
  p.q_strides = m.q.strides(), p.k_strides = m.k.strides(), p.v_strides = m.v.strides();
  p.out_strides = m.out.strides();
  const index_t entries = s.ragged() ? s.batch : 1;
  p.shape = {.batch = s.ragged() ? static_cast<index_t>(m.q_ends.size()) : s.batch,
             .heads = s.heads,
             .kv_heads = s.kv_heads,
             .q_len = entries * s.q_len,
             .kv_len = entries * s.kv_len,
             .head_dim = s.dim,
             .value_dim = s.value_dim};
  p.scale = static_cast<float>(s.scale), p.q_scale = static_cast<float>(s.q_scale);
  p.pre_tokens = s.pre, p.next_tokens = s.next, p.prefix = s.prefix;
  if (!s.mask.drop.empty()) p.attn_mask = {s.mask.drop.data(), s.mask.batch, s.mask.heads, s.q_len, s.kv_len};
  p.pse_type = s.pse_type;
  if (s.pse_type >= 2) {
    p.slopes = {static_cast<const float*>(m.pse.data())};
  } else if (m.pse.count() > 0) {
    p.pse = {m.pse.data(), s.dtype, 1, 1, 1, m.pse.count(), s.pse_form};
    if (s.pse_form == glint::PseForm::dense)
      p.pse.batch = s.pse_shape[0], p.pse.heads = s.pse_shape[1], p.pse.rows = s.pse_shape[2],
      p.pse.columns = s.pse_shape[3];
  }
  if (m.sink.count() > 0) p.sink = static_cast<const float*>(m.sink.data());
  p.dropout = {s.keep_prob, s.keep_bits, s.generate, s.seed, s.offset};
  p.q_ends = m.q_ends, p.kv_ends = m.kv_ends;
  const bool gradient = s.saved.has_value();
  if (!gradient || !s.lse_only)
    p.softmax_max = static_cast<float*>(m.max.data()), p.softmax_sum = static_cast<float*>(m.sum.data());
  if (!gradient || s.lse_only) p.lse = static_cast<float*>(m.lse.data());
  p.stats_layout = s.stats_layout, p.stats_repeat = s.stats_repeat;
  p.inner_precise = s.inner_precise;
  return p;
}

template <class Element>
glint::ScoreGradProblem<Element> problem(const GradSpec& s, Memory& m) {
  glint::ScoreGradProblem<Element> p{.forward = forward_problem<Element>(s, m)};
  p.d_out = m.d_out.data<Element>(), p.d_out_strides = m.d_out.strides();
  p.d_q = m.d_q.data<Element>(), p.d_q_strides = m.d_q.strides();
  p.d_k = m.d_k.data<Element>(), p.d_k_strides = m.d_k.strides();
  p.d_v = m.d_v.data<Element>(), p.d_v_strides = m.d_v.strides();
  if (s.wants_d_pse && m.d_pse.count() > 0 && s.pse_type < 2) p.d_pse = static_cast<Element*>(m.d_pse.data());
  if (m.d_sink.count() > 0) p.d_sink = static_cast<float*>(m.d_sink.data());
  return p;
}

inline void expect_ok(const glint::Status& status) {
  EXPECT_TRUE(static_cast<bool>(status)) << status.rule << " got " << status.got << " want " << status.want;
}

}  // namespace grad

// One type, layout and mode.  What lies in the workspace is no input: all its bits are set.
template <class Element, class Tag, glint::SparseMode mode, class Recipe = glint::recipe::Default>
Gradients differentiate_as(GradSpec s, const TestExecutor& executor = TestExecutor()) {
  if (!s.saved) {
    grad::Memory m(s);
    const glint::FlashAttentionScore<Tag, Element, mode, Recipe> attend;
    grad::expect_ok(attend(grad::forward_problem<Element>(s, m), TestExecutor()));
    s.saved = m.forward(s);
  }
  grad::Memory m(s);
  const glint::FlashAttentionScoreGrad<Tag, Element, mode, Recipe> gradient;
  const auto p = grad::problem<Element>(s, m);
  std::vector<std::byte> workspace(size(gradient.workspace_bytes(p, executor.workers())), std::byte{0xff});
  grad::expect_ok(gradient(p, executor, workspace));
  return m.gradients(s);
}

inline void expect_same_bits(const Gradients& got, const Gradients& want, const std::string& what) {
  expect_same_bits(got.q, want.q, what + " dq");
  expect_same_bits(got.k, want.k, what + " dk");
  expect_same_bits(got.v, want.v, what + " dv");
  expect_same_bits(got.pse, want.pse, what + " dpse");
  expect_same_bits(got.sink, want.sink, what + " dsink");
}

}  // namespace metamorphic

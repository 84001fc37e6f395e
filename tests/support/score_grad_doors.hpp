// A case's gradient: what the forward leaves for it, and the typed door of FlashAttentionScoreGrad.
#pragma once

#include "glint/ops/flash_attention_score_grad.hpp"
#include "support/score_doors.hpp"

namespace glint_test {

// The gradient reads max and sum, or lse.  A case that has neither gets the first two.
inline Case with_statistics(Case c) {
  constexpr index_t kBoth = kWantMax | kWantSum;
  const bool enough = (c.stats & kBoth) == kBoth || (c.stats & kWantLse) != 0;
  if (!enough) c.stats |= kBoth;
  return c;
}

template <class T>
struct GradientInput {
  Buffer<T> d_out;
  Outcome<T> forward;
};

namespace detail {

// What lies behind the sequences' own rows is nobody's: not to be read.
template <class T>
void poison_surplus(const Case& c, const CaseData<T>& data, Outcome<T>& forward) {
  const Lists& lists = data.lists;
  const auto used = [&](index_t b) { return rows_used(c, lists.q_of, b); };
  poison_rows(forward.out.data(), data.out_extent, layout_name(c), used);
  if (c.layout != kTnd) return;
  const auto behind = [&](std::vector<float>& stat, index_t repeat) {
    if (!stat.empty()) std::fill(stat.begin() + used(0) * c.heads * repeat, stat.end(), poison());
  };
  behind(forward.max, c.repeat);
  behind(forward.sum, c.repeat);
  behind(forward.lse, 1);
}

}  // namespace detail

template <class T>
Outcome<T> forward_of(const Case& c, const CaseData<T>& data) {
  Outcome<T> forward = typed_score(c, data, TestExecutor{});
  if (forward.status) detail::poison_surplus(c, data, forward);
  return forward;
}

template <class T>
Buffer<T> d_out_of(const Case& c, const CaseData<T>& data) {
  Random random(c.seed, 8);
  const double spread = random.pick(0.1, 1.0, 1.0, 5.0), mean = random.chance(50) ? 0 : spread;
  return detail::random_rows<T>(c, data.out_extent, data.lists.q_of, spread, mean, 9);
}

// Elements with a poisoned one at either end.
template <class T>
class Fenced {
 public:
  explicit Fenced(index_t count) : memory_(static_cast<std::size_t>(count + 2), detail::quiet_nan<T>()) {}
  T* data() { return memory_.data() + 1; }
  std::vector<T> take(std::string& damage) const {
    const T nan = detail::quiet_nan<T>();
    for (const T& end : {memory_.front(), memory_.back()})
      if (std::memcmp(&end, &nan, sizeof(T)) != 0) damage = "a write beside the gradient of pse or sink";
    return {memory_.begin() + 1, memory_.end() - 1};
  }

 private:
  std::vector<T> memory_;
};

// What a door wrote, in the layout's own order.
template <class T>
struct Gradients {
  glint::Status status{};
  std::vector<T> d_q, d_k, d_v, d_pse;
  std::vector<float> d_sink;
  std::string damage;
};

// Now and then a gradient that exists is not asked for.
inline bool wants_d_pse(const Case& c) {
  return c.pse != 0 && c.pse_type < 2 && c.pse_store != kPseCompressed && c.seed % 7 != 0;
}
inline bool wants_d_sink(const Case& c) { return c.sink != 0 && c.seed % 11 != 0; }

template <class T>
Gradients<T> typed_gradient(const Case& c, const CaseData<T>& data, const GradientInput<T>& input,
                            const TestExecutor& executor) {
  Outcome<T> saved = input.forward;
  glint::ScoreGradProblem<T> p;
  p.forward = score_problem(c, data, saved);
  Placed<T> q = place(c, data.q_extent, data.q.data(), 22), k = place(c, data.kv_extent, data.k.data(), 23);
  Placed<T> v = place(c, data.v_extent, data.v.data(), 24), out = place(c, data.out_extent, saved.out.data(), 25);
  Placed<T> d_out = place(c, data.out_extent, input.d_out.data(), 26), d_q = place<T>(c, data.q_extent, nullptr, 27);
  Placed<T> d_k = place<T>(c, data.kv_extent, nullptr, 28), d_v = place<T>(c, data.v_extent, nullptr, 29);
  Fenced<T> d_pse(data.pse.size());
  Fenced<float> d_sink(c.heads);
  p.forward.q = q.data, p.forward.k = k.data, p.forward.v = v.data, p.forward.out = out.data;
  p.forward.q_strides = q.strides, p.forward.k_strides = k.strides, p.forward.v_strides = v.strides;
  p.forward.out_strides = out.strides;
  p.d_out = d_out.data, p.d_q = d_q.data, p.d_k = d_k.data, p.d_v = d_v.data;
  p.d_out_strides = d_out.strides, p.d_q_strides = d_q.strides, p.d_k_strides = d_k.strides;
  p.d_v_strides = d_v.strides;
  if (wants_d_pse(c)) p.d_pse = d_pse.data();
  if (wants_d_sink(c)) p.d_sink = d_sink.data();
  const std::vector<T> out_before = out.memory;
  Gradients<T> got;
  got.status = with_layout(c.layout, [&](auto layout) {
    return with_mode<0, 8>(c.mode, [&](auto mode) -> glint::Status {
      const glint::FlashAttentionScoreGrad<decltype(layout), T, decltype(mode)::value> gradient;
      if (const glint::Status legal = gradient.check(p); !legal) return legal;
      const Workspace workspace(gradient.workspace_bytes(p, executor.workers()));
      const glint::Status status = gradient(p, executor, workspace.span());
      if (!workspace.fence_holds()) got.damage = "a write behind the workspace";
      return status;
    });
  });
  if (!got.status) return got;
  got.d_q = take_rows(c, data.q_extent, d_q, got.damage);
  got.d_k = take_rows(c, data.kv_extent, d_k, got.damage);
  got.d_v = take_rows(c, data.v_extent, d_v, got.damage);
  if (wants_d_pse(c)) got.d_pse = d_pse.take(got.damage);
  if (wants_d_sink(c)) got.d_sink = d_sink.take(got.damage);
  const Outcome<T>& before = input.forward;
  const bool kept = same_bits(out.memory, out_before) && same_bits(saved.max, before.max) &&
                    same_bits(saved.sum, before.sum) && same_bits(saved.lse, before.lse);
  if (!kept) got.damage = "a write to attention_out or the statistics, which are inputs";
  return got;
}

// The first gradient in which two outcomes differ; empty if they have the same bits.
template <class T>
std::string difference(const Gradients<T>& a, const Gradients<T>& b) {
  if (!b.status) return std::string("rejected: ") + b.status.rule;
  if (!b.damage.empty()) return b.damage;
  if (!same_bits(a.d_q, b.d_q)) return "dq differs";
  if (!same_bits(a.d_k, b.d_k)) return "dk differs";
  if (!same_bits(a.d_v, b.d_v)) return "dv differs";
  if (!same_bits(a.d_pse, b.d_pse)) return "dpse differs";
  return same_bits(a.d_sink, b.d_sink) ? "" : "dsink differs";
}

}  // namespace glint_test

// A case through the two doors of FlashAttentionScoreGrad, with what the forward leaves for it.
#pragma once

#include "glint/dispatch/flash_attention_score_grad.hpp"
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

// With every statistic that its door has.
template <class T>
Outcome<T> forward_of(const Case& c, const CaseData<T>& data) {
  Case all = c;
  all.stats = kWantMax | kWantSum | kWantLse;
  Outcome<T> forward =
      typed_score_applies(c) ? typed_score(all, data, TestExecutor{}) : run_time_score(all, data, TestExecutor{});
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

namespace detail {

// The operands of a call besides the forward's, and what may not change: attention_out and statistics.
template <class T>
struct GradientPlaces {
  const Case& c;
  const CaseData<T>& data;
  Outcome<T> saved;
  Placed<T> out, d_out, d_q, d_k, d_v;
  Fenced<T> d_pse;
  Fenced<float> d_sink;

  GradientPlaces(const Case& c_, const CaseData<T>& data_, const GradientInput<T>& input)
      : c(c_),
        data(data_),
        saved(input.forward),
        out(place(c, data.out_extent, saved.out.data(), 25)),
        d_out(place(c, data.out_extent, input.d_out.data(), 26)),
        d_q(place<T>(c, data.q_extent, nullptr, 27)),
        d_k(place<T>(c, data.kv_extent, nullptr, 28)),
        d_v(place<T>(c, data.v_extent, nullptr, 29)),
        d_pse(data.pse.size()),
        d_sink(c.heads) {}

  void take(const GradientInput<T>& input, Gradients<T>& got) {
    got.d_q = take_rows(c, data.q_extent, d_q, got.damage);
    got.d_k = take_rows(c, data.kv_extent, d_k, got.damage);
    got.d_v = take_rows(c, data.v_extent, d_v, got.damage);
    if (wants_d_pse(c)) got.d_pse = d_pse.take(got.damage);
    if (wants_d_sink(c)) got.d_sink = d_sink.take(got.damage);
    const auto kept = [](const std::vector<float>& now, const std::vector<float>& before) {
      return now.empty() || same_bits(now, before);
    };
    const bool read_only = same_bits(out.memory, place(c, data.out_extent, input.forward.out.data(), 25).memory) &&
                           kept(saved.max, input.forward.max) && kept(saved.sum, input.forward.sum) &&
                           kept(saved.lse, input.forward.lse);
    if (!read_only) got.damage = "a write to attention_out or the statistics, which are inputs";
  }
};

}  // namespace detail

// The case's own statistics among those that the forward left.
template <class T>
Gradients<T> typed_gradient(const Case& c, const CaseData<T>& data, const GradientInput<T>& input,
                            const TestExecutor& executor) {
  detail::GradientPlaces<T> places(c, data, input);
  Placed<T> q = place(c, data.q_extent, data.q.data(), 22), k = place(c, data.kv_extent, data.k.data(), 23);
  Placed<T> v = place(c, data.v_extent, data.v.data(), 24);
  if ((c.stats & kWantMax) == 0) places.saved.max.clear();
  if ((c.stats & kWantSum) == 0) places.saved.sum.clear();
  if ((c.stats & kWantLse) == 0) places.saved.lse.clear();
  glint::ScoreGradProblem<T> p;
  p.forward = score_problem(c, data, places.saved);
  p.forward.q = q.data, p.forward.k = k.data, p.forward.v = v.data, p.forward.out = places.out.data;
  p.forward.q_strides = q.strides, p.forward.k_strides = k.strides, p.forward.v_strides = v.strides;
  p.forward.out_strides = places.out.strides;
  p.d_out = places.d_out.data, p.d_q = places.d_q.data, p.d_k = places.d_k.data, p.d_v = places.d_v.data;
  p.d_out_strides = places.d_out.strides, p.d_q_strides = places.d_q.strides;
  p.d_k_strides = places.d_k.strides, p.d_v_strides = places.d_v.strides;
  if (wants_d_pse(c)) p.d_pse = places.d_pse.data();
  if (wants_d_sink(c)) p.d_sink = places.d_sink.data();
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
  if (got.status) places.take(input, got);
  return got;
}

template <class T>
Gradients<T> run_time_gradient(const Case& c, const CaseData<T>& data, const GradientInput<T>& input,
                               const TestExecutor& executor) {
  Case contiguous = c;
  contiguous.strided = 0;
  detail::GradientPlaces<T> places(contiguous, data, input);
  const auto like = [](auto* to, const glint::TensorRef& of) { return glint::OutputRef{to, of.dtype, of.shape}; };
  glint::FlashAttentionScoreGradCall call;
  call.forward = score_call(c, data, places.out, places.saved);
  const glint::OutputRef& out = call.forward.attention_out;
  call.dy = {places.d_out.data, out.dtype, out.shape};
  call.dq = like(places.d_q.data, call.forward.query);
  call.dk = like(places.d_k.data, call.forward.key);
  call.dv = like(places.d_v.data, call.forward.value);
  if (wants_d_pse(c)) call.dpse = like(places.d_pse.data(), call.forward.real_shift);
  if (wants_d_sink(c)) call.dsink = like(places.d_sink.data(), call.forward.sink);
  Gradients<T> got;
  got.status = check(call);
  if (!got.status) return got;
  const Workspace workspace(workspace_bytes(call, executor.workers()));
  got.status = flash_attention_score_grad(call, executor, workspace.span());
  if (got.status) places.take(input, got);
  if (!workspace.fence_holds()) got.damage = "a write behind the workspace";
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

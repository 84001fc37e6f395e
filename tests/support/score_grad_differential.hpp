// FlashAttentionScoreGrad against the oracle, on what FlashAttentionScore left for it.
#pragma once

#include "support/differential.hpp"
#include "support/score_grad_contract.hpp"

namespace glint_test {

namespace detail {

// One row of a tensor becomes NaN.
template <class T>
void poison_row(const Case& c, const Extent& e, index_t b, index_t n, index_t i, Buffer<T>& tensor) {
  T* const row = tensor.data() + glint::reference::row_position(e, layout_name(c), b, n, i);
  std::fill(row, row + e.width, quiet_nan<T>());
}

// The first element that `hit` spares and that differs.
template <class T, class Slot>
std::string spared_rows_differ(const Case& c, const Extent& e, const std::vector<bool>& hit, const Slot& slot,
                               const std::vector<T>& a, const std::vector<T>& b, const char* name) {
  for (index_t batch = 0; batch < e.batch; ++batch)
    for (index_t n = 0; n < e.heads; ++n)
      for (index_t i = 0; i < e.rows; ++i) {
        if (hit[static_cast<std::size_t>(slot(batch, n, i))]) continue;
        const index_t row = glint::reference::row_position(e, layout_name(c), batch, n, i);
        if (std::memcmp(&a[static_cast<std::size_t>(row)], &b[static_cast<std::size_t>(row)],
                        static_cast<std::size_t>(e.width) * sizeof(T)) != 0)
          return std::string(name) + " differs at b=" + std::to_string(batch) + " n=" + std::to_string(n) +
                 " i=" + std::to_string(i);
      }
  return {};
}

template <class T>
std::string spared_numbers_differ(const std::vector<bool>& hit, const std::vector<T>& a, const std::vector<T>& b,
                                  const char* name) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!hit[i] && std::memcmp(&a[i], &b[i], sizeof(T)) != 0)
      return std::string(name) + " differs at " + std::to_string(i);
  return {};
}

template <class T>
std::string spared_differ(const Case& c, const CaseData<T>& data, const Reach& hit, const Gradients<T>& a,
                          const Gradients<T>& b) {
  if (!b.status) return std::string("rejected: ") + b.status.rule;
  if (!b.damage.empty()) return b.damage;
  const auto row = [&](index_t batch, index_t n, index_t i) {
    return glint::reference::detail::statistics_position(data.spec, batch, n, i);
  };
  const auto key = [&](index_t batch, index_t n, index_t j) { return key_slot(data.spec, batch, n, j); };
  std::string wrong = spared_rows_differ(c, data.q_extent, hit.rows, row, a.d_q, b.d_q, "dq");
  if (wrong.empty()) wrong = spared_rows_differ(c, data.kv_extent, hit.keys, key, a.d_k, b.d_k, "dk");
  if (wrong.empty()) wrong = spared_rows_differ(c, data.v_extent, hit.keys, key, a.d_v, b.d_v, "dv");
  if (wrong.empty()) wrong = spared_numbers_differ(hit.pse, a.d_pse, b.d_pse, "dpse");
  return wrong.empty() ? spared_numbers_differ(hit.heads, a.d_sink, b.d_sink, "dsink") : wrong;
}

}  // namespace detail

// A row of Q and dO, or a key with its value, that is NaN changes what it takes part in and nothing else.  Leaves the
// NaN where it put it.
template <class T>
std::string poison_stays(const Case& c, const Gradients<T>& want, CaseData<T>& data, GradientInput<T>& input) {
  const std::vector<Entry> entries = glint::reference::entries_of(data.spec);
  if (entries.empty()) return {};
  Random random(c.seed, 33);
  const index_t group = c.heads / c.kv_heads, batch = random.below(static_cast<index_t>(entries.size()));
  const Entry& entry = entries[static_cast<std::size_t>(batch)];
  const bool of_key = random.chance(50);
  if ((of_key ? entry.keys() : entry.rows) == 0) return {};
  const index_t head = random.below(c.heads), at = random.below(of_key ? entry.keys() : entry.rows);
  if (of_key) {
    detail::poison_row(c, data.kv_extent, entry.kv_batch, head / group, entry.first_key + at, data.k);
    detail::poison_row(c, data.v_extent, entry.kv_batch, head / group, entry.first_key + at, data.v);
  } else {
    detail::poison_row(c, data.q_extent, entry.q_batch, head, entry.first_row + at, data.q);
    detail::poison_row(c, data.out_extent, entry.q_batch, head, entry.first_row + at, input.d_out);
  }
  input.forward = forward_of(c, data);
  if (!input.forward.status) return std::string("forward: ") + input.forward.status.rule;
  const Reach hit =
      reach(data.spec, [&](const Entry& e, const glint::reference::SparseRule& rule, index_t n, index_t i) {
        if (e.batch != batch) return false;
        if (!of_key) return n == head && i == at;
        return n / group == head / group && glint::reference::detail::sees(data.spec, e, rule, n, i, at);
      });
  const Gradients<T> got = run_time_gradient(c, data, input, TestExecutor{});
  const std::string wrong = detail::spared_differ(c, data, hit, want, got);
  return wrong.empty() ? wrong : std::string("NaN in a ") + (of_key ? "key: " : "row: ") + wrong;
}

// Both doors on one input.  They have the same bits where both read the maximum and the sum.
template <class T, class Meets>
std::string check_doors(const Case& c, const CaseData<T>& data, const GradientInput<T>& input, Meets& meets_contract,
                        Gradients<T>& run_time) {
  run_time = run_time_gradient(c, data, input, TestExecutor{});
  if (const std::string wrong = meets_contract(run_time); !wrong.empty()) return "run-time: " + wrong;
  if (!typed_score_applies(c)) return {};
  const Gradients<T> typed = typed_gradient(c, data, input, TestExecutor{});
  const bool same_statistics = (c.stats & kWantMax) != 0 && (c.stats & kWantSum) != 0;
  const std::string wrong = same_statistics ? difference(run_time, typed) : meets_contract(typed);
  return wrong.empty() ? wrong : "typed: " + wrong;
}

template <class T>
std::string check_score_grad(const Case& drawn) {
  const Case c = with_statistics(drawn);
  CaseData<T> data = data_of<T>(c);
  GradientInput<T> input{d_out_of(c, data), forward_of(c, data)};
  if (!input.forward.status) return std::string("forward: ") + input.forward.status.rule;
  GradientCheck<T> meets_contract(c, data, input.d_out);
  Gradients<T> run_time, other;
  if (const std::string wrong = check_doors(c, data, input, meets_contract, run_time); !wrong.empty()) return wrong;
  Random random(c.seed, 32);
  if (random.chance(10)) {
    const Gradients<T> again = run_time_gradient(c, data, input, other_executor(random));
    if (const std::string wrong = difference(run_time, again); !wrong.empty()) return "executor: " + wrong;
  }
  const std::vector<glint::Isa> others = random.chance(6) ? other_isas() : std::vector<glint::Isa>{};
  for (const glint::Isa isa : others) {
    const WithIsa with(isa);
    input.forward = forward_of(c, data);
    const std::string wrong = check_doors(c, data, input, meets_contract, other);
    if (!wrong.empty()) return std::string(glint::name(isa)) + ": " + wrong;
  }
  return random.chance(10) ? poison_stays(c, run_time, data, input) : std::string();
}

}  // namespace glint_test

// Prompts of eight lengths in one TND tensor, causal, beside a batch of equal prompts with as many pairs of query and
// key in tensors with the same order of tokens and heads: the time for each pair, the one over the other.
#include "ops/prefill/rows.hpp"

namespace bench {
namespace {

const Workload kRagged{.name = "100_to_2000",
                       .shape = {.batch = 8, .heads = 8, .kv_heads = 2, .q_len = 2000, .kv_len = 2000, .head_dim = 128},
                       .lengths = {350, 2000, 100, 1400, 600, 1700, 850, 1100},
                       .mode = SparseMode::right_down_causal,
                       .layout = Layout::TND};

// The length of as many equal prompts with about as many pairs.
Workload equal_prompts(Workload w) {
  double squares = 0;
  for (const index_t length : w.lengths) squares += static_cast<double>(length * length);
  w.shape.q_len = w.shape.kv_len = std::lround(std::sqrt(squares / static_cast<double>(w.shape.batch)));
  w.lengths.clear();
  w.layout = Layout::BSND;
  return w;
}

template <class LayoutTag, class Element>
using Causal = glint::PromptFlashAttention<LayoutTag, Element, SparseMode::right_down_causal>;

template <class Element>
void run_ragged(benchmark::State& state, const Variant& how) {
  const Inputs<Element> in(kRagged), equal(equal_prompts(kRagged));
  using Ragged = Causal<glint::layout::TND, Element>;
  using Dense = Causal<glint::layout::BSND, Element>;
  Calls<Ragged> ragged(problem_of<typename Ragged::Problem>(in), how);
  Calls<Dense> dense(problem_of<typename Dense::Problem>(equal), how);
  Work work = work_of(in, how);
  work.workspace = static_cast<double>(ragged.workspace().size());
  work.run = std::ref(ragged);
  work.rival_counter = "ragged_over_dense";
  work.rival = std::ref(dense);
  work.rival_flops = equal.useful_flops();
  work.ours_over_rival = true;
  measure(state, work);
  finish(state, right(in) && right(equal));
}

template <class Element>
void add_ragged(const std::string& type, const Variant& how) {
  add_row(prefill_row("ragged", kRagged.layout, type, kRagged.name, ""), useful_flops(kRagged),
          [how](benchmark::State& state) { run_ragged<Element>(state, how); });
}

const bool kRegistered = [] {
  add_ragged<float>("f32", {});
  add_ragged<glint::bfloat16>("bf16", {.inner_precise = 1, .peak = Peak::bf16_dot});
  return true;
}();

}  // namespace
}  // namespace bench

// FlashAttentionScoreGrad through the run-time door: lengths for both head sizes with and without a triangle, then one
// thing varied at a time: head sizes, lengths that differ, head groups, layouts, masks, threads.  Rows are named
// gradient_sweep/WHAT/TYPE/VALUE.
//
//   cmake --build build/release --target ops_gradient_sweep_bench && build/release/bench/ops_gradient_sweep_bench
#include "support/calls.hpp"
#include "support/gradient_answer.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

constexpr Shape kUsual{.batch = 1, .heads = 8, .q_len = 512, .kv_len = 512, .head_dim = 64};

struct Row {
  std::string what;
  Workload workload;  // its name is the value
  int threads = 1;
};

template <class Element>
void run_call(benchmark::State& state, const Row& row) {
  constexpr bool kPairs = std::is_same_v<Element, glint::bfloat16>;
  const GradientInputs<Element> in(row.workload, kPairs ? 1 : 0);
  if (const glint::Status ran = in.ran(); !ran) return state.SkipWithError(ran.rule);
  const auto call = in.call();
  std::vector<std::byte> workspace(static_cast<std::size_t>(glint::workspace_bytes(call, row.threads)));
  Work work = work_of(in, {.peak = kPairs ? Peak::bf16_dot : Peak::multiply_add, .threads = row.threads});
  work.workspace = static_cast<double>(workspace.size());
  const auto alone = [&] { return glint::flash_attention_score_grad(call, glint::Serial{}, workspace); };
  work.run = alone;
  if (row.threads > 1) {
    work.run = [&, pool = lasting_pool(row.threads)] {
      return glint::flash_attention_score_grad(call, pool, workspace);
    };
    work.rival_counter = "times_one_thread";
    work.rival = alone;
  }
  measure(state, work);
  finish(state, right(in));
}

template <class Element>
void add(const char* type, const Row& row) {
  add_row("gradient_sweep/" + row.what + "/" + type + "/" + row.workload.name, gradient_flops(row.workload),
          [row](benchmark::State& state) { run_call<Element>(state, row); });
}

void add_all_types(const Row& row) {
  add<float>("f32", row);
  add<glint::half>("f16", row);
  add<glint::bfloat16>("bf16", row);
}

void add_lengths() {
  for (const index_t dim : {64, 128}) {
    for (const bool causal : {false, true}) {
      for (const index_t length : {128, 256, 512, 1024, 2048, 4096}) {
        Workload w{.name = std::to_string(length), .shape = kUsual};
        w.shape.batch = std::max(index_t{1}, 1024 / length);  // about the same number of rows
        w.shape.q_len = w.shape.kv_len = length;
        w.shape.head_dim = dim;
        if (causal) w.mode = SparseMode::right_down_causal;
        add_all_types({"S/D" + std::to_string(dim) + (causal ? "_causal" : ""), w});
      }
    }
  }
  constexpr index_t kLengths[][2] = {{64, 4096}, {100, 1000}, {512, 2048}, {2048, 512}, {4096, 77}};
  for (const auto& [q_len, kv_len] : kLengths) {
    Workload w{.name = std::to_string(q_len) + "x" + std::to_string(kv_len), .shape = kUsual};
    w.shape.q_len = q_len, w.shape.kv_len = kv_len;
    add<float>("f32", {"lengths", w});
  }
}

void add_heads() {
  for (const index_t dim : {8, 16, 32, 48, 64, 72, 80, 96, 112, 128, 192, 256}) {
    Workload w{.name = std::to_string(dim), .shape = kUsual};
    w.shape.head_dim = dim;
    add_all_types({"D", w});
  }
  for (const index_t group : {1, 4, 8, 32}) {
    Workload w{.name = std::to_string(group), .shape = kUsual};
    w.shape.heads = 32, w.shape.kv_heads = 32 / group;
    add<float>("f32", {"group", w});
  }
}

void add_layouts() {
  for (const Layout layout : {Layout::BSH, Layout::SBH, Layout::BNSD, Layout::BSND, Layout::TND}) {
    Workload w{.name = name(layout), .shape = kUsual, .layout = layout};
    w.shape.batch = 2;
    add<float>("f32", {"layout", w});
  }
}

// 512 queries, the last of 1024 keys: every mode means another triangle.
void add_masks() {
  const auto with = [](const char* name, auto change) {
    Workload w{.name = name, .shape = kUsual};
    w.shape.kv_len = 1024;
    change(w);
    add<float>("f32", {"mask", w});
  };
  with("none", [](Workload&) {});
  with("left_up_causal", [](Workload& w) { w.mode = SparseMode::left_up_causal; });
  with("right_down_causal", [](Workload& w) { w.mode = SparseMode::right_down_causal; });
  with("band", [](Workload& w) { w.mode = SparseMode::band, w.tokens = {256, 0}; });
  with("prefix", [](Workload& w) { w.mode = SparseMode::prefix_compressed, w.prefix = 700; });
  with("dense", [](Workload& w) { w.dense_mask = true; });
  with("pse", [](Workload& w) { w.bias = BiasTensor::shared; });
  with("d_pse", [](Workload& w) { w.bias = BiasTensor::shared, w.bias_gradient = true; });
  with("d_pse_for_each_head", [](Workload& w) { w.bias = BiasTensor::for_each_head, w.bias_gradient = true; });
  with("dropout", [](Workload& w) { w.keep_prob = 0.9; });
}

void add_threads() {
  const int most = usable_cpus();
  for (const Workload& w : {kTraining[0], kTraining[1], kTraining[4]}) {
    Workload named = w;
    for (int threads = 1; threads <= most; threads *= 2) {
      named.name = w.name + "/" + std::to_string(threads);
      add<float>("f32", {"threads", named, threads});
    }
  }
}

const bool kRegistered = [] {
  add_lengths();
  add_heads();
  add_layouts();
  add_masks();
  add_threads();
  return true;
}();

}  // namespace
}  // namespace bench

// FlashAttentionScore through the run-time door, one thing varied at a time: lengths, head sizes, layouts, masks,
// biases, head groups, threads.  Rows are named sweep/WHAT/TYPE/VALUE.
//
//   cmake --build build/release --target ops_prefill_sweep_bench && build/release/bench/ops_prefill_sweep_bench
#include "support/answer.hpp"
#include "support/inputs.hpp"
#include "support/lasting_pool.hpp"
#include "support/machine.hpp"
#include "support/runner.hpp"

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
  const Inputs<Element> in(row.workload);
  auto call = score_call(in);
  call.inner_precise = std::is_same_v<Element, glint::bfloat16> ? 1 : 0;
  const index_t bytes = glint::workspace_bytes(call, row.threads);
  std::vector<std::byte> workspace(static_cast<std::size_t>(bytes));
  Work work{.useful_flops = in.useful_flops(),
            .scored_flops = in.scored_flops(),
            .bytes = in.bytes(),
            .workspace = static_cast<double>(bytes),
            .peak = call.inner_precise == 1 ? Peak::bf16_dot : Peak::multiply_add,
            .threads = row.threads};
  const auto alone = [&] { return glint::flash_attention_score(call, glint::Serial{}, workspace); };
  work.run = alone;
  if (row.threads > 1) {
    work.run = [&, pool = lasting_pool(row.threads)] { return glint::flash_attention_score(call, pool, workspace); };
    work.rival_counter = "times_one_thread";
    work.rival = alone;
  }
  measure(state, work);
  if (!right(in) && !state.error_occurred()) state.SkipWithError("the output is wrong");
}

template <class Element>
void add(const char* type, const Row& row) {
  add_row("sweep/" + row.what + "/" + type + "/" + row.workload.name, useful_flops(row.workload),
          [row](benchmark::State& state) { run_call<Element>(state, row); });
}

void add_all_types(const Row& row) {
  add<float>("f32", row);
  add<glint::half>("f16", row);
  add<glint::bfloat16>("bf16", row);
}

void add_sizes() {
  for (const index_t length : {16, 32, 64, 128, 256, 512, 1024, 2048, 4096}) {
    Workload w{.name = std::to_string(length), .shape = kUsual};
    w.shape.batch = std::max(index_t{1}, 1024 / length);  // about the same number of rows
    w.shape.q_len = w.shape.kv_len = length;
    add_all_types({"S", w});
  }
  for (const index_t dim : {8, 16, 32, 48, 64, 72, 80, 96, 112, 128, 192, 256, 512, 576}) {
    Workload w{.name = std::to_string(dim), .shape = kUsual};
    w.shape.head_dim = dim;
    add_all_types({"D", w});
  }
  constexpr index_t kLengths[][2] = {{1, 4096},   {8, 4096},   {64, 4096}, {100, 1000},
                                     {512, 2048}, {2048, 512}, {4096, 77}};
  for (const auto& [q_len, kv_len] : kLengths) {
    Workload w{.name = std::to_string(q_len) + "x" + std::to_string(kv_len), .shape = kUsual};
    w.shape.q_len = q_len, w.shape.kv_len = kv_len;
    add<float>("f32", {"lengths", w});
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
  Workload w{.shape = kUsual};
  w.shape.kv_len = 1024;
  const auto with = [&](const char* name, SparseMode mode) { return w.name = name, w.mode = mode, w; };
  add<float>("f32", {"mask", with("none", SparseMode::default_mask)});
  add<float>("f32", {"mask", with("left_up_causal", SparseMode::left_up_causal)});
  add<float>("f32", {"mask", with("right_down_causal", SparseMode::right_down_causal)});
  Workload band = with("band", SparseMode::band);
  band.tokens = {256, 0};
  add<float>("f32", {"mask", band});
  Workload prefix = with("prefix", SparseMode::prefix_compressed);
  prefix.prefix = 700;
  add<float>("f32", {"mask", prefix});
  Workload dense = with("dense", SparseMode::default_mask);
  dense.dense_mask = true;
  add<float>("f32", {"mask", dense});
  Workload biased = with("pse", SparseMode::default_mask);
  biased.bias = BiasTensor::shared;
  add<float>("f32", {"mask", biased});
  biased.name = "pse_for_each_head";
  biased.bias = BiasTensor::for_each_head;
  add<float>("f32", {"mask", biased});
}

void add_threads() {
  const int most = usable_cpus();
  for (int threads = 1; threads <= most; threads *= 2)
    add<float>("f32", {"threads", {.name = std::to_string(threads), .shape = kPrefill[0].shape}, threads});
  if ((most & (most - 1)) != 0)  // all of them, where that is no power of two
    add<float>("f32", {"threads", {.name = std::to_string(most), .shape = kPrefill[0].shape}, most});
}

const bool kRegistered = [] {
  add_sizes();
  add_layouts();
  add_masks();
  add_threads();
  return true;
}();

}  // namespace
}  // namespace bench

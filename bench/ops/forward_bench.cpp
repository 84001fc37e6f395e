// FlashAttentionScore forward on the workloads P1 to P5, one thread: share of the FMA peak that is probed beside every
// run, and the run-time door against the typed one in the same run.
//
//   cmake --build build/release --target ops_forward_bench && build/release/bench/ops_forward_bench
//   GLINT_FORCE_ISA=avx2 ... for the share of that ISA's own peak
//
// FLOPs are useful ones: 4 * visible pairs * D.  Inputs are random normals on 2 MB pages, as an engine's would be.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "glint/glint.hpp"
#include "support/probes.hpp"

using namespace glint;

namespace {

struct Workload {
  const char* name;
  Shape shape;
  bool causal;
};

constexpr Workload kWorkloads[] = {
    {"P1", {.batch = 1, .heads = 8, .q_len = 1024, .kv_len = 1024, .head_dim = 64}, false},
    {"P2", {.batch = 1, .heads = 32, .kv_heads = 8, .q_len = 2048, .kv_len = 2048, .head_dim = 128}, true},
    {"P3", {.batch = 1, .heads = 16, .q_len = 4096, .kv_len = 4096, .head_dim = 128}, false},
    {"P4", {.batch = 8, .heads = 12, .q_len = 128, .kv_len = 128, .head_dim = 64}, false},
    {"P5", {.batch = 1, .heads = 8, .kv_heads = 1, .q_len = 8192, .kv_len = 8192, .head_dim = 128}, true},
};

// Huge pages where the system gives them.
template <class Item>
class Buffer {
 public:
  explicit Buffer(index_t count) : count_(static_cast<std::size_t>(count)) {
    constexpr std::size_t kPage = std::size_t{1} << 21;
    const std::size_t bytes = (count_ * sizeof(Item) + kPage - 1) / kPage * kPage;
    data_ = static_cast<Item*>(std::aligned_alloc(kPage, bytes));
#ifdef MADV_HUGEPAGE
    madvise(data_, bytes, MADV_HUGEPAGE);
#endif
    std::mt19937 engine(static_cast<unsigned>(count));
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < count_; ++i) data_[i] = from_float<Item>(normal(engine));
  }
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  Item* data() { return data_; }

 private:
  std::size_t count_;
  Item* data_;
};

double median(std::vector<double> list) {
  std::sort(list.begin(), list.end());
  return list.empty() ? 0 : list[list.size() / 2];
}

double useful_flops(const Workload& w) {
  const auto rows = static_cast<double>(w.shape.q_len);
  const double pairs = w.causal ? rows * (rows + 1) / 2 : rows * static_cast<double>(w.shape.kv_len);
  return 4 * pairs * static_cast<double>(w.shape.batch * w.shape.heads * w.shape.head_dim);
}

template <class Item, SparseMode mode>
void run(benchmark::State& state, const Workload& w) {
  const Shape& s = w.shape;
  const index_t q_size = s.batch * s.heads * s.q_len * s.head_dim;
  const index_t kv_size = s.batch * s.kv_head_count() * s.kv_len * s.head_dim;
  Buffer<Item> q(q_size), k(kv_size), v(kv_size), out(q_size);
  const float scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
  const FlashAttentionScore<layout::BNSD, Item, mode> typed;
  const ScoreProblem<Item> problem{
      .q = q.data(), .k = k.data(), .v = v.data(), .out = out.data(), .shape = s, .scale = scale};
  const Extents q_shape{s.batch, s.heads, s.q_len, s.head_dim}, kv_shape{s.batch, s.kv_head_count(), s.kv_len, s.head_dim};
  const FlashAttentionScoreCall call{.query = {q.data(), dtype_of<Item>, q_shape},
                                     .key = {k.data(), dtype_of<Item>, kv_shape},
                                     .value = {v.data(), dtype_of<Item>, kv_shape},
                                     .attention_out = {out.data(), dtype_of<Item>, q_shape},
                                     .head_num = s.heads,
                                     .input_layout = "BNSD",
                                     .scale_value = scale,
                                     .attn_mask_compressed = w.causal,
                                     .sparse_mode = static_cast<int>(mode)};
  std::vector<std::byte> workspace(static_cast<std::size_t>(typed.workspace_bytes(problem)));
  const auto seconds_of = [&](const auto& attend) {
    const double start = bench::thread_seconds();
    if (const Status status = attend(); !status) state.SkipWithError(status.rule);
    return bench::thread_seconds() - start;
  };
  std::vector<double> shares, doors;
  for (auto _ : state) {
    const double peak = bench::fma_flops_per_second();
    const double seconds = seconds_of([&] { return typed(problem, Serial{}, workspace); });
    const double erased = seconds_of([&] { return flash_attention_score(call, Serial{}, workspace); });
    shares.push_back(useful_flops(w) / seconds / peak);
    doors.push_back(erased / seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["share_of_peak"] = median(shares);
  state.counters["best_share"] = shares.empty() ? 0 : *std::max_element(shares.begin(), shares.end());
  state.counters["run_time_over_typed"] = median(doors);
  state.counters["useful_flops"] = benchmark::Counter(useful_flops(w), benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(name(simd::selected));
}

template <class Item>
void add(const Workload& w, const char* dtype) {
  const auto body = [&w](benchmark::State& state) {
    w.causal ? run<Item, SparseMode::right_down_causal>(state, w) : run<Item, SparseMode::default_mask>(state, w);
  };
  const std::string full = std::string("forward/BNSD/") + dtype + "/" + w.name;
  benchmark::RegisterBenchmark(full.c_str(), body)->UseManualTime()->Unit(benchmark::kMillisecond)->MinTime(1);
}

const bool kRegistered = [] {
  for (const Workload& w : kWorkloads) add<float>(w, "f32");
  for (const Workload& w : kWorkloads) add<half>(w, "f16");
  for (const Workload& w : kWorkloads) add<bfloat16>(w, "bf16");
  return true;
}();

}  // namespace

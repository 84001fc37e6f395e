// Decode on the workloads D1 to D4 and round about them: IncreFlashAttention on caches of every type, head groups,
// batches, pages, left padding, drafts, latent attention, two threads, caches that lie in the CPU's own, the run-time
// door beside the typed one, and the unfused baseline, all as rows of one run.
//
//   cmake --build build/release --target ops_decode_bench && build/release/bench/ops_decode_bench
//   ./bench/run for the table of targets
//
// Rows are named decode/incre/LAYOUT/TYPE/WORKLOAD[/VARIANT] and decode/eigen/TYPE/WORKLOAD; they are in
// ops/decode/*.cpp. What the counters mean: README.md beside this folder.
#include "support/machine.hpp"

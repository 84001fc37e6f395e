// Prefill on the workloads P1 to P5: FlashAttentionScore and PromptFlashAttention in every element type, layouts, mask
// and bias tensors, int8 prompts, two threads, and the unfused baselines; ragged prompts and chunks against a cache; all
// as rows of one run.
//
//   cmake --build build/release --target ops_prefill_bench && build/release/bench/ops_prefill_bench
//   GLINT_FORCE_ISA=avx2 ... for shares of that ISA's own peak;  ./bench/run for the table of targets
//
// Rows are named prefill/OPERATOR/LAYOUT/TYPE/WORKLOAD[/VARIANT] and prefill/BASELINE/f32/WORKLOAD; they are in
// ops/prefill/*.cpp.  What the counters mean: README.md beside this folder.
#include "support/machine.hpp"

// The gradient on the workloads T1 and T2, the same without a mask, and a short one: FlashAttentionScoreGrad in every
// element type, token-major tensors, masks, biases with and without their gradient, dropout, grouped heads, two
// threads, and the unfused baselines; all as rows of one run.
//
//   cmake --build build/release --target ops_gradient_bench && build/release/bench/ops_gradient_bench
//   GLINT_FORCE_ISA=avx2 ... for shares of that ISA's own peak;  ./bench/run --filter gradient for the table of targets
//
// Rows are named gradient/score/LAYOUT/TYPE/WORKLOAD[/VARIANT] and gradient/BASELINE/f32/WORKLOAD; they are in
// ops/gradient/*.cpp.  What the counters mean: README.md beside this folder.
#include "support/machine.hpp"

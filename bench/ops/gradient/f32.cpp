// f32: the run-time door beside the typed one, token-major tensors, masks, biases with and without their gradient,
// dropout, heads that share keys, two threads.
#include "ops/gradient/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

using glint::layout::BNSD, glint::layout::BSND;

// On T1_full and the short one.
void add_tensors() {
  for (const int i : {2, 4}) {
    const Workload& w = kTraining[i];
    const auto add = [&](const char* variant, auto change) {
      Workload changed = w;
      change(changed);
      add_gradient<BNSD, float>(changed, "f32", variant, {});
    };
    add("dense_mask", [](Workload& c) { c.dense_mask = true; });
    add("pse", [](Workload& c) { c.bias = BiasTensor::shared; });
    add("d_pse", [](Workload& c) { c.bias = BiasTensor::shared, c.bias_gradient = true; });
    add("d_pse_for_each_head", [](Workload& c) { c.bias = BiasTensor::for_each_head, c.bias_gradient = true; });
    add("dropout", [](Workload& c) { c.keep_prob = 0.9; });
  }
}

// Of language models: dropout beside the triangle, and four query heads for each kv head.
void add_causal() {
  for (const int i : {0, 1}) {
    Workload dropped = kTraining[i], grouped = kTraining[i];
    dropped.keep_prob = 0.9;
    grouped.shape.kv_heads = grouped.shape.heads / 4;
    add_gradient<BNSD, float>(dropped, "f32", "dropout", {});
    add_gradient<BNSD, float>(grouped, "f32", "group_4", {});
    add_gradient<BSND, float>(kTraining[i], "f32", "", {});
  }
}

const bool kRegistered = [] {
  add_all_workloads<float>("f32", {.with_door = true});
  add_tensors();
  add_causal();
  if (usable_cpus() >= 2) {
    for (const Workload& w : kTraining) add_gradient<BNSD, float>(w, "f32", "threads_2", {.threads = 2});
  }
  return true;
}();

}  // namespace
}  // namespace bench

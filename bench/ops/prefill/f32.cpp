// f32: both operators with the run-time door beside them, all layouts, tensors of masks and biases, two threads.
#include "ops/prefill/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

using namespace glint::layout;

template <class LayoutTag>
void add_strided() {
  for (const int i : {0, 2, 3}) add_typed<Score, LayoutTag, float>(kPrefill[i], "f32", "", {});
}

void add_tensors() {
  for (const int i : {0, 2, 3}) {
    Workload masked = kPrefill[i], biased = kPrefill[i];
    masked.dense_mask = true;
    add_typed<Score, BNSD, float>(masked, "f32", "dense_mask", {});
    biased.bias = BiasTensor::shared;
    add_typed<Score, BNSD, float>(biased, "f32", "pse", {});
    if (i == 2) continue;  // 1 GB
    biased.bias = BiasTensor::for_each_head;
    add_typed<Score, BNSD, float>(biased, "f32", "pse_for_each_head", {});
  }
}

const bool kRegistered = [] {
  add_both_operators<float>("f32", {.with_door = true}, {.with_door = true});
  add_strided<BSH>();
  add_strided<SBH>();
  add_strided<BSND>();
  add_strided<TND>();
  add_tensors();
  if (usable_cpus() >= 2) {
    for (const Workload& w : kPrefill) add_typed<Score, BNSD, float>(w, "f32", "threads_2", {.threads = 2});
  }
  return true;
}();

}  // namespace
}  // namespace bench

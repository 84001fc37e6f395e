// bf16: `bf16` asks for speed (inner_precise 1) and is held against the peak of the bf16 dot product, `bf16_precise`
// asks for float arithmetic and is held against the multiply-add peak.
#include "ops/gradient/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  constexpr Variant kFast{.inner_precise = 1, .peak = Peak::bf16_dot};
  add_all_workloads<glint::bfloat16>("bf16", kFast);
  add_all_workloads<glint::bfloat16>("bf16_precise", {.inner_precise = 0});
  for (const int i : {0, 1}) add_gradient<glint::layout::BSND, glint::bfloat16>(kTraining[i], "bf16", "", kFast);
  if (usable_cpus() >= 2) {
    Variant two = kFast;
    two.threads = 2;
    for (const int i : {0, 1})
      add_gradient<glint::layout::BNSD, glint::bfloat16>(kTraining[i], "bf16", "threads_2", two);
  }
  return true;
}();

}  // namespace
}  // namespace bench

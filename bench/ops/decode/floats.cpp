// f32, f16 and bf16 caches under queries of their own type.  f16 is stored in 16 bits and calculated in floats; `bf16`
// asks for speed, whose arithmetic is held against the bf16 dot product, `bf16_precise` for float arithmetic.
#include "ops/decode/sets.hpp"

namespace bench {
namespace {

using glint::bfloat16, glint::half;

template <class Element>
void add_workloads(const CacheRows<Element, Element>& rows) {
  rows.add(kD1);
  rows.add_with_door(kD2);
  rows.add(kD3);
  for (const CachedWorkload* w : {&kD1, &kD2, &kD3}) rows.add_two_threads(*w);
  rows.add_groups();
}

template <class Element>
void add_the_rest(const CacheRows<Element, Element>& rows) {
  rows.add_batches();
  rows.add_in_cache();
  rows.add_variants(kD1);
  rows.add_pages();
  rows.add_latent();
}

const bool kRegistered = [] {
  const CacheRows<float, float> f32{"f32"};
  const CacheRows<half, half> f16{"f16"};
  const CacheRows<bfloat16, bfloat16> fast{"bf16", {.inner_precise = 1, .peak = Peak::bf16_dot}};
  const CacheRows<bfloat16, bfloat16> precise{"bf16_precise", {.inner_precise = 0}};
  add_workloads(f32);
  add_workloads(f16);
  add_workloads(fast);
  add_the_rest(f32);
  add_the_rest(fast);
  for (const CachedWorkload* w : {&kD1, &kD2, &kD3}) precise.add(*w);
  precise.add_groups();
  precise.add_latent();
  return true;
}();

}  // namespace
}  // namespace bench

// bf16 caches under bf16 queries: `bf16` asks for speed, whose arithmetic is held against the bf16 dot product,
// `bf16_precise` for float arithmetic.
#include "ops/decode/sets.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  const CacheRows<glint::bfloat16, glint::bfloat16> fast{"bf16", {.inner_precise = 1, .peak = Peak::bf16_dot}};
  fast.add(kD1);
  fast.add_with_door(kD2);
  fast.add(kD3);
  for (const DecodeWorkload* w : {&kD1, &kD2, &kD3}) fast.add_two_threads(*w);
  fast.add_groups();
  fast.add_batches();
  fast.add_in_cache();
  fast.add_variants(kD1);
  fast.add_pages();
  fast.add_latent();

  const CacheRows<glint::bfloat16, glint::bfloat16> precise{"bf16_precise", {.inner_precise = 0}};
  for (const DecodeWorkload* w : {&kD1, &kD2, &kD3}) precise.add(*w);
  precise.add_groups();
  precise.add_latent();
  return true;
}();

}  // namespace
}  // namespace bench

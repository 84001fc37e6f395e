// f32 caches under f32 queries.
#include "ops/decode/sets.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  const CacheRows<float, float> rows{"f32"};
  rows.add(kD1);
  rows.add_with_door(kD2);
  rows.add(kD3);
  for (const DecodeWorkload* w : {&kD1, &kD2, &kD3}) rows.add_two_threads(*w);
  rows.add_groups();
  rows.add_batches();
  rows.add_in_cache();
  rows.add_variants(kD1);
  rows.add_pages();
  rows.add_latent();
  return true;
}();

}  // namespace
}  // namespace bench

// f16 caches under f16 queries: stored in 16 bits, calculated in floats.
#include "ops/decode/sets.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  const CacheRows<glint::half, glint::half> rows{"f16"};
  rows.add(kD1);
  rows.add_with_door(kD2);
  rows.add(kD3);
  for (const DecodeWorkload* w : {&kD1, &kD2, &kD3}) rows.add_two_threads(*w);
  rows.add_groups();
  return true;
}();

}  // namespace
}  // namespace bench

// int8 and int4 caches with a factor for each channel, under bf16 queries.  `int8` asks for speed: queries and
// probabilities in 16 bits, so half the peak of the int8 dot product; the others are calculated in floats.
#include "ops/decode/sets.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  const CacheRows<glint::bfloat16, std::int8_t> fast{"int8", {.inner_precise = 1, .peak = Peak::half_int8_dot}};
  fast.add(kD4);
  fast.add_with_door(kD2);
  fast.add(kD3);
  for (const CachedWorkload* w : {&kD4, &kD2, &kD3}) fast.add_two_threads(*w);
  fast.add_groups();
  fast.add_batches();
  fast.add_in_cache();
  fast.add_variants(kD4);
  fast.add_pages();

  const CacheRows<glint::bfloat16, std::int8_t> precise{"int8_precise", {.inner_precise = 0}};
  for (const CachedWorkload* w : {&kD4, &kD2, &kD3}) precise.add(*w);

  const CacheRows<glint::bfloat16, glint::int4x2> int4{"int4"};
  int4.add(kD1);
  int4.add(kD3);
  return true;
}();

}  // namespace
}  // namespace bench

// bf16: `bf16` asks for speed and is held against the peak of the bf16 dot product, `bf16_precise` asks for float
// arithmetic and is held against the multiply-add peak.  The two operators spell that alike: bit 0 of inner_precise.
#include "ops/prefill/rows.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  const Variant fast{.inner_precise = 1, .peak = Peak::bf16_dot}, precise{.inner_precise = 0};
  add_both_operators<glint::bfloat16>("bf16", fast, fast);
  add_both_operators<glint::bfloat16>("bf16_precise", precise, precise);
  return true;
}();

}  // namespace
}  // namespace bench

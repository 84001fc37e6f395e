// f16: stored in 16 bits, calculated in floats.
#include "ops/prefill/rows.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  add_both_operators<glint::half>("f16", {}, {});
  return true;
}();

}  // namespace
}  // namespace bench

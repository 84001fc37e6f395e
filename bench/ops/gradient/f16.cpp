// f16: stored in 16 bits, calculated in floats.
#include "ops/gradient/rows.hpp"

namespace bench {
namespace {

const bool kRegistered = [] {
  add_all_workloads<glint::half>("f16", {});
  return true;
}();

}  // namespace
}  // namespace bench

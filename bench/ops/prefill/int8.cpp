// int8 queries against int8 keys and values, multiplied as integers and held against the int8 dot product; the output
// is float16 or int8.
#include "ops/prefill/rows.hpp"
#include "support/machine.hpp"

namespace bench {
namespace {

template <class Out>
void add_int8(const std::string& type) {
  for (const Workload& w : kPrefill)
    add_typed<Int8, glint::layout::BNSD, std::int8_t, Out>(w, type, "", {.peak = Peak::int8_dot, .with_door = true});
  if (usable_cpus() >= 2)
    add_typed<Int8, glint::layout::BNSD, std::int8_t, Out>(kPrefill[2], type, "threads_2",
                                                           {.peak = Peak::int8_dot, .threads = 2});
}

const bool kRegistered = [] {
  add_int8<glint::half>("to_f16");
  add_int8<std::int8_t>("to_int8");
  return true;
}();

}  // namespace
}  // namespace bench

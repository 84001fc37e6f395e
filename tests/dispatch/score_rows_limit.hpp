// The `ascend` profile: device limits, and rules that only this profile has.
#pragma once

#include "dispatch/score_calls.hpp"

namespace bad_input {
namespace {

Score wide(Size s) { return strict(dense(s)); }

// The `ascend` profile: at the bound it is legal, one more is not.  Without the profile both are.
struct LimitRow {
  const char* name;
  Score (*at)();
  Score (*beyond)();
  Code code;
  index_t got, want;
};
constexpr LimitRow kLimits[] = {
    {"batch",
     [] {
       return wide({2048, 1, 1, 1, 1, 1});
     },
     [] {
       return wide({2049, 1, 1, 1, 1, 1});
     },
     Code::limit_batch, 2049, 2048},
    {"heads",
     [] {
       return wide({1, 256, 1, 1, 1, 1});
     },
     [] {
       return wide({1, 257, 1, 1, 1, 1});
     },
     Code::limit_heads, 257, 256},
    {"query length",
     [] {
       return wide({1, 1, 1, 524288, 1, 1});
     },
     [] {
       return wide({1, 1, 1, 524289, 1, 1});
     },
     Code::limit_sequence, 524289, 524288},
    {"key length",
     [] {
       return wide({1, 1, 1, 1, 524288, 1});
     },
     [] {
       return wide({1, 1, 1, 1, 524289, 1});
     },
     Code::limit_sequence, 524289, 524288},
    {"head size",
     [] {
       return wide({1, 1, 1, 1, 1, 512});
     },
     [] {
       return wide({1, 1, 1, 1, 1, 513});
     },
     Code::limit_head_dim, 513, 512},
    {"data type", [] { return wide({}); }, [] { return strict(dense({}, DType::f32)); }, Code::limit_dtype, 1, 2},
};

constexpr Row<Score> kStrict[] = {
    {"T1 beyond the last end", tnd_strict,
     [](Score& f) {
       f.q_ends = {3, 6, 11};
     },
     Code::sequence_list_total, 11, 12},
    {"T2 beyond the last end",
     [] {
       return strict(packed({3, 6, 12}, {4, 8, 15}, 3));
     },
     [](Score& f) {
       f.kv_ends = {4, 8, 14};
     },
     Code::sequence_list_total, 14, 15},
    {"a sequence without keys",
     [] {
       return strict(packed({3, 3, 12}, {4, 8, 17}, 3));
     },
     [](Score& f) {
       f.kv_ends = {4, 4, 17};
     },
     Code::sequence_list_zero, 1, 1},
    {"band with rows without keys", tnd_strict_band, [](Score& f) { f.call.next_tokens = -2; },
     Code::causal_needs_more_keys, 5, 4},
    {"mode 6, S1 > S2 and prefix 0", tnd_strict_prefix,
     [](Score& f) {
       f.kv_ends = {2, 6}, f.prefix = {0, 4};
     },
     Code::causal_needs_more_keys, 3, 2},
};

}  // namespace
}  // namespace bad_input

// The decode workloads: one new query row for each batch entry.
#pragma once

#include "support/cached_workload.hpp"

namespace bench {

inline CachedWorkload decode_workload(std::string name, index_t batch, index_t heads, index_t kv_heads, index_t keys,
                                      index_t head_dim = 128) {
  return {.name = std::move(name),
          .shape = {
              .batch = batch, .heads = heads, .kv_heads = kv_heads, .q_len = 1, .kv_len = keys, .head_dim = head_dim}};
}

// One user with grouped queries; sixteen of them; one with a long text and a cache for every head.  D4 is D1 with an
// int8 cache.
inline const CachedWorkload kD1 = decode_workload("D1", 1, 32, 8, 4096);
inline const CachedWorkload kD2 = decode_workload("D2", 16, 32, 8, 2048);
inline const CachedWorkload kD3 = decode_workload("D3", 1, 32, 32, 16384);
inline const CachedWorkload kD4 = decode_workload("D4", 1, 32, 8, 4096);

}  // namespace bench

// Decode workloads: one new query row, or a few, for each batch entry against its cache.
#pragma once

#include <string>
#include <vector>

#include "glint/ops/incre_problem.hpp"

namespace bench {

using glint::index_t, glint::Layout, glint::Shape;

struct DecodeWorkload {
  std::string name{};
  Shape shape{.q_len = 1};  // kv_len: keys of every batch entry
  Layout layout = Layout::BNSD;
  glint::DraftMask draft = glint::DraftMask::none;
  index_t rows_before = 0, rows_after = 0;  // left padded: rows of the cache that are not keys
  index_t block_size = 0;                   // pages
  glint::PageLayout pages = glint::PageLayout::token_major;
  std::vector<index_t> kv_lens{};  // empty: all kv_len
  bool v_in_k = false;             // latent attention: v is the first value_dim numbers of k
  bool in_cache = false;           // one layer again and again, instead of so many that no cache holds them

  index_t keys(index_t batch) const {
    return kv_lens.empty() ? shape.kv_len : kv_lens[static_cast<std::size_t>(batch)];
  }
  index_t rows() const { return rows_before + shape.kv_len + rows_after; }
  // Keys that query row `row` sees.
  index_t visible(index_t batch, index_t row) const {
    return draft == glint::DraftMask::causal ? keys(batch) - shape.q_len + row + 1 : keys(batch);
  }
  double all_keys() const {
    index_t sum = 0;
    for (index_t b = 0; b < shape.batch; ++b) sum += keys(b);
    return static_cast<double>(sum);
  }
  // 2 (D + Dv) for each pair of query row and key that it sees.
  double flops() const {
    index_t pairs = 0;
    for (index_t b = 0; b < shape.batch; ++b)
      for (index_t row = 0; row < shape.q_len; ++row) pairs += visible(b, row);
    return 2.0 * static_cast<double>(shape.head_dim + shape.value_size()) * static_cast<double>(pairs * shape.heads);
  }
  // Of k and v that must be read: each key once, whatever shares it.
  template <class Stored>
  double bytes() const {
    const index_t numbers = shape.head_dim + (v_in_k ? 0 : shape.value_size());
    return all_keys() * static_cast<double>(shape.kv_head_count() * numbers / glint::numbers_in<Stored> *
                                            static_cast<index_t>(sizeof(Stored)));
  }
};

inline DecodeWorkload decode_workload(std::string name, index_t batch, index_t heads, index_t kv_heads, index_t keys,
                                      index_t head_dim = 128) {
  return {.name = std::move(name),
          .shape = {
              .batch = batch, .heads = heads, .kv_heads = kv_heads, .q_len = 1, .kv_len = keys, .head_dim = head_dim}};
}

// One user with grouped queries; sixteen of them; one with a long text and a cache for every head.  D4 is D1 with an
// int8 cache.
inline const DecodeWorkload kD1 = decode_workload("D1", 1, 32, 8, 4096);
inline const DecodeWorkload kD2 = decode_workload("D2", 16, 32, 8, 2048);
inline const DecodeWorkload kD3 = decode_workload("D3", 1, 32, 32, 16384);
inline const DecodeWorkload kD4 = decode_workload("D4", 1, 32, 8, 4096);

}  // namespace bench

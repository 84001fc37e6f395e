// Workloads with a cache: new query rows of each batch entry, one or a chunk of a prompt, against keys that lie there.
#pragma once

#include <string>
#include <vector>

#include "glint/ops/incre_problem.hpp"

namespace bench {

using glint::index_t, glint::Layout, glint::Shape;

struct CachedWorkload {
  std::string name{};
  Shape shape{.q_len = 1};  // kv_len: keys of every batch entry, the new ones among them
  Layout layout = Layout::BNSD;
  glint::DraftMask draft = glint::DraftMask::none;
  index_t rows_before = 0, rows_after = 0;  // left padded: rows of the cache that are not keys
  index_t block_size = 0;                   // pages
  glint::PageLayout pages = glint::PageLayout::token_major;
  std::vector<index_t> kv_lens{};  // empty: all kv_len
  bool by_token = false;           // integers: a factor for each token, in place of each channel
  bool v_in_k = false;             // latent attention: v is the first value_dim numbers of k
  bool in_cache = false;           // one layer again and again, instead of so many that no cache holds them
  index_t layers = 0;              // so many instead

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

}  // namespace bench

// Sets of rows that several types of caches share.
#pragma once

#include "ops/decode/rows.hpp"
#include "support/machine.hpp"

namespace bench {

// A type of cache under queries of Element, and how it is asked for.
template <class Element, class Stored>
struct CacheRows {
  using Plain = glint::kv::Contiguous<Stored>;
  using LeftPadded = glint::kv::LeftPadded<Stored>;

  std::string type;  // a part of the rows' names
  DecodeVariant how{};

  void add(const CachedWorkload& w) const { bench::add_decode<Element, Plain>(w, type, "", how); }

  void add_with_door(const CachedWorkload& w) const {
    DecodeVariant beside = how;
    beside.with_door = true;
    bench::add_decode<Element, Plain>(w, type, "", beside);
  }

  void add_two_threads(const CachedWorkload& w) const {
    if (usable_cpus() < 2) return;
    DecodeVariant two = how;
    two.threads = 2;
    bench::add_decode<Element, Plain>(w, type, "threads_2", two);
  }

  // As many query heads as it takes for each of the 8 kv heads.
  void add_groups() const {
    for (const index_t group : {1, 4, 8, 64}) add(decode_workload("G" + std::to_string(group), 1, 8 * group, 8, 4096));
  }
  void add_batches() const {
    for (const index_t batch : {1, 4, 16, 64}) add(decode_workload("B" + std::to_string(batch), batch, 32, 8, 2048));
  }

  // Caches that lie in a cache of the CPU.
  void add_in_cache() const {
    for (const index_t keys : {256, 512, 1024}) {
      for (const index_t group : {1, 4}) {
        CachedWorkload w =
            decode_workload("KV" + std::to_string(keys) + "_G" + std::to_string(group), 1, 8 * group, 8, keys);
        w.in_cache = true;
        bench::add_decode<Element, Plain>(w, type, "in_cache", how);
      }
    }
  }

  // D1 with 4 rows of a draft, D1 at the end of a longer buffer, D2 in tensors that hold all heads of a token together.
  void add_variants(const CachedWorkload& d1) const {
    CachedWorkload draft = d1, padded = d1;
    draft.shape.q_len = 4;
    draft.draft = glint::DraftMask::causal;
    bench::add_decode<Element, Plain>(draft, type, "draft_4", how);
    padded.rows_before = 156;
    padded.rows_after = 100;
    bench::add_decode<Element, LeftPadded>(padded, type, "left_padded", how);
    bench::add_decode<Element, Plain, glint::layout::BSND>(kD2, type, "", how);
  }

  void add_pages() const {
    for (const index_t block_size : {1, 16, 32, 128}) bench::add_paged<Element, Stored>(kD2, type, block_size, how);
  }

  // Multi-head latent attention: 512 numbers of a latent vector, which are the value too, and 64 of a rotated key.
  void add_latent() const {
    CachedWorkload w = decode_workload("MLA", 1, 16, 1, 8192, 576);
    w.shape.value_dim = 512;
    w.v_in_k = true;
    add(w);
  }
};

}  // namespace bench

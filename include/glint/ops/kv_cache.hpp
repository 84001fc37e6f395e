// Where the keys and values of the inference operators come from: one tensor, one with the keys at its end, pages, a
// list of tensors; a prefix before them; and what the integers in them mean.
#pragma once

#include "glint/core/dtype.hpp"
#include "glint/tensor/kv_source.hpp"

namespace glint {
inline namespace GLINT_ABI {

// How the cache is passed, by its kind of source.  Stored: float, half, bfloat16, std::int8_t or int4x2 (whose strides
// count bytes).  v may be part of k, as in latent attention: the two are only read.
template <class Source>
struct KvCache;

// One tensor: N2 heads of shape.kv_len rows, in the layout of q.
template <class Stored>
struct KvCache<kv::Contiguous<Stored>> {
  const Stored* k = nullptr;
  const Stored* v = nullptr;
  Strides k_strides{}, v_strides{};  // empty: what the layout says
  const Stored* k_rope = nullptr;    // further rope_dim numbers of every key
  Strides k_rope_strides{};
};

// The same with the keys at the end: entry b has rows [S2 - padding - length, S2 - padding) (operators 5).  Columns of
// mask, pse_shift and per-token factors are counted like the rows.  An entry that starts below row 0 has no keys.
template <class Stored>
struct KvCache<kv::LeftPadded<Stored>> {
  const Stored* k = nullptr;
  const Stored* v = nullptr;
  Strides k_strides{}, v_strides{};
  const Stored* k_rope = nullptr;
  Strides k_rope_strides{};
  index_t padding = 0;  // below 0 counts as 0
};

enum class PageLayout : std::uint8_t {
  token_major,  // (blocks, block_size, N2 * D)
  head_major,   // (blocks, N2, block_size, D)
};

// A page lies in memory like a batch entry of this layout.
constexpr Layout page_order(PageLayout pages) { return pages == PageLayout::head_major ? Layout::BNSD : Layout::BSH; }

// Pages: token t of entry b lies in slot t % block_size of block block_table[b][t / block_size].  Entries of the table
// that no token needs are not read.  shape.kv_len is not used: a row of the table says how much there is room for.
template <class Stored>
struct KvCache<kv::Paged<Stored>> {
  const Stored* k = nullptr;  // the pools
  const Stored* v = nullptr;
  const std::int32_t* block_table = nullptr;  // [B][max_blocks]
  index_t max_blocks = 0;
  index_t block_size = 0;
  index_t blocks = 0;  // in a pool
  PageLayout pages = PageLayout::token_major;
  const Stored* k_rope = nullptr;
};

// One tensor for each batch entry, each of batch 1 with rows of its own, in the layout of q; shape.kv_len is not used.
template <class Stored>
struct KvCache<kv::List<Stored>> {
  std::span<const Stored*const> k{}, v{};
  std::span<const index_t> rows{};
  std::span<const Stored* const> k_rope{};
};

// Rows that all entries of the batch see before their own: one tensor of batch 1 in the layout of q.  Columns of mask,
// pse_shift and per-token factors begin with it.
template <class Stored>
struct SharedPrefix {
  const Stored* k = nullptr;
  const Stored* v = nullptr;
  index_t rows = 0;
  index_t length = -1;  // rows that are used; -1: all
  const Stored* k_rope = nullptr;

  constexpr explicit operator bool() const { return k != nullptr || v != nullptr; }
};

// Integers back to numbers, (x + offset) * scale (operators 4.3).  The documents' numbers for the modes.
enum class AntiquantMode : std::uint8_t {
  per_channel = 0,           // [N2][D], or a single factor for the tensor
  per_token = 1,             // [B][columns]
  per_head = 2,              // [N2]
  per_token_head = 3,        // [B][N2][columns]
  per_token_paged = 4,       // [blocks][block_size]
  per_token_head_paged = 5,  // [blocks][N2][block_size]
};

struct Antiquant {
  const void* scale = nullptr;
  const void* offset = nullptr;  // null: 0
  DType dtype = DType::f32;      // of both: f32, f16 or bf16
  AntiquantMode mode = AntiquantMode::per_channel;
  bool single = false;  // per_channel: one factor for the whole tensor
  index_t columns = 0;  // of per_token and per_token_head: at least the rows of the cache

  constexpr explicit operator bool() const { return scale != nullptr; }
};

}  // namespace GLINT_ABI
}  // namespace glint

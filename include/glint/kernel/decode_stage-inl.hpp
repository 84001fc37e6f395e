// No guard: included once for each ISA.  A tile of keys made ready: which of them each query row sees, and where their
// rows lie.  The products read rows through a table of pointers, so pages of any size, a shared prefix and padding cost
// what one tensor costs, and keys that nobody sees are rows of zeros: what lies in their place is never touched.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

template <class Stored>
struct KeyTile {
  const Stored* rows[2 * decode::kKeys + kMostAhead];  // of K, of V, and the first that will be read after them
  const Stored* rope[decode::kKeys + kMostAhead];
  std::uint64_t* words = nullptr;              // kWords for each query row of a head
  std::uint64_t partial[decode::kWords] = {};  // keys that some rows see and others do not
  index_t k0 = 0;
  index_t count = 0;  // 0: no tile

  const Stored** k() { return rows; }
  const Stored** v() { return rows + decode::kKeys; }
  const Stored* const* k() const { return rows; }
  const Stored* const* v() const { return rows + decode::kKeys; }
};

GLINT_INLINE std::uint64_t first_bits(index_t n) { return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; }

// Which of `count` keys from k0 on query row i sees.
GLINT_INLINE std::uint64_t keys_of_row(const decode::RowMask& mask, index_t i, index_t k0, index_t count) {
  std::uint64_t word = first_bits(count);
  if (mask.drop != nullptr) word &= row_at_most(mask.drop + i * mask.drop_stride + k0, count, 0);
  const index_t own = mask.keys - mask.q_len;  // the first key of the query rows themselves
  if (mask.causal) word &= own + i + 1 > k0 ? first_bits(own + i + 1 - k0) : 0;
  if (mask.tree != nullptr) {
    for (index_t c = own > k0 ? own - k0 : 0; c < count; ++c)
      if (mask.tree[i * mask.q_len + k0 + c - own] != 0) word &= ~(std::uint64_t{1} << c);
  }
  return word;
}

// The words of a tile's keys; the keys that any row sees, and those that all see.
struct Seen {
  std::uint64_t any[decode::kWords] = {}, all[decode::kWords] = {};
  bool nothing = true;
};
GLINT_INLINE Seen see_keys(const decode::RowMask& mask, index_t k0, index_t count, std::uint64_t* words) {
  Seen seen;
  const bool varies = mask.varies();
  for (index_t chain = 0; chain < decode::kWords; ++chain) {
    const index_t first = chain * decode::kChain, rest = count - first;
    const index_t here = rest < 0 ? 0 : rest < decode::kChain ? rest : decode::kChain;
    std::uint64_t any = 0, all = ~std::uint64_t{0};
    for (index_t i = 0; i < mask.q_len; ++i) {
      std::uint64_t& word = words[i * decode::kWords + chain];
      word = here == 0 ? 0 : i == 0 || varies ? keys_of_row(mask, i, k0 + first, here) : words[chain];
      any |= word;
      all &= word;
    }
    seen.any[chain] = any;
    seen.all[chain] = all;
    seen.nothing = seen.nothing && any == 0;
  }
  return seen;
}

template <class Stored>
GLINT_INLINE void find_rows(const kv::Cache<Stored>& cache, index_t k0, index_t count, const Stored** k,
                            const Stored** v) {
  for (index_t c = 0; c < count;) {
    const auto run = cache.run(k0 + c, count - c);
    for (index_t i = 0; i < run.count; ++i, ++c) {
      k[c] = run.k + i * run.k_stride;
      if (v != nullptr) v[c] = run.v + i * run.v_stride;
    }
  }
}

// Rows whose bits are not set become rows of zeros.
template <class Stored>
GLINT_INLINE void replace_unseen(const std::uint64_t* seen, const Stored* zeros, const Stored** rows) {
  for (index_t chain = 0; chain < decode::kWords; ++chain)
    for (std::uint64_t unseen = ~seen[chain]; unseen != 0; unseen &= unseen - 1)
      rows[chain * decode::kChain + std::countr_zero(unseen)] = zeros;
}

// The first tile from k0 on, before key `end`, of which any row sees a key.
template <class Stored>
GLINT_NOINLINE void stage_tile(const decode::Head<Stored>& head, index_t k0, index_t end, const Stored* zeros,
                               KeyTile<Stored>& tile) {
  for (tile.count = 0; k0 < end; k0 += decode::kKeys) {
    const index_t count = end - k0 < decode::kKeys ? end - k0 : decode::kKeys;
    const Seen seen = see_keys(head.mask, k0, count, tile.words);
    if (seen.nothing) continue;
    tile.k0 = k0;
    tile.count = count;
    for (index_t chain = 0; chain < decode::kWords; ++chain) tile.partial[chain] = seen.any[chain] & ~seen.all[chain];
    find_rows(head.kv, k0, count, tile.k(), tile.v());
    replace_unseen(seen.any, zeros, tile.k());
    replace_unseen(seen.any, zeros, tile.v());
    if (head.q_rope.dim > 0) {
      find_rows(head.rope, k0, count, tile.rope, static_cast<const Stored**>(nullptr));
      replace_unseen(seen.any, zeros, tile.rope);
      for (index_t i = 0; i < kMostAhead; ++i) tile.rope[decode::kKeys + i] = zeros;
    }
    return;
  }
}

// One factor for each key of a tile; `otherwise` where nobody sees it.
template <class Stored>
GLINT_NOINLINE void gather_factors(const decode::Head<Stored>& head, const CacheFactors& factors,
                                   const NumberRef& numbers, const KeyTile<Stored>& tile, const Stored* zeros,
                                   float otherwise, float* to) {
  const auto& pages = head.kv.own;
  for (index_t c = 0; c < decode::kKeys; ++c) {
    const index_t key = tile.k0 + c;
    if (c >= tile.count || tile.v()[c] == zeros) {
      to[c] = otherwise;
    } else if (factors.kind == CacheFactors::Kind::token) {
      to[c] = numbers[head.first_column + key];
    } else {
      to[c] = numbers[pages.table[key / pages.block_size] * factors.block_stride + key % pages.block_size];
    }
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

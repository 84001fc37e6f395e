// No guard: included once for each ISA.  Decode: the query rows of one kv head against part of its keys.
//
//   s = scale * (q . k) + bias      s' = mask(s)      p = exp(s' - max)      o += p v        o / sum, rounded or
//   quantized
//
// K's factors that depend on the number go into q, those that depend on the key multiply the score; V's into o and p.
// Offsets are added as rows are read.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// One head on its way through its keys.
template <class Stored>
struct DecodeWork {
  const decode::Head<Stored>& head;
  decode::Scratch scratch;
  decode::Partial part;
  index_t rows;  // padded
  index_t q_stride;
  const Stored* zeros;
  bool pairs;  // products of pairs of bfloat16: q as it is, scores not yet scaled
};

// A row of queries as floats, times `factor` and K's factors by number, zeros behind.
GLINT_INLINE void pack_query(const decode::QueryRows& q, index_t head, index_t row, float factor,
                             const CacheFactors* factors, float* to) {
  const NumberRef from = q.data.from(head * q.head_stride + row * q.row_stride);
  const index_t width = padded(q.dim);
  if (from.dtype == DType::f32) {
    convert_rows(static_cast<const float*>(from.data), 0, 1, q.dim, to, 0);
  } else if (from.dtype == DType::f16) {
    convert_rows(static_cast<const half*>(from.data), 0, 1, q.dim, to, 0);
  } else {
    convert_rows(static_cast<const bfloat16*>(from.data), 0, 1, q.dim, to, 0);
  }
  for (index_t d = 0; d < q.dim; ++d) to[d] *= factor;
  using Kind = CacheFactors::Kind;
  if (factors != nullptr && (factors->kind == Kind::single || factors->kind == Kind::channel))
    for (index_t d = 0; d < q.dim; ++d) to[d] *= factors->scale[factors->kind == Kind::channel ? d : 0];
  for (index_t d = q.dim; d < width; ++d) to[d] = 0;
}

// The same as bfloat16 and unscaled.
GLINT_INLINE void copy_query(const decode::QueryRows& q, index_t head, index_t row, float* to) {
  const NumberRef from = q.data.from(head * q.head_stride + row * q.row_stride);
  bfloat16* const pairs = reinterpret_cast<bfloat16*>(to);
  for (index_t d = 0; d < q.dim; ++d) pairs[d] = static_cast<const bfloat16*>(from.data)[d];
  for (index_t d = q.dim; d < padded(q.dim); ++d) pairs[d] = {};
}

template <class Stored>
GLINT_INLINE bool uses_pairs([[maybe_unused]] const decode::Head<Stored>& head) {
#if GLINT_USE_AVX512
  if constexpr (std::is_same_v<Stored, bfloat16>)
    return head.fast && head.q.data.dtype == DType::bf16 && simd::bf16_dot();
#endif
  return false;
}

template <class Stored>
GLINT_NOINLINE DecodeWork<Stored> start_head(const decode::Head<Stored>& head, std::byte* memory) {
  const decode::Extents extents = decode::extents_of(head);
  const decode::Scratch s = decode::Scratch::at(memory, extents);
  const index_t width = padded(head.q.dim), q_stride = width + padded(head.q_rope.dim);
  const index_t rows = padded_rows(head.rows());
  const bool pairs = uses_pairs(head);
  for (index_t h = 0, r = 0; h < head.heads; ++h) {
    for (index_t i = 0; i < head.q_len; ++i, ++r) {
      float* const to = s.q + r * q_stride;
      pairs ? copy_query(head.q, h, i, to) : pack_query(head.q, h, i, head.scale, &head.k_factors, to);
      if (head.q_rope.dim > 0)
        pairs ? copy_query(head.q_rope, h, i, to + width)
              : pack_query(head.q_rope, h, i, head.scale, nullptr, to + width);
    }
  }
  for (index_t r = head.rows(); r < rows; ++r)
    for (index_t d = 0; d < q_stride; ++d) s.q[r * q_stride + d] = 0;
  spread(head.k_factors, head.k_factors.offset, head.q.dim, 0, s.k_offset);
  spread(head.v_factors, head.v_factors.offset, head.out.dim, 0, s.v_offset);
  spread(head.v_factors, head.v_factors.scale, head.out.dim, 1, s.v_scale);
  for (index_t i = 0; i < 4 * decode::kKeys; ++i) s.by_key[i] = 0;
  for (index_t i = 0; i < decode::Scratch::widest(extents); ++i) reinterpret_cast<float*>(s.zeros)[i] = 0;
  return {head, s, decode::Partial::at(s.part, extents), rows, q_stride, reinterpret_cast<const Stored*>(s.zeros),
          pairs};
}

// use(load) with the way in which rows of K or V are read.
template <class Stored, class Use>
GLINT_INLINE void with_loader([[maybe_unused]] bool pairs, const CacheFactors& factors, const float* by_number,
                              const float* by_key, const Use& use) {
#if GLINT_USE_AVX512
  if constexpr (std::is_same_v<Stored, bfloat16>) {
    if (pairs) return use(AsPairs{});
  }
#endif
  if constexpr (is_integer_element<Stored>) {
    if (factors.offset) return use(WithOffsets<Stored>{by_number, by_key});
  }
  use(AsStored<Stored>{});
}

template <class Stored>
GLINT_INLINE bool finite_row(const Stored* row, index_t dim) {
  if constexpr (is_integer_element<Stored>) {
    return true;
  } else {
    bool finite = true;
    for (index_t d = 0; d < dim; ++d) finite = finite && is_finite(to_float(row[d]));
    return finite;
  }
}

// Keys that only some rows see may hold NaN, in V or its offset, which 0 times it would carry into the others: then
// every row gets a table of its own.
template <class Stored, class Load>
GLINT_NOINLINE void weigh_apart(const DecodeWork<Stored>& work, const TileRows<Stored, Load>& v,
                                const KeyTile<Stored>& tile, const WeighedSums& to) {
  const Stored* own[decode::kKeys];
  float offsets[decode::kKeys];
  for (index_t r = 0; r < work.head.rows(); ++r) {
    const std::uint64_t* const words = tile.words + r % work.head.q_len * decode::kWords;
    for (index_t c = 0; c < decode::kKeys; ++c) {
      const bool seen = (words[c / decode::kChain] >> c % decode::kChain & 1) != 0;
      own[c] = seen ? v.rows[c] : work.zeros;
      offsets[c] = seen ? work.scratch.by_key[3 * decode::kKeys + c] : 0.0F;
    }
    weigh_by_rows<Stored, Load>({own, v.load.without(offsets), v.dim}, work.scratch.s + r * decode::kKeys, 1,
                                tile.count, {to.o + r * to.width, to.chain, to.width, to.alpha + r, to.first});
  }
}

template <class Stored>
GLINT_INLINE bool must_weigh_apart(const DecodeWork<Stored>& work, const KeyTile<Stored>& tile) {
  for (index_t chain = 0; chain < decode::kWords; ++chain) {
    for (std::uint64_t keys = tile.partial[chain]; keys != 0; keys &= keys - 1) {
      const index_t c = chain * decode::kChain + std::countr_zero(keys);
      if (!finite_row(tile.v()[c], work.head.out.dim) || !is_finite(work.scratch.by_key[3 * decode::kKeys + c]))
        return true;
    }
  }
  return false;
}

template <class Stored>
GLINT_INLINE TileFactors tile_factors(const DecodeWork<Stored>& work, const KeyTile<Stored>& tile) {
  const decode::Head<Stored>& head = work.head;
  float* const by_key = work.scratch.by_key;
  TileFactors factors;
  if (work.pairs) factors.score = head.scale;
  if (head.k_factors.by_token()) {
    gather_factors(head, head.k_factors, head.k_factors.scale, tile, work.zeros, 1, by_key);
    factors.k_scale = by_key;
    if (head.k_factors.offset)
      gather_factors(head, head.k_factors, head.k_factors.offset, tile, work.zeros, 0, by_key + decode::kKeys);
  }
  if (head.v_factors.by_token()) {
    gather_factors(head, head.v_factors, head.v_factors.scale, tile, work.zeros, 1, by_key + 2 * decode::kKeys);
    factors.v_scale = by_key + 2 * decode::kKeys;
    if (head.v_factors.offset)
      gather_factors(head, head.v_factors, head.v_factors.offset, tile, work.zeros, 0, by_key + 3 * decode::kKeys);
  }
  return factors;
}

// One tile.
template <class Stored>
GLINT_INLINE void attend_tile(const DecodeWork<Stored>& work, const KeyTile<Stored>& tile, bool first) {
  const decode::Head<Stored>& head = work.head;
  const decode::Scratch& s = work.scratch;
  const TileFactors factors = tile_factors(work, tile);
  with_loader<Stored>(
      work.pairs, head.k_factors, s.k_offset,
      s.by_key + decode::kKeys, [&](const auto& load) __attribute__((always_inline)) {
        using Load = std::remove_cvref_t<decltype(load)>;
        const TileRows<Stored, Load> k{tile.k(), load, head.q.dim, rows_ahead<Load>(work.zeros, head.q.dim, work.rows)};
        scores_by_rows(k, s.q, work.q_stride, work.rows, tile.count, s.s, false);
      });
  if (head.q_rope.dim > 0) {
    with_loader<Stored>(
        work.pairs, {}, nullptr, nullptr, [&](const auto& load) __attribute__((always_inline)) {
          using Load = std::remove_cvref_t<decltype(load)>;
          const index_t dim = head.q_rope.dim;
          const TileRows<Stored, Load> k{tile.rope, load, dim, rows_ahead<Load>(work.zeros, dim, work.rows)};
          scores_by_rows(k, s.q + padded(head.q.dim), work.q_stride, work.rows, tile.count, s.s, true);
        });
  }
  const RowStates state{work.part.max, work.part.sum, s.alpha, s.tile_max};
  absorb_rows(head, tile.k0, tile.count, tile.words, factors, state, s.s);
#if GLINT_USE_AVX512
  for (index_t r = 0; work.pairs && r < head.rows(); ++r) round_weights(s.s + r * decode::kKeys, tile.count);
#endif
  const WeighedSums sums{work.part.o, s.chain, padded(head.out.dim), s.alpha, first};
  with_loader<Stored>(
      work.pairs, head.v_factors, s.v_offset,
      s.by_key + 3 * decode::kKeys, [&](const auto& load) __attribute__((always_inline)) {
        using Load = std::remove_cvref_t<decltype(load)>;
        const TileRows<Stored, Load> v{tile.v(), load, head.out.dim,
                                       rows_ahead<Load>(work.zeros, head.out.dim, work.rows)};
        must_weigh_apart(work, tile) ? weigh_apart(work, v, tile, sums)
                                     : weigh_by_rows(v, s.s, work.rows, tile.count, sums);
      });
}

// The rows that will be read after a tile: the next tile's, or those of `after` from key `key` on.
template <class Stored>
GLINT_INLINE void append_next(const KeyTile<Stored>& next, const kv::Cache<Stored>* after, index_t key,
                              const Stored* zeros, KeyTile<Stored>& tile) {
  const Stored** const to = tile.v() + decode::kKeys;
  for (index_t i = 0; i < kMostAhead; ++i) to[i] = next.count > 0 ? next.rows[i] : zeros;
  if (next.count > 0 || after == nullptr || key >= after->length()) return;
  const index_t rest = after->length() - key;
  find_rows(*after, key, rest < kMostAhead ? rest : kMostAhead, to, static_cast<const Stored**>(nullptr));
}

// Keys [lo, hi) of a head, from a fresh state.  after: what will be read when they are done, from key after_key on; may
// be null.
template <class Stored>
GLINT_INLINE void attend_part(const DecodeWork<Stored>& work, Interval keys, const kv::Cache<Stored>* after,
                              index_t after_key) {
  const index_t states = decode::Scratch::rows_of(decode::extents_of(work.head));
  fill(work.part.max, states, kLowest);
  fill(work.part.sum, states, 0.0F);
  fill(work.scratch.tile_max, states, kLowest);
  KeyTile<Stored> tile[2];
  tile[0].words = work.scratch.words[0];
  tile[1].words = work.scratch.words[1];
  stage_tile(work.head, keys.lo, keys.hi, work.zeros, tile[0]);
  if (tile[0].count == 0) return fill(work.part.o, work.rows * padded(work.head.out.dim), 0.0F);
  bool first = true;
  for (int now = 0; tile[now].count > 0; now = 1 - now, first = false) {
    KeyTile<Stored>& next = tile[1 - now];
    stage_tile(work.head, tile[now].k0 + decode::kKeys, keys.hi, work.zeros, next);
    append_next(next, after, after_key, work.zeros, tile[now]);
    attend_tile(work, tile[now], first);
  }
#if GLINT_USE_AVX512
  if (work.pairs) restore_order(work.part.o, work.rows * padded(work.head.out.dim));
#endif
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

// No guard: included once for each ISA.  What the tiles of prefill read and write, as the float products want it: query
// rows of any type into lanes, a tile of K and V as rows of float wherever they come from, lanes into rows of out.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// lanes[d * kRows + r] = factor * q[r][d].
template <index_t kRows>
GLINT_INLINE void pack_query(const QueryView& q, Interval rows, float factor, float* lanes) {
  with_number_type(
      q.dtype, [&](auto zero) __attribute__((always_inline)) {
        pack_lanes<kRows>(static_cast<const decltype(zero)*>(q.row(rows.lo)), q.row_stride, rows.size(), q.dim, factor,
                          lanes);
      });
}

// Row r of out is all zeros, or what zero is as an int8.
GLINT_INLINE void store_zeros(const OutputView& out, index_t r) {
  constexpr index_t kMost = 64;
  constexpr float kZeros[kMost] = {};
  for (index_t d = 0; d < out.dim; d += kMost)
    store_row(kZeros, out.dim - d < kMost ? out.dim - d : kMost, out.number(r, d), out.dtype, out.factors.from(d));
}

// To int8, by way of rows of float.
template <index_t kRows>
GLINT_NOINLINE void unpack_to_int8(const float* o, const float* factor, Interval rows, const OutputView& out) {
  constexpr index_t kMost = OutputScales::kMost;
  alignas(64) float part[kLanes * kMost] = {};  // read in whole vectors
  for (index_t d = 0; d < out.dim; d += kMost) {
    const index_t width = out.dim - d < kMost ? out.dim - d : kMost;
    const OutputScales scales(out.factors.from(d), width);
    for (index_t r = 0; r < rows.size(); r += kLanes) {
      const index_t height = rows.size() - r < kLanes ? rows.size() - r : kLanes;
      unpack_lanes<kRows>(o + d * kRows + r, factor + r, height, width, part, kMost);
      for (index_t i = 0; i < height; ++i)
        scales.store(part + i * kMost, width, static_cast<std::int8_t*>(out.number(rows.lo + r + i, d)));
    }
  }
}

// Rows of out = o * factor.
template <index_t kRows>
GLINT_INLINE void unpack_output(const float* o, const float* factor, Interval rows, const OutputView& out) {
  if (out.dtype == DType::i8) return unpack_to_int8<kRows>(o, factor, rows, out);
  with_number_type(
      out.dtype, [&](auto zero) __attribute__((always_inline)) {
        unpack_lanes<kRows>(o, factor, rows.size(), out.dim, static_cast<decltype(zero)*>(out.row(rows.lo)),
                            out.row_stride);
      });
}

// K and V rows as float, in place where they already are that.
struct StagedSingles {
  const float* k = nullptr;
  const float* v = nullptr;
  index_t k_stride = 0;
  index_t v_stride = 0;
};

// The factors of a head's K or V: those of its numbers, and what multiplies or is added to them for a key.
struct RowFactors {
  const CacheFactors* of;
  const float* scale;   // of each number; 1 where factors go by key
  const float* offset;  // 0 where there is none

  // Where the factors of key k stand, if they go by key.
  template <class Head>
  GLINT_INLINE index_t place(const Head& head, index_t k) const {
    const auto& pages = head.kv.own;
    if (of->kind == CacheFactors::Kind::token) return head.first_column + k;
    return pages.table[k / pages.block_size] * of->block_stride + k % pages.block_size;
  }
};

// `count` rows of integers, the first of which is key k0, as (x + offset) * scale.
template <class Head, class Stored>
GLINT_NOINLINE void dequantize_rows(const Head& head, const RowFactors& factors, index_t k0, const Stored* source,
                                    index_t stride, index_t count, index_t dim, float* target, index_t target_stride) {
  const bool by_key = factors.of->by_token();
  for (index_t r = 0; r < count; ++r) {
    float scale = 1, offset = 0;
    if (by_key) {
      const index_t at = factors.place(head, k0 + r);
      scale = factors.of->scale[at];
      if (factors.of->offset) offset = factors.of->offset[at];
    }
    const Stored* const from = source + r * stride;
    float* const to = target + r * target_stride;
    const auto number = [&](const Vec& x, index_t d) __attribute__((always_inline)) {
      return (x + (load(factors.offset + d) + offset)) * (load(factors.scale + d) * scale);
    };
    index_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) store(to + d, number(load_numbers(from, d), d));
    if (d == dim) continue;
    alignas(64) float edge[kLanes];
    store(edge, number(load_numbers(from, d, dim - d), d));
    for (index_t i = 0; d + i < dim; ++i) to[d + i] = edge[i];
  }
}

// Spreads the factors of K and V over their numbers, once for each task.
template <class Tile, class Head>
GLINT_INLINE void spread_factors(const Head& head, const TileScratch<Tile>& scratch) {
  const index_t k = padded(head.q.dim), v = padded(head.out.dim);
  float* const to = scratch.factors;
  spread(head.k_factors, head.k_factors.scale, head.q.dim, 1, to);
  spread(head.k_factors, head.k_factors.offset, head.q.dim, 0, to + k);
  spread(head.v_factors, head.v_factors.scale, head.out.dim, 1, to + 2 * k);
  spread(head.v_factors, head.v_factors.offset, head.out.dim, 0, to + 2 * k + v);
}

// One run of keys from k0 on, to rows of a tile.
template <class Tile, class Head, class Run>
GLINT_INLINE void stage_run(const Head& head, index_t k0, const Run& run, const TileScratch<Tile>& scratch, float* k,
                            index_t k_stride, float* v, index_t v_stride) {
  const index_t k_dim = head.q.dim, v_dim = head.out.dim;
  if constexpr (is_integer_element<typename Head::element>) {
    const float* const f = scratch.factors;
    const RowFactors k_factors{&head.k_factors, f, f + padded(k_dim)};
    const RowFactors v_factors{&head.v_factors, f + 2 * padded(k_dim), f + 2 * padded(k_dim) + padded(v_dim)};
    dequantize_rows(head, k_factors, k0, run.k, run.k_stride, run.count, k_dim, k, k_stride);
    dequantize_rows(head, v_factors, k0, run.v, run.v_stride, run.count, v_dim, v, v_stride);
  } else {
    convert_rows(run.k, run.k_stride, run.count, k_dim, k, k_stride);
    convert_rows(run.v, run.v_stride, run.count, v_dim, v, v_stride);
  }
}

template <class Tile, class Head>
GLINT_INLINE StagedSingles stage_singles(const Head& head, Interval keys, const TileScratch<Tile>& scratch) {
  using Element = typename Head::element;
  const auto whole = head.kv.run(keys.lo, keys.size());
  if constexpr (std::is_same_v<Element, float>)
    if (whole.count == keys.size() && head.q_rope.dim == 0) return {whole.k, whole.v, whole.k_stride, whole.v_stride};
  const index_t k_stride = head.dim(), v_stride = head.out.dim;
  for (index_t at = keys.lo; at < keys.hi;) {
    const auto run = head.kv.run(at, keys.hi - at);
    stage_run(head, at, run, scratch, scratch.k + (at - keys.lo) * k_stride, k_stride,
              scratch.v + (at - keys.lo) * v_stride, v_stride);
    at += run.count;
  }
  if constexpr (!is_integer_element<Element>) {
    for (index_t at = keys.lo; head.q_rope.dim > 0 && at < keys.hi;) {
      const auto run = head.rope.run(at, keys.hi - at);
      convert_rows(run.k, run.k_stride, run.count, head.q_rope.dim, scratch.k + (at - keys.lo) * k_stride + head.q.dim,
                   k_stride);
      at += run.count;
    }
  }
  return {scratch.k, scratch.v, k_stride, v_stride};
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

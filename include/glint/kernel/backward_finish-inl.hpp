// No guard: included once for each ISA.  From sums to gradients in memory, and the gradients of a sink and of a bias
// that heads, batch entries or rows share.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// Rows of d_q = scale * sum, of one query tile.
template <index_t kRows>
GLINT_NOINLINE void store_query_gradient(const float* sum, float scale, Interval rows, const OutputView& d_q) {
  alignas(64) float factors[kRows];
  fill(factors, kRows, scale);
  unpack_output<kRows>(sum, factors, rows, d_q);
}

// Rows of d_k or d_v = scale * (sum + parts); parts may be null.
GLINT_NOINLINE inline void store_key_gradient(const float* sum, const float* parts, float scale, Interval keys,
                                              const OutputView& rows) {
  const index_t width = padded(rows.dim);
  with_number_type(
      rows.dtype, [&](auto zero) __attribute__((always_inline)) {
        using Element = decltype(zero);
        for (index_t k = keys.lo; k < keys.hi; ++k) {
          Element* const to = static_cast<Element*>(rows.row(k));
          const auto number = [&](index_t d) __attribute__((always_inline)) {
            const Vec part = load(sum + k * width + d);
            return (parts == nullptr ? part : part + load(parts + k * width + d)) * scale;
          };
          index_t d = 0;
          for (; d + kLanes <= rows.dim; d += kLanes) store_from_float(to + d, number(d));
          if (d == rows.dim) continue;
          alignas(64) Element edge[kLanes];
          store_from_float(edge, number(d));
          for (index_t i = 0; d + i < rows.dim; ++i) to[d + i] = edge[i];
        }
      });
}

// Did a row's output stay as it was cleared?
GLINT_INLINE bool all_zero_bits(const QueryView& out, index_t row) {
  const auto* const bytes = static_cast<const unsigned char*>(out.row(row));
  unsigned any = 0;
  for (index_t i = 0; i < out.dim * size_of(out.dtype); ++i) any |= bytes[i];
  return any == 0;
}

// -sum over rows of exp(sink - max) / sum * rowD: the sink's p times what its zero value lacks.  In double: rows may be
// many, and this is done once.
template <class Head>
GLINT_NOINLINE double sink_gradient(const Head& head) {
  constexpr index_t kRows = 64;
  double sum = 0;
  const double sink = static_cast<double>(head.forward.sink[0]);
  alignas(64) float delta[kRows];
  for (index_t row = 0; row < head.forward.q.rows; ++row) {
    if (row % kRows == 0)
      dot_rows(head.d_out, head.out(), intersect({row, row + kRows}, {0, head.forward.q.rows}), kRows, delta);
    float shift = 0, divisor = 0;
    read_terms(head.forward.stats, row, shift, divisor);
    const double p = std::exp(sink - static_cast<double>(shift)) / static_cast<double>(divisor);
    if (p == 1 && all_zero_bits(head.out(), row)) continue;  // saw the sink alone: d_out, NaN or not, has no say
    sum -= p * static_cast<double>(delta[row % kRows]);
  }
  return sum;
}

// scratch.bias[key][row] += dS of one query tile and one key tile, for a bias that several of them share.
template <class Tile, class Head, class Products>
GLINT_NOINLINE void add_bias_gradient(const Head& head, Interval rows, Interval keys, const GradientExtents& extents,
                                      std::byte* memory) {
  Arena arena(memory);
  const auto scratch = GradientScratch<Tile>::take(arena, extents);
  const GradientTile tile = start_tile<Products>(head, rows, keys, 0, scratch);
  if (tile.keys.empty()) return;
  const Box box{rows.lo, rows.hi, tile.keys.lo, tile.keys.hi};
  const Cover cover = look(head.forward.mask, box, scratch.words);
  if (cover == Cover::none) return;
  const TileBox<Head> at{head, tile, box, cover == Cover::partial ? scratch.words : nullptr};
  differentiate_box<Products>(at, Products::stage(head, tile.keys, scratch), {}, scratch);
  for (index_t c = 0; c < at.count(); ++c) {
    float* const to = scratch.bias + (box.k0 - keys.lo + c) * Tile::rows;
    for (index_t lane = 0; lane < tile.lanes; lane += kLanes)
      store(to + lane, load(to + lane) + load(scratch.ds + c * Tile::rows + lane));
  }
}

// Those sums as rows of the gradient; where all rows share one, as their sum.
template <class Tile>
GLINT_NOINLINE void store_shared_bias(const BiasPlane& plane, Box box, const float* sum) {
  const BiasGradient& to = plane.to;
  const index_t count = box.k1 - box.k0;
  const OutputView rows{
      static_cast<char*>(to.data) + box.k0 * size_of(to.dtype), to.dtype, box.q1, 0, to.row_stride, count};
  if (!plane.one_row) return store_query_gradient<Tile::rows>(sum, plane.factor, {box.q0, box.q1}, rows);
  for (index_t c = 0; c < count; ++c) {
    float total = 0;
    for (index_t r = 0; r < Tile::rows; ++r) total += sum[c * Tile::rows + r];
    total *= plane.factor;
    store_row(&total, 1, rows.number(0, c), to.dtype, {});
  }
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint

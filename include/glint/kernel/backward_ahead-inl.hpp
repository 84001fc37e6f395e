// No guard: included once for each ISA.  A query tile against a key tile, and the memory to ask for meanwhile: V and
// the sums of dV during the scores, the sums of dK during dP, and during the last product the next keys, or behind the
// last of them the next query tile's rows, or the next head's.
namespace glint {
inline namespace GLINT_ABI {
namespace GLINT_ISA {

// A tile against the keys of a box, of which the mask's words say who sees them (null: all see all).
template <class Head>
struct TileBox {
  const Head& head;
  const GradientTile& tile;
  Box box;
  const std::uint64_t* visible;
  Upcoming next{};               // what is read behind this box
  NextRows d_q{}, d_k{}, d_v{};  // what is written soon

  index_t count() const { return box.k1 - box.k0; }
  index_t rows() const { return tile.rows.size(); }
};

// The sums of the keys of a tile, from the first key of its box on.
struct KeySums {
  float* d_k;
  float* d_v;
  index_t k_stride, v_stride;
};

// What is read or written after the first product, and after the second.
template <class Head, class Staged>
GLINT_INLINE Upcoming values_ahead(const TileBox<Head>& at, const Staged& kv, const KeySums& sums) {
  Upcoming ahead;
  ahead.add(kv.v, kv.v_stride, at.count(), at.head.d_out.dim);
  ahead.add(sums.d_v, sums.v_stride, at.count(), at.head.d_out.dim);
  ahead.add(at.d_v);
  return ahead;
}
template <class Head>
GLINT_INLINE Upcoming keys_ahead(const TileBox<Head>& at, const KeySums& sums) {
  Upcoming ahead;
  ahead.add(sums.d_k, sums.k_stride, at.count(), at.head.forward.q.dim);
  ahead.add(at.d_k);
  ahead.add(at.d_q);
  return ahead;
}

GLINT_INLINE void expect_rows(const QueryView& q, index_t first, index_t count, Upcoming& upcoming) {
  const Interval rows = intersect({first, first + count}, {0, q.rows});
  const index_t size = size_of(q.dtype);
  if (!rows.empty()) upcoming.add({q.row(rows.lo), q.row_stride * size, rows.size(), q.dim * size});
}

template <class Head>
GLINT_INLINE void expect_tile(const Head& head, index_t q0, index_t k0, index_t rows, index_t keys,
                              Upcoming& upcoming) {
  expect_rows(head.forward.q, q0, rows, upcoming);
  expect_rows(head.d_out, q0, rows, upcoming);
  expect_rows(head.out(), q0, rows, upcoming);
  if (k0 >= head.forward.kv.length()) return;
  const auto run = head.forward.kv.run(k0, keys);
  upcoming.add(run.k, run.k_stride, run.count, head.forward.q.dim);
}

// What is read behind keys `span` and a query tile.
template <class Tile, class Head>
GLINT_INLINE Upcoming behind(const GradientBlock<Head>& block, const GradientTile& tile, Interval span) {
  Upcoming next;
  const index_t row = tile.rows.hi;
  if (span.hi < tile.keys.hi) {
    const auto run = block.head.forward.kv.run(span.hi, Tile::columns);
    next.add(run.k, run.k_stride, run.count, block.head.forward.q.dim);
  } else if (row < block.rows.hi) {
    expect_tile(block.head, row, block.keys.lo, Tile::rows * Tile::shared, Tile::columns, next);
  } else if (block.next != nullptr) {
    expect_tile(*block.next, 0, 0, Tile::rows * Tile::shared, Tile::columns, next);
  }
  return next;
}

GLINT_INLINE NextRows rows_of(const OutputView& out, Interval rows) {
  const index_t size = size_of(out.dtype);
  if (out.data == nullptr) return {};
  return {out.row(rows.lo), out.row_stride * size, rows.size(), out.dim * size};
}

}  // namespace GLINT_ISA
}  // namespace GLINT_ABI
}  // namespace glint
